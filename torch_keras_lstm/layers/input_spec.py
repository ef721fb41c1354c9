"""``keras.layers.InputSpec``: what a layer of one's own says of the inputs that it takes."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from torch_keras_lstm.structure import flatten


class InputSpec:
    """Number of axes, sizes and type of an input. A layer that sets ``self.input_spec`` is called with no other.

    Args:
        dtype: the name of a type, such as "float32".
        shape: the whole shape, ``None`` where a size is free.
        ndim: the number of axes.
        max_ndim, min_ndim: how many axes there are at most and at least.
        axes: sizes by axis, such as ``{-1: 8}``.
        allow_last_axis_squeeze: whether a last axis of size 1 may be there or not.
        name: of the input, for inputs in a dictionary.
        optional: whether the input may be ``None``.

    Raises:
        TypeError: when ``axes`` is no dictionary with integers for keys.
        ValueError: when it names an axis that there is not.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        try:
            self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        except (AttributeError, TypeError, ValueError):
            raise TypeError(f"Argument `axes` must be a dict with integer keys. Received: axes={axes!r}") from None
        most = self.ndim or max_ndim
        if most is not None and max(self.axes, default=0) >= most:
            raise ValueError(f"Axis {max(self.axes)} is greater than the maximum allowed value: {most - 1}")

    def misfit(self, value: Any) -> str | None:
        """What is wrong with an input as a sentence part, or ``None``."""
        if value is None and self.optional:
            return None
        shape = getattr(value, "shape", None)
        if shape is None:
            return f"it is no tensor but {type(value).__name__}"
        sizes = tuple(shape)
        wanted = self.shape
        if self.allow_last_axis_squeeze and wanted is not None:
            sizes = sizes[:-1] if sizes[-1:] == (1,) else sizes
            wanted = wanted[:-1] if wanted[-1:] == (1,) else wanted
        elif self.ndim is not None and len(sizes) != self.ndim:
            return f"expected ndim={self.ndim}, found ndim={len(sizes)}"
        if self.max_ndim is not None and len(sizes) > self.max_ndim:
            return f"expected max_ndim={self.max_ndim}, found ndim={len(sizes)}"
        if self.min_ndim is not None and len(sizes) < self.min_ndim:
            return f"expected min_ndim={self.min_ndim}, found ndim={len(sizes)}"
        dtype = str(value.dtype).removeprefix("torch.")
        if self.dtype is not None and dtype != self.dtype:
            return f"expected dtype={self.dtype}, found dtype={dtype}"
        for axis, size in self.axes.items():
            if size is not None and sizes[axis] not in (size, None):
                return f"expected axis {axis} to have value {size}, found shape {sizes}"
        if wanted is not None and (
            len(wanted) != len(sizes)
            or any(None not in (want, size) and want != size for want, size in zip(wanted, sizes, strict=True))
        ):
            return f"expected shape={wanted}, found shape={sizes}"
        return None

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes", "optional")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """What :meth:`get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return f"InputSpec({', '.join(f'{name}={getattr(self, name)}' for name in names if getattr(self, name))})"


def check_input(spec: Any, inputs: Any, layer: str) -> None:
    """Raise a ``ValueError`` unless ``inputs`` are what ``spec``, one or nested ones, says of them."""
    specs = flatten(spec)
    names = [getattr(one, "name", None) for one in specs]
    if isinstance(inputs, Mapping) and all(names):
        missing = [name for name in names if name not in inputs]
        if missing:
            raise ValueError(f'Layer "{layer}" lacks the input "{missing[0]}". It takes {names}, got {[*inputs]}.')
        values = [inputs[name] for name in names]
    else:
        values = flatten(inputs)
    if len(values) != len(specs):
        raise ValueError(f'Layer "{layer}" expects {len(specs)} input(s), but it received {len(values)} input tensors.')
    for place, (one, value) in enumerate(zip(specs, values, strict=True)):
        wrong = None if one is None else one.misfit(value)
        if wrong is not None:
            raise ValueError(f'Input {place} of layer "{layer}" is incompatible with the layer: {wrong}.')
