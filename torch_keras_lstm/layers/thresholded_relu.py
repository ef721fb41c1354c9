"""``ThresholdedReLU`` of Keras 1 and 2; Keras 3 has it no more."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@activations.register("tf_keras.layers")
@register("tf_keras.layers")
class ThresholdedReLU(Layer):
    """``x`` above ``theta``, else 0.

    Args:
        theta: the threshold.

    Raises:
        ValueError: when it is no number or negative.

    Example:
        >>> ThresholdedReLU(theta=1.0)(torch.tensor([0.9, 1.5, 2.0]))
        tensor([0.0000, 1.5000, 2.0000])
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_non_negative("theta", theta)
        self.theta = theta

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        inputs = self.prepare(inputs)
        return self.finish(inputs * (inputs > self.theta))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 2's names."""
        return {**super().get_config(), "theta": self.theta}

    def extra_repr(self) -> str:
        """The threshold."""
        return f"{self.theta}, {super().extra_repr()}"
