from typing import Any

import pytest
import torch

from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.operations.specs import operation_specs
from torch_keras_lstm.operations.tensor_spec import TensorSpec

X, Y = TensorSpec.of((None, None, 5), torch.float32), TensorSpec.of((None, 5, 2), torch.float64)


@pytest.mark.parametrize(
    ("operation", "args", "kwargs", "shape", "dtype"),
    [
        ("Transpose", [X], {"axes": [0, 2, 1]}, (None, 5, None), torch.float32),
        ("Reshape", [X, [-1, 5, 6]], {}, (None, 5, 6), torch.float32),
        ("NotEqual", [X, 0.0], {}, (None, None, 5), torch.bool),
        ("Add", [X, [1.0, 2.0, 3.0, 4.0, 5.0]], {}, (None, None, 5), torch.float32),
        ("Mean", [Y], {"axis": 1, "keepdims": True}, (None, 1, 2), torch.float64),
        ("Argmax", [Y], {"axis": -1}, (None, 5), torch.int32),
    ],
)
def test_the_shape_of_an_operation(
    operation: str, args: list[Any], kwargs: dict[str, Any], shape: Any, dtype: torch.dtype
) -> None:
    (spec,) = operation_specs(OperationLayer(operation, {}), args, kwargs)
    assert (spec.shape, spec.dtype) == (shape, dtype)


def test_sizes_may_be_computed_from_a_shape() -> None:
    (shape,) = operation_specs(OperationLayer("Shape", {}), [Y], {})
    (batch,) = operation_specs(OperationLayer("GetItem", {}), [shape, 0], {})
    (flat,) = operation_specs(OperationLayer("Reshape", {}), [Y, [batch, 10]], {})
    assert flat.shape == (None, 10)


def test_an_operation_that_cannot_take_its_inputs_says_so() -> None:
    with pytest.raises(ValueError, match="Cannot compute operation `Add`"):
        operation_specs(OperationLayer("Add", {}), [X, [1.0, 2.0]], {})


@pytest.mark.parametrize(
    ("operation", "args", "shape"),
    [
        ("Add", [TensorSpec.of((None, 3), torch.float32), [[0.5] * 3] * 4], (4, 3)),
        ("Multiply", [TensorSpec.of((4, 3), torch.float32), TensorSpec.of((None, 3), torch.float32)], (4, 3)),
        (
            "Concatenate",
            [[TensorSpec.of((None, 3), torch.float32), {"class_name": "__numpy__", "config": {
                "value": [[1.0]] * 5, "dtype": "float32"}}]],
            (5, 4),
        ),
    ],
)  # fmt: skip
def test_a_constant_for_each_sample_fixes_the_batch(operation: str, args: list[Any], shape: Any) -> None:
    config = {"axis": -1} if operation == "Concatenate" else {}
    (spec,) = operation_specs(OperationLayer(operation, config), args, {})
    assert spec.shape == shape


def test_a_result_as_large_as_its_numbers_say_is_refused_in_words() -> None:
    for operation, args in (("Nonzero", [X]), ("Unique", [X]), ("SegmentSum", [X, TensorSpec.of((5,), torch.int32)])):
        with pytest.raises(ValueError, match=f"`{operation}` in a graph: how large its result is follows from numbers"):
            operation_specs(OperationLayer(operation, {}), args, {})
