"""``keras.layers.Activation``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Activation(Layer):
    """An activation function as a layer; a mask passes through.

    Args:
        activation: a Keras name, configuration or callable; ``None`` is linear.

    Raises:
        ValueError: when the name is unknown.

    Example:
        >>> Activation("hard_sigmoid")(torch.tensor([-4.0, 0.0, 1.5]))
        tensor([0.0000, 0.5000, 0.7500])
    """

    supports_masking = True

    def __init__(self, activation: object, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        return self.finish(self.activation(self.prepare(inputs)))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "activation": activations.serialize(self.activation)}

    def extra_repr(self) -> str:
        """The function's name."""
        return f"{activations.serialize(self.activation)!r}, {super().extra_repr()}"
