from typing import Any

import pytest
import torch

from torch_keras_lstm.models.graph import Call, TensorSource
from torch_keras_lstm.models.operation_layer import OperationLayer
from torch_keras_lstm.models.specs import TensorSpec, flatten_shapes, operation_specs, shapes_of

X, Y = TensorSource("x", 0, 0), TensorSource("y", 0, 0)
SPECS = {X: TensorSpec.of((None, None, 5), torch.float32), Y: TensorSpec.of((None, 5, 2), torch.float64)}


def test_a_spec_keeps_shape_and_type_without_memory() -> None:
    spec = TensorSpec.of((None, 3, 10**9), torch.int32)
    assert (spec.shape, spec.dtype) == ((None, 3, 10**9), torch.int32)
    assert all(example.is_meta for example in spec.examples)
    assert shapes_of({"a": [X, 2]}, SPECS) == {"a": [(None, None, 5), 2]}


@pytest.mark.parametrize(
    ("operation", "call", "shape", "dtype"),
    [
        ("Transpose", Call((X,), {"axes": [0, 2, 1]}), (None, 5, None), torch.float32),
        ("Reshape", Call((X, [-1, 5, 6]), {}), (None, 5, 6), torch.float32),
        ("NotEqual", Call((X, 0.0), {}), (None, None, 5), torch.bool),
        ("Add", Call((X, [1.0, 2.0, 3.0, 4.0, 5.0]), {}), (None, None, 5), torch.float32),
        ("Mean", Call((Y,), {"axis": 1, "keepdims": True}), (None, 1, 2), torch.float64),
        ("Argmax", Call((Y,), {"axis": -1}), (None, 5), torch.int32),
    ],
)
def test_the_shape_of_an_operation(operation: str, call: Call, shape: Any, dtype: torch.dtype) -> None:
    (spec,) = operation_specs(OperationLayer(operation, {}), call, SPECS)
    assert (spec.shape, spec.dtype) == (shape, dtype)


def test_sizes_may_be_computed_from_a_shape() -> None:
    sizes, first = TensorSource("sizes", 0, 0), TensorSource("first", 0, 0)
    (shape,) = operation_specs(OperationLayer("Shape", {}), Call((Y,), {}), SPECS)
    (batch,) = operation_specs(OperationLayer("GetItem", {}), Call((sizes, 0), {}), {sizes: shape})
    (flat,) = operation_specs(OperationLayer("Reshape", {}), Call((Y, [first, 10]), {}), {**SPECS, first: batch})
    assert flat.shape == (None, 10)


def test_an_operation_that_cannot_take_its_inputs_says_so() -> None:
    with pytest.raises(ValueError, match="Cannot compute operation `Add`"):
        operation_specs(OperationLayer("Add", {}), Call((X, [1.0, 2.0]), {}), SPECS)


def test_a_shape_beyond_64_bits_is_refused() -> None:
    for shape in ((None, 10**30), (10**10, 10**10)):
        with pytest.raises(ValueError, match="is larger than any memory"):
            TensorSpec.of(shape, torch.float32)


def test_shapes_come_alone_or_nested() -> None:
    assert flatten_shapes((None, 3)) == [(None, 3)]
    assert flatten_shapes([(None, 3), [None, 4]]) == [(None, 3), (None, 4)]
    assert flatten_shapes({"b": (1, 2), "a": (3,)}) == [(3,), (1, 2)]
