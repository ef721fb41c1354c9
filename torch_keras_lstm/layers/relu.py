"""``keras.layers.ReLU``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@activations.register("keras.layers")
@register("keras.layers")
class ReLU(Layer):
    """``x`` above ``threshold``, at most ``max_value``; ``negative_slope * (x - threshold)`` below it.

    Args:
        max_value: the largest output; ``None`` for no bound.
        negative_slope: the slope below the threshold.
        threshold: where the slope changes.

    Raises:
        ValueError: when one of them is no number or negative.

    Example:
        >>> ReLU(max_value=6, negative_slope=0.1, threshold=1)(torch.tensor([-4.0, 0.5, 2.0, 9.0]))
        tensor([-0.5000, -0.0500,  2.0000,  6.0000])
    """

    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if max_value is not None:
            check_non_negative("max_value", max_value)
        check_non_negative("negative_slope", negative_slope)
        check_non_negative("threshold", threshold)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        return self.finish(activations.relu(self.prepare(inputs), self.negative_slope, self.max_value, self.threshold))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }
