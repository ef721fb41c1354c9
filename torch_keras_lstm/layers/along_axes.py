"""A layer whose weights run along some axes of its inputs: what the normalizations share."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.layers.layer import Layer, Shape


class AlongAxes(Layer):
    """A layer that declares weights with one entry for each place along ``axes``.

    Args:
        axes: counted from the first axis, or from the last one if negative.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axes`` are no integers; for inputs without one of them, or of another size along it.
    """

    supports_masking = True

    def __init__(self, *, axes: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        check_axes("axis", axes)
        self.axes = tuple(axes)

    @property
    def axis(self) -> Any:
        """``axes`` as Keras writes them: one as a number."""
        return self.axes[0] if len(self.axes) == 1 else list(self.axes)

    def kept_axes(self, rank: int) -> tuple[int, ...]:
        """``axes`` counted from 0 and sorted, for inputs of ``rank`` axes."""
        return tuple(sorted(axis % rank for axis in self.axes))

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The sizes of ``axes`` for every weight."""
        sizes = tuple(int(input_shape[axis] or 0) for axis in self.kept_axes(len(input_shape)))
        return {row.name: sizes for row in self._rows}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """Free sizes but along ``axes``, with axes enough that those counted from both ends do not meet."""
        rank = max((axis + 1 for axis in self.axes if axis >= 0), default=0)
        rank += max((-axis for axis in self.axes if axis < 0), default=0)
        shape: list[int | None] = [None] * rank
        for axis, size in zip(self.kept_axes(rank), weight.shape, strict=True):
            shape[axis] = size
        return tuple(shape)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has the layer's axes, in the sizes that it was built for."""
        rank = len(shape)
        if not all(-rank <= axis < rank for axis in self.axes):
            raise ValueError(
                f"Layer `{self.name}` works along axis {self.axis}, which inputs of shape {tuple(shape)} do not have."
            )
        sizes = tuple(shape[axis] for axis in self.kept_axes(rank))
        if None in sizes:
            raise ValueError(f"Layer `{self.name}` needs the size of axis {self.axis} to be built, got {tuple(shape)}.")
        if self.built and self._rows:
            built_for = tuple(getattr(self, self._rows[0].parameter).shape)
            if sizes != built_for:
                raise ValueError(
                    f"Layer `{self.name}` was built for {_sizes(built_for)} along axis {self.axis}, "
                    f"got inputs of shape {tuple(shape)} with {_sizes(sizes)}."
                )

    def beside(self, weight: Tensor, values: Tensor) -> Tensor:
        """A weight along the last of ``axes`` with as many axes as ``values``, of size 1 where it is constant."""
        shape = [1] * values.ndim
        for size, axis in zip(reversed(weight.shape), reversed(self.kept_axes(values.ndim)), strict=False):
            shape[axis] = size
        return weight.reshape(shape)


def _sizes(sizes: Sequence[int | None]) -> str:
    return " x ".join(map(str, sizes))
