"""What every layer over the axes of space shares: where the channels stand, and the shapes that follow from it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import Tensor

from torch_keras_lstm.arguments import check_choice, integers_per_axis
from torch_keras_lstm.layers.layer import Layer, Shape

DATA_FORMATS = ("channels_last", "channels_first")
_AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}

# one number for all axes and both sides of each; one for each axis; or for each axis one in front and one at the end
Amounts = int | Sequence[int | Sequence[int]]


class SpatialLayer(Layer):
    """A layer of (batch, *spatial, channels), or (batch, channels, *spatial), with ``rank`` axes of space.

    Args:
        data_format: "channels_last", which ``None`` means too, or "channels_first".
    """

    rank: ClassVar[int]

    def __init__(self, *, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = DATA_FORMATS[0] if data_format is None else data_format
        check_choice("data_format", self.data_format, DATA_FORMATS)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has a batch axis, one of channels and those of space."""
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape ({', '.join(self.layout('channels'))}), "
                f"got {len(shape)} axes: {tuple(shape)}."
            )

    def layout(self, channels: str) -> tuple[str, ...]:
        """The axes of a tensor in words, such as ("batch", "height", "width", "channels")."""
        return self.arrange("batch", _AXES[self.rank], channels)

    def arrange(self, batch: Any, sizes: Sequence[Any], channels: Any) -> tuple[Any, ...]:
        """A shape in the layer's ``data_format``."""
        if self.data_format == "channels_first":
            return (batch, channels, *sizes)
        return (batch, *sizes, channels)

    def sizes_of(self, shape: Shape) -> Shape:
        """The axes of space of a shape in the layer's ``data_format``."""
        return shape[2:] if self.data_format == "channels_first" else shape[1:-1]

    def channels_of(self, shape: Shape) -> int | None:
        """The number of channels of a shape in the layer's ``data_format``."""
        return shape[1 if self.data_format == "channels_first" else -1]

    def resized(self, shape: Shape, times: Sequence[int], plus: Sequence[int]) -> Shape:
        """``shape`` with ``times`` each size in space and ``plus`` so much; free sizes stay free."""
        axes = zip(self.sizes_of(shape), times, plus, strict=True)
        sizes = [None if size is None else factor * size + more for size, factor, more in axes]
        return self.arrange(shape[0], sizes, self.channels_of(shape))

    def pairs(self, name: str, value: Any) -> tuple[tuple[int, int], ...]:
        """The argument ``name``, amounts in front and at the end of each axis of space; see :data:`Amounts`.

        Raises:
            ValueError: when ``value`` has another form.
        """
        if self.rank == 1:
            value = [value]
        elif not isinstance(value, list | tuple):
            value = [value] * self.rank
        if len(value) != self.rank:
            raise ValueError(
                f"Received an invalid value for argument `{name}`: expected an integer, or an integer or a pair for "
                f"each of {self.rank} axes, got {value!r}."
            )
        front_and_end = [integers_per_axis(name, entry, 2, least=0) for entry in value]
        return tuple((front, end) for front, end in front_and_end)

    def channels_first(self, inputs: Tensor) -> Tensor:
        """Inputs in the layer's ``data_format`` as (..., channels, *spatial), a view."""
        if self.data_format == "channels_first":
            return inputs
        first, last = inputs.ndim - 1 - self.rank, inputs.ndim - 1
        return inputs.permute(*range(first), last, *range(first, last))  # exporters have no `movedim`

    def in_data_format(self, outputs: Tensor) -> Tensor:
        """(..., channels, *spatial) in the layer's ``data_format``, a view."""
        if self.data_format == "channels_first":
            return outputs
        first = outputs.ndim - 1 - self.rank
        return outputs.permute(*range(first), *range(first + 1, outputs.ndim), first)

    def prepare_numbers(self, inputs: Any) -> Tensor:
        """As :meth:`prepare`, integers and booleans cast to the layer's dtype; (batch, channels, *spatial)."""
        values = self.prepare(inputs)
        return self.channels_first(values if values.is_floating_point() else values.to(self._dtype))


def check_windows_fit(layer: Layer, shape: Shape, outputs: Sequence[int | None]) -> None:
    """Raise a ``ValueError`` when an axis of inputs of ``shape`` is smaller than the window of ``layer``."""
    if any(size is not None and size < 1 for size in outputs):
        raise ValueError(
            f"Layer `{layer.name}` has a window larger than its input of shape {tuple(shape)}: nothing would come out. "
            "Give it longer inputs, a smaller window or `padding='same'`."
        )
