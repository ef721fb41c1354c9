"""``keras.layers.LeakyReLU``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@activations.register("keras.layers")
@register("keras.layers")
class LeakyReLU(Layer):
    """``x`` where positive, else ``negative_slope * x``.

    Args:
        negative_slope: Keras' default for the layer, 0.3, is neither that of its function (0.2) nor torch's (0.01).

    Raises:
        ValueError: when it is no number or negative.

    Example:
        >>> LeakyReLU(negative_slope=0.1)(torch.tensor([-5.0, 2.0]))
        tensor([-0.5000,  2.0000])
    """

    supports_masking = True

    def __init__(self, negative_slope: float = 0.3, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_non_negative("negative_slope", negative_slope)
        self.negative_slope = negative_slope

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        return self.finish(activations.leaky_relu(self.prepare(inputs), self.negative_slope))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "negative_slope": self.negative_slope}

    def extra_repr(self) -> str:
        """The slope."""
        return f"{self.negative_slope}, {super().extra_repr()}"
