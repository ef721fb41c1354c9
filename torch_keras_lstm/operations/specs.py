"""Shapes through operations, free sizes included, without computing a number."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.operations.resolve import constant
from torch_keras_lstm.operations.tensor_spec import FREE_SIZES, TensorSpec
from torch_keras_lstm.structure import flatten, leaves, map_leaves
from torch_keras_lstm.torch_internals import compiler_stays_away, without_torch_functions


def operation_specs(function: Any, args: Any, kwargs: Mapping[str, Any]) -> list[TensorSpec]:
    """What ``function`` gives for these arguments, tensors in which are given by their :class:`TensorSpec`.

    Where it takes no free batch, as beside a constant for each sample of a batch, it gets one of the constant's size.

    Raises:
        ValueError: when it cannot take them.
    """
    try:
        return _specs(function, args, kwargs)
    except ValueError:
        for size in dict.fromkeys(_first_sizes([*args, *kwargs.values()])):
            fixed = partial(TensorSpec.with_batch, size=size)
            with suppress(ValueError):
                return _specs(function, *map_leaves(TensorSpec, fixed, [[*args], dict(kwargs)]))
        raise


def _first_sizes(value: Any) -> Iterator[int]:
    """How long the constants, and tensors of a fixed size, among arguments are, but for those that broadcast."""
    if isinstance(value, TensorSpec):
        shape: Any = value.shape
    else:
        value = constant(value)
        shape = value.shape if isinstance(value, np.ndarray | Tensor) else _shape_of_list(value)
    if shape:
        yield from [shape[0]] if shape[0] not in (None, 1) else []
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _first_sizes(item)
    elif isinstance(value, Mapping):
        yield from _first_sizes([*value.values()])


def _shape_of_list(value: Any) -> Any:
    """The shape of nested lists of numbers; nothing of anything else."""
    if not isinstance(value, list) or not value or any(True for _ in leaves(TensorSpec, value)):
        return ()
    return (len(value),) if isinstance(value[0], list | int | float) else ()


def _specs(function: Any, args: Any, kwargs: Mapping[str, Any]) -> list[TensorSpec]:
    with compiler_stays_away():
        runs = [flatten(_run(function, args, kwargs, index)) for index in range(len(FREE_SIZES))]
    return [TensorSpec(examples) for examples in zip(*runs, strict=True)]


def _run(function: Any, args: Any, kwargs: Mapping[str, Any], index: int) -> Any:
    def example(spec: TensorSpec) -> Tensor:
        return spec.examples[index]

    args, kwargs = map_leaves(TensorSpec, example, args), map_leaves(TensorSpec, example, kwargs)
    try:
        # Outside of any `torch.device(...)`: sizes that are computed from shapes keep their numbers.
        with without_torch_functions():
            return function(*args, **kwargs)
    except ValueError:
        with torch.device("meta"):  # constant arrays, beside examples that have no numbers
            return function(*args, **kwargs)
