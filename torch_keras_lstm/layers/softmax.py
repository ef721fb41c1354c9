"""``keras.layers.Softmax``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@activations.register("keras.layers")
@register("keras.layers")
class Softmax(Layer):
    """``exp(inputs)`` divided by its sum over ``axis``; masked entries are 0 and count for nothing.

    Args:
        axis: the axis or axes of the sum.

    Raises:
        ValueError: when ``axis`` is no integer or list of them, or a mask does not broadcast to the inputs.

    Example:
        >>> x = torch.tensor([1.0, 1.0, 5.0])
        >>> Softmax()(x, mask=torch.tensor([True, True, False]))
        tensor([0.5000, 0.5000, 0.0000])
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_axes("axis", [axis] if isinstance(axis, int) else axis)
        self.axis = axis

    def forward(self, inputs: Any, mask: Any = None) -> Tensor:
        """The shares, in the shape of the inputs.

        Args:
            inputs: of any shape that has the axes.
            mask: boolean, ``True`` where an entry counts; it broadcasts to the inputs from the last axis on, as in
                Keras.
        """
        inputs = self.prepare(inputs)
        if mask is None:
            return self.finish(self._shares(inputs))
        counts = self._checked_mask(mask, inputs)
        # Keras' stand-in for minus infinity, which a half-precision number can hold.
        masked = inputs.masked_fill(~counts, -3e4 if self._dtype is torch.float16 else -1e9)
        return self.finish(self._shares(masked).masked_fill(~counts, 0))

    def _shares(self, inputs: Tensor) -> Tensor:
        if isinstance(self.axis, int):
            return activations.softmax(inputs, self.axis)
        return (inputs - inputs.logsumexp(tuple(self.axis), keepdim=True)).exp()

    def _checked_mask(self, mask: Any, inputs: Tensor) -> Tensor:
        counts = torch.as_tensor(mask, device=inputs.device)
        pairs = zip(reversed(counts.shape), reversed(inputs.shape), strict=False)
        if counts.ndim > inputs.ndim or any(size not in (1, wanted) for size, wanted in pairs):
            raise ValueError(
                f"`mask` of layer `{self.name}` must broadcast to the inputs, each of its axes 1 or as long as theirs, "
                f"got shape {tuple(counts.shape)} for inputs of shape {tuple(inputs.shape)}."
            )
        return counts if counts.dtype is torch.bool else counts > 0.5

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "axis": self.axis}

    def extra_repr(self) -> str:
        """The axis."""
        return f"axis={self.axis}, {super().extra_repr()}"
