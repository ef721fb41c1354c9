import copy
import pickle
from typing import Any

import pytest
import torch

from torch_keras_lstm.operations import is_operation, operation

X = torch.arange(24.0).reshape(2, 4, 3)
FROM_THE_END = {"class_name": "__slice__", "config": {"start": None, "stop": None, "step": -1}}
NODE = {"op": "Mean", "attr": {"keep_dims": {"b": True}}}


@pytest.mark.parametrize(
    ("class_name", "module", "expected"),
    [
        ("Add", "keras.src.ops.numpy", True),
        ("Add", "keras.layers", False),
        ("Add", None, False),
        ("TFOpLambda", None, True),
        ("SlicingOpLambda", None, True),
        ("TensorFlowOpLayer", None, True),
    ],
)
def test_operations_are_told_from_layers_of_the_same_name(class_name: str, module: str | None, expected: bool) -> None:
    assert is_operation(class_name, module) is expected


@pytest.mark.parametrize(
    ("class_name", "config", "message"),
    [
        ("Mena", {}, r"Unknown operation `Mena`\. Did you mean 'Mean'\?"),
        ("Mean", {"axs": 1}, r"Operation `Mean` has no argument `axs`; it has x, axis, keepdims\."),
        (
            "TFOpLambda",
            {"function": "math.reduce_men"},
            r"Unknown TensorFlow function `math.reduce_men`\. Did you mean",
        ),
        ("TFOpLambda", {}, r"Unknown TensorFlow function `None`"),
        (
            "TensorFlowOpLayer",
            {"node_def": {"op": "Mull"}},
            r"Unknown TensorFlow operation `Mull`\. Did you mean 'Mul'",
        ),
        ("TensorFlowOpLayer", {"node_def": "\n\x03Mul"}, r"A TensorFlowOpLayer needs `node_def`, an object with"),
        ("Cast", {"dtype": "complex64"}, r"`dtype` must be one of bool, uint8, .*, got 'complex64'"),
    ],
)
def test_what_is_unknown_is_named(class_name: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        operation(class_name, config)(X)


@pytest.mark.parametrize(
    ("class_name", "config", "args", "message"),
    [
        ("Reshape", {"newshape": [-1, 7]}, [X], r"Cannot compute operation `Reshape`: shape '\[-1, 7\]' is invalid"),
        ("TFOpLambda", {"function": "reshape"}, [X], "Cannot compute operation `reshape`: it lacks `shape`"),
        ("Add", {}, [X], "Cannot compute operation `Add`: it lacks `x2`"),
        ("Add", {}, [X, X, X], "Cannot compute operation `Add`: it takes 2 arguments, and got 3"),
        ("TFOpLambda", {"function": "math.abs"}, [X, X, X], "Cannot compute operation `math.abs`: "),
        ("TensorFlowOpLayer", {"node_def": {"op": "MatMul"}}, [X, X], r"Cannot compute operation `MatMul`"),
        ("Squeeze", {"axis": 1}, [X], r"Axis 1 of a tensor of shape \(2, 4, 3\) has not size 1"),
        ("Split", {"indices_or_sections": 3, "axis": 1}, [X], r"cannot be split into 3 equal parts"),
        ("Pad", {"pad_width": [[1, 1]], "mode": "wrap"}, [X], r"'constant', 'reflect' or 'symmetric', got 'wrap'"),
        ("TFOpLambda", {"function": "einsum"}, ["ab,bc->ac"], r"tf\.keras leaves the operands out when it saves"),
    ],
)
def test_what_cannot_be_computed_says_in_which_operation(
    class_name: str, config: dict[str, Any], args: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        operation(class_name, config)(*args)


def test_copies_and_pickles_compute_the_same() -> None:
    for class_name, config in (
        ("Mean", {"axis": 1, "name": "m"}),
        ("TensorFlowOpLayer", {"node_def": NODE, "constants": {"1": 1}}),
    ):
        original = operation(class_name, config)
        for twin in (copy.deepcopy(original), pickle.loads(pickle.dumps(original))):
            assert torch.equal(twin(X), original(X))
            assert str(twin) == "operation `Mean`"


def test_constants_in_the_forms_of_json() -> None:
    item = operation("GetItem", {})
    assert torch.equal(item(X, [{"class_name": "__ellipsis__", "config": {}}, FROM_THE_END]), X.flip(2))
    array = {"class_name": "__numpy__", "config": {"value": [1.5, 2.5, 3.5], "dtype": "float64"}}
    assert torch.equal(operation("Multiply", {})(X, array), X.double() * torch.tensor([1.5, 2.5, 3.5]).double())
    getitem = operation("SlicingOpLambda", {"function": "__operators__.getitem"})
    spec = [{"start": 0, "stop": 2, "step": None}, {"start": torch.tensor(1), "stop": None, "step": None}]
    assert torch.equal(getitem(X, slice_spec=spec), X[0:2, 1:])


@pytest.mark.parametrize(
    "key", [(slice(None), slice(3, 0, -2)), (None, ..., slice(None, None, -1)), (0, slice(1, 5, -1))]
)
def test_slices_backwards(key: tuple[Any, ...]) -> None:
    assert operation("GetItem", {})(X, key).tolist() == X.numpy()[key].tolist()


def test_numbers_take_the_type_of_the_tensor() -> None:
    assert operation("Multiply", {})(0.1, X.double()).equal(0.1 * X.double())
    assert operation("Add", {})(X.int(), 1).dtype == torch.int32
    assert operation("Add", {})(X.half(), 0.5).dtype == torch.float16


def test_equal_entries_leave_the_gradient_of_a_maximum_to_the_first() -> None:
    first, second = torch.zeros(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    operation("Maximum", {})(first, second).sum().backward()
    assert first.grad is not None
    assert first.grad.tolist() == [1, 1]
    assert second.grad is not None
    assert second.grad.tolist() == [0, 0]
    assert operation("Maximum", {})(torch.tensor(float("nan")), torch.tensor(1.0)).isnan()
