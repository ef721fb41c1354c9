import re

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import constraints

# The columns' norms are 5, 0.5 and 0.
WEIGHT = torch.tensor([[3.0, -0.3, 0.0], [-4.0, 0.4, 0.0]], dtype=torch.float64)
EPSILON = 1e-7


def test_max_norm() -> None:
    expected = WEIGHT * torch.tensor([2.0 / (5 + EPSILON), 0.5 / (0.5 + EPSILON), 0.0], dtype=torch.float64)
    assert_close(constraints.MaxNorm()(WEIGHT), expected, "float64 elementwise")


def test_unit_norm() -> None:
    norms = torch.tensor([5.0, 0.5, 0.0], dtype=torch.float64)
    assert_close(constraints.UnitNorm()(WEIGHT), WEIGHT / (norms + EPSILON), "float64 elementwise")


def test_min_max_norm_goes_part_of_the_way() -> None:
    got = constraints.MinMaxNorm(min_value=1.0, max_value=2.0, rate=0.25)(WEIGHT)
    expected = torch.tensor(
        [(0.25 * 2 + 0.75 * 5) * 5 / (5 + EPSILON), (0.25 + 0.75 * 0.5) * 0.5 / (0.5 + EPSILON), 0.0]
    )
    assert_close(got.square().sum(0).sqrt(), expected.double(), "float32 model")


def test_non_neg() -> None:
    assert constraints.NonNeg()(WEIGHT).tolist() == [[3.0, 0.0, 0.0], [0.0, 0.4, 0.0]]


@pytest.mark.parametrize("axis", [1, -1, [0, 1], (0, 1)])
def test_axis(axis: int | list[int]) -> None:
    norms = WEIGHT.square().sum(axis, keepdim=True).sqrt()
    assert_close(constraints.UnitNorm(axis=axis)(WEIGHT), WEIGHT / (norms + EPSILON), "float64 elementwise")


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_shape_and_type_are_kept_and_the_weight_untouched(name: str, dtype: torch.dtype) -> None:
    constraint, weight = constraints.get(name), WEIGHT.to(dtype)
    assert constraint is not None
    before = weight.clone()
    result = constraint(weight)
    assert (result.shape, result.dtype) == (weight.shape, dtype)
    assert torch.equal(weight, before)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
def test_compiles_as_one_graph(name: str) -> None:
    torch.compiler.reset()  # torch counts the compilations of all callables together
    constraint = constraints.get(name)
    assert constraint is not None
    assert torch.equal(torch.compile(constraint, fullgraph=True, backend="eager")(WEIGHT), constraint(WEIGHT))


@pytest.mark.parametrize(
    ("names", "config"),
    [
        ("max_norm MaxNorm maxnorm", {"max_value": 2, "axis": 0}),
        ("non_neg NonNeg nonneg", {}),
        ("unit_norm UnitNorm unitnorm", {"axis": 0}),
        ("min_max_norm MinMaxNorm", {"min_value": 0.0, "max_value": 1.0, "rate": 1.0, "axis": 0}),
    ],
)
def test_names(names: str, config: dict[str, object]) -> None:
    for name in names.split():
        constraint = constraints.get(name)
        assert isinstance(constraint, constraints.Constraint)
        assert type(constraint).__name__ == names.split()[0].title().replace("_", "")
        assert constraint.get_config() == config


def test_configuration_round_trip() -> None:
    written = constraints.serialize(constraints.MinMaxNorm(0.3, 0.7, 0.5, [0, 1]))
    assert written == {
        "module": "keras.constraints",
        "class_name": "MinMaxNorm",
        "config": {"min_value": 0.3, "max_value": 0.7, "rate": 0.5, "axis": [0, 1]},
        "registered_name": None,
    }
    assert constraints.serialize(constraints.deserialize(written)) == written


def test_none_and_callables() -> None:
    assert [constraints.get(None), constraints.deserialize(None), constraints.serialize(None)] == [None] * 3
    assert constraints.get(torch.relu) is torch.relu


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("max_nrom", "`constraint`: expected the name of a Keras constraint, got 'max_nrom'. Did you mean 'max_norm'?"),
        ({"class_name": "MaxNorm", "config": {"m": 3}}, "MaxNorm has no argument `m`, which its config sets. "
                                                        "Known are: axis, max_value."),
        ({"class_name": "MaxNorm", "config": {"max_value": None}}, "Received an invalid value for argument "
                                                            "`max_value`: expected a finite number, got None."),
        ({"class_name": "UnitNorm", "config": {"axis": "0"}}, "Received an invalid value for argument `axis`: "
                                                              "expected an integer, got '0'."),
    ],
)  # fmt: skip
def test_wrong_identifiers(identifier: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        constraints.get(identifier)
