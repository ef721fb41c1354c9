"""Shapes through operations, free sizes included, without computing a number."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.tensor_spec import FREE_SIZES, TensorSpec
from torch_keras_lstm.structure import flatten, map_leaves
from torch_keras_lstm.torch_internals import compiler_stays_away, without_torch_functions


def operation_specs(function: Any, args: Any, kwargs: Mapping[str, Any]) -> list[TensorSpec]:
    """What ``function`` gives for these arguments, tensors in which are given by their :class:`TensorSpec`.

    Raises:
        ValueError: when it cannot take them.
    """
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
