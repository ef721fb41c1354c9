"""``keras.InputSpec``: what a layer expects of its inputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch_keras_lstm.layers import dtypes


class InputSpec:
    """Rank, shape and type of an input, which a layer of one's own checks in each call once it is ``self.input_spec``.

    Args:
        dtype: the type, such as "float32".
        shape: the shape, ``None`` where any size will do.
        ndim: the number of axes.
        max_ndim, min_ndim: bounds of it.
        axes: sizes of single axes, by their numbers.
        allow_last_axis_squeeze: accept a last axis of size 1 more or fewer.
        name: by which a dictionary of inputs gives this one.
        optional: whether the input may be ``None``.

    Example:
        >>> class Doubled(Layer):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.input_spec = InputSpec(ndim=3, axes={-1: 4})
        ...     def call(self, inputs):
        ...         return 2 * inputs
        >>> Doubled()(torch.ones(2, 5, 4)).shape
        torch.Size([2, 5, 4])
    """

    def __init__(
        self,
        dtype: object = None,
        shape: Sequence[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else dtypes.DTypeName(dtypes.name(dtypes.any_type(dtype)))
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(shape)
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "InputSpec":
        """The spec of a configuration."""
        return cls(**config)

    def __repr__(self) -> str:
        given = {**self.get_config(), "axes": self.axes or None}
        return f"InputSpec({', '.join(f'{name}={value}' for name, value in given.items() if value is not None)})"

    def misfit(self, value: Any) -> str | None:
        """What is wrong with a tensor, as the end of a sentence; ``None`` when it fits."""
        if value is None:
            return None if self.optional else "got None"
        shape = tuple(value.shape)
        if self.ndim is not None and not self.allow_last_axis_squeeze and len(shape) != self.ndim:
            return f"expected {self.ndim} axes, got {len(shape)}: shape {shape}"
        if self.max_ndim is not None and len(shape) > self.max_ndim:
            return f"expected at most {self.max_ndim} axes, got {len(shape)}: shape {shape}"
        if self.min_ndim is not None and len(shape) < self.min_ndim:
            return f"expected at least {self.min_ndim} axes, got {len(shape)}: shape {shape}"
        if self.dtype is not None and self.dtype != value.dtype:
            return f"expected type {self.dtype}, got {dtypes.name(value.dtype)}"
        for axis, size in self.axes.items():
            if size is not None and not -len(shape) <= axis < len(shape):
                return f"expected an axis {axis}, got shape {shape}"
            if size is not None and shape[axis] is not None and shape[axis] != size:
                return f"expected size {size} along axis {axis}, got shape {shape}"
        return self._misfit_of_shape(shape)

    def _misfit_of_shape(self, shape: tuple[int | None, ...]) -> str | None:
        wanted = self.shape
        if wanted is None:
            return None
        if self.allow_last_axis_squeeze:
            wanted = wanted[:-1] if wanted and wanted[-1] == 1 and len(wanted) != len(shape) else wanted
            shape = shape[:-1] if shape and shape[-1] == 1 and len(wanted) != len(shape) else shape
        fits = len(wanted) == len(shape) and all(
            want is None or size is None or size == want for want, size in zip(wanted, shape, strict=True)
        )
        return None if fits else f"expected shape {wanted}, got {shape}"


def check_inputs(specs: Any, inputs: Any, layer_name: str) -> None:
    """Raise a ``ValueError`` when the first argument of a call is not what the layer's ``input_spec`` says."""
    listed = list(specs) if isinstance(specs, list | tuple) else [specs]
    if isinstance(inputs, Mapping) and all(spec.name in inputs for spec in listed):
        values = [inputs[spec.name] for spec in listed]
    else:
        values = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    if len(values) != len(listed):
        raise ValueError(f"Layer `{layer_name}` takes {len(listed)} inputs, got {len(values)}.")
    for place, (spec, value) in enumerate(zip(listed, values, strict=True)):
        misfit = spec.misfit(value)
        if misfit is not None:
            which = f"Input {place} of layer" if len(listed) > 1 else "The input of layer"
            raise ValueError(f"{which} `{layer_name}` does not fit its `input_spec`: {misfit}.")
