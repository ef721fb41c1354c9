import math
import re

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import regularizers

WEIGHT = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.25, -4.0]], dtype=torch.float64)
ABSOLUTE, SQUARE = 10.75, 30.3125


def test_values() -> None:
    # 0.25 and 0.5 have no more digits in double precision than in single.
    assert_close(regularizers.L1(0.25)(WEIGHT), 0.25 * ABSOLUTE, "float64 elementwise")
    assert_close(regularizers.L2(0.25)(WEIGHT), 0.25 * SQUARE, "float64 elementwise")
    assert_close(regularizers.L1L2(0.25, 0.5)(WEIGHT), 0.25 * ABSOLUTE + 0.5 * SQUARE, "float64 elementwise")


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_orthogonal_regularizer(mode: str) -> None:
    vectors = WEIGHT if mode == "rows" else WEIGHT.T
    pairs = [(i, j) for i in range(len(vectors)) for j in range(i)]
    cosines = [abs(vectors[i] @ vectors[j]) / vectors[i].norm() / vectors[j].norm() for i, j in pairs]
    expected = 0.25 * sum(cosines) / len(pairs)
    assert_close(regularizers.OrthogonalRegularizer(0.25, mode)(WEIGHT), expected, "float64 elementwise")


def test_a_row_of_zeros_has_a_gradient() -> None:
    weight = WEIGHT.clone()
    weight[0] = 0.0
    weight.requires_grad_()
    regularizers.OrthogonalRegularizer()(weight).backward()
    assert weight.grad is not None
    assert weight.grad.isfinite().all()


def test_default_coefficients_are_those_of_keras() -> None:
    configs = [cls().get_config() for cls in (regularizers.L1, regularizers.L2, regularizers.L1L2)]
    assert configs == [{"l1": 0.01}, {"l2": 0.01}, {"l1": 0.0, "l2": 0.0}]
    assert regularizers.OrthogonalRegularizer().get_config() == {"factor": 0.01, "mode": "rows"}
    assert regularizers.L1(None).l1 == regularizers.L2(None).l2 == 0.01
    assert regularizers.L1L2(None, 0.5).get_config() == {"l1": 0.0, "l2": 0.5}


def test_a_double_precision_weight_meets_a_single_precision_coefficient() -> None:
    single = torch.tensor(0.01).item()
    assert_close(regularizers.L2(0.01)(WEIGHT), single * SQUARE, "float64 elementwise")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
def test_scalar_of_the_weights_type(name: str, dtype: torch.dtype) -> None:
    weight = WEIGHT.to(dtype, copy=True).requires_grad_()
    regularizer = regularizers.get(name)
    assert regularizer is not None
    loss = regularizer(weight)
    loss.backward()
    assert (loss.shape, loss.dtype) == ((), dtype)
    assert weight.grad is not None
    assert weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
def test_compiles_as_one_graph(name: str) -> None:
    torch.compiler.reset()  # torch counts the compilations of all callables together
    regularizer = regularizers.get(name)
    assert regularizer is not None
    compiled = torch.compile(regularizer, fullgraph=True, backend="eager")
    assert_close(compiled(WEIGHT), regularizer(WEIGHT), "float64 elementwise")


@pytest.mark.parametrize(
    ("identifier", "config"),
    [
        ("l1", {"l1": 0.01}),
        ("L2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.01, "l2": 0.01}),
        ("L1L2", {"l1": 0.0, "l2": 0.0}),
        ("l1l2", {"l1": 0.0, "l2": 0.0}),
        ("orthogonal_regularizer", {"factor": 0.01, "mode": "rows"}),
        (regularizers.l2, {"l2": 0.01}),
        ({"class_name": "L1L2", "config": {"l1": 0.0, "l2": 0.3}}, {"l1": 0.0, "l2": 0.3}),
        ({"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.3}}, {"l2": 0.3}),
    ],
)
def test_identifiers(identifier: object, config: dict[str, float]) -> None:
    regularizer = regularizers.get(identifier)
    assert isinstance(regularizer, regularizers.Regularizer)
    assert regularizer.get_config() == config
    again = regularizers.deserialize(regularizers.serialize(regularizer))
    assert isinstance(again, regularizers.Regularizer)
    assert again.get_config() == config


def test_none_and_callables() -> None:
    assert [regularizers.get(None), regularizers.deserialize(None), regularizers.serialize(None)] == [None] * 3
    assert regularizers.get(torch.sum) is torch.sum


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", True, [0.1]])
@pytest.mark.parametrize(("name", "argument"), [("L1", "l1"), ("L2", "l2"), ("L1L2", "l2"),
                                               ("OrthogonalRegularizer", "factor")])  # fmt: skip
def test_invalid_coefficient(name: str, argument: str, value: object) -> None:
    message = (
        f"Received an invalid value for argument `{argument}`: expected a finite number of at least 0, got {value!r}."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        getattr(regularizers, name)(**{argument: value})


def test_other_errors() -> None:
    with pytest.raises(ValueError, match="argument `mode`: expected one of 'rows', 'columns', got 'row'"):
        regularizers.OrthogonalRegularizer(mode="row")
    with pytest.raises(ValueError, match=r"takes matrices: expected 2 axes, got shape \(6,\)"):
        regularizers.OrthogonalRegularizer()(WEIGHT.flatten())
    message = "`kernel_regularizer`: expected the name of a Keras regularizer, got 'l1_12'. Did you mean 'l1_l2'?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        regularizers.get("l1_12", "kernel_regularizer")
