"""``keras.layers.UnitNormalization``."""

from collections.abc import Sequence
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register

SHORTEST = 1e-12


@register("keras.layers")
class UnitNormalization(Layer):
    """Scales the inputs to Euclidean norm 1 over ``axis``; a norm below 1e-12 counts as 1e-12.

    Args:
        axis: the axis or axes that the norm is taken over.

    Raises:
        ValueError: when ``axis`` is no integer or list of them.

    Example:
        >>> UnitNormalization()(torch.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_axes("axis", [axis] if isinstance(axis, int) else axis)
        self.axis = axis

    def forward(self, inputs: Any) -> Tensor:
        """The scaled inputs."""
        inputs = self.prepare(inputs)
        squares = inputs.square().sum(self.axis, keepdim=True)
        # Before the root, whose gradient at zero is infinite: masked steps are zeros.
        return self.finish(inputs * at_least(squares, SHORTEST**2).rsqrt())

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "axis": self.axis}
