"""Shapes through the graph of a functional model, free sizes included, without computing a number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.models.graph import Call, TensorSource, flatten, map_sources

# Two sizes, with many divisors, that stand for every free one: what differs between them in a result is free there.
_FREE_SIZES = (60, 120)


@dataclass(frozen=True)
class TensorSpec:
    """A tensor of the graph, as two examples that differ in its free sizes.

    Examples are on the ``meta`` device and have no numbers, but for those that an operation made of shapes alone.
    """

    examples: tuple[Tensor, ...]

    @classmethod
    def of(cls, shape: Shape, dtype: torch.dtype) -> "TensorSpec":
        """The tensor of this shape, ``None`` where a size is free."""
        shapes = [[free if size is None else size for size in shape] for free in _FREE_SIZES]
        try:
            return cls(tuple(torch.empty(sizes, dtype=dtype, device="meta") for sizes in shapes))
        except (TypeError, RuntimeError):  # torch's answers to sizes, or their product, beyond 64 bits
            raise ValueError(f"A tensor of shape {shape} is larger than any memory.") from None

    @property
    def shape(self) -> Shape:
        """The shape, ``None`` where a size is free."""
        sizes = zip(*(example.shape for example in self.examples), strict=True)
        return tuple(first if first == second else None for first, second in sizes)

    @property
    def dtype(self) -> torch.dtype:
        """The type."""
        return self.examples[0].dtype


Specs = Mapping[TensorSource, TensorSpec]


def shapes_of(value: Any, specs: Specs) -> Any:
    """The shapes of the tensors in an argument of a call: one shape, or a list or dictionary of them."""
    return map_sources(lambda source: specs[source].shape, value)


def operation_specs(function: Any, call: Call, specs: Specs) -> list[TensorSpec]:
    """What ``function`` gives for the arguments of ``call``.

    Raises:
        ValueError: when it cannot take them.
    """
    runs = [_run(function, call, specs, index) for index in range(len(_FREE_SIZES))]
    return [TensorSpec(examples) for examples in zip(*runs, strict=True)]


def _run(function: Any, call: Call, specs: Specs, index: int) -> list[Tensor]:
    def example(source: TensorSource) -> Tensor:
        return specs[source].examples[index]

    args, kwargs = map_sources(example, call.args), map_sources(example, call.kwargs)
    try:
        # Outside of any `torch.device(...)`: sizes that are computed from shapes keep their numbers.
        with torch._C.DisableTorchFunction():
            return flatten(function(*args, **kwargs))
    except ValueError:
        with torch.device("meta"):  # constant arrays, beside examples that have no numbers
            return flatten(function(*args, **kwargs))


def layer_specs(shapes: Any, dtype: torch.dtype) -> list[TensorSpec]:
    """What ``compute_output_shape`` of a layer gave, as tensors of ``dtype``."""
    return [TensorSpec.of(shape, dtype) for shape in flatten_shapes(shapes)]


def flatten_shapes(value: Any) -> list[Shape]:
    """The shapes in what ``compute_output_shape`` of a layer gave: one, or several in tuples, lists or dictionaries."""
    if isinstance(value, Mapping):
        value = [value[name] for name in sorted(value)]
    elif not any(isinstance(item, tuple | list | Mapping) for item in value):
        return [tuple(value)]
    return [shape for item in value for shape in flatten_shapes(item)]
