import math
import re
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import initializers

SHAPE = (150, 420)
COUNT = 150 * 420
# The correction of the standard deviation of a normal distribution that is cut at two of them.
CUT = 0.87962566103423978
STANDARD_ERRORS = 5

SCALED = {
    "GlorotUniform": (2 / (150 + 420), "uniform"),
    "GlorotNormal": (2 / (150 + 420), "truncated"),
    "HeUniform": (2 / 150, "uniform"),
    "HeNormal": (2 / 150, "truncated"),
    "LecunUniform": (1 / 150, "uniform"),
    "LecunNormal": (1 / 150, "truncated"),
}


def _check_moments(values: torch.Tensor, mean: float, stddev: float, kurtosis: float) -> None:
    """Mean and variance lie within five standard errors; that of the variance follows from the fourth moment."""
    assert abs(values.mean() - mean) < STANDARD_ERRORS * stddev / math.sqrt(values.numel())
    relative_error = math.sqrt((kurtosis - 1) / values.numel())
    assert abs(values.var() / stddev**2 - 1) < STANDARD_ERRORS * relative_error


@pytest.mark.parametrize("name", SCALED)
def test_named_scalings(name: str) -> None:
    variance, distribution = SCALED[name]
    values = getattr(initializers, name)(seed=3)(SHAPE, dtype=torch.float64)
    limit = math.sqrt(3 * variance) if distribution == "uniform" else 2 * math.sqrt(variance) / CUT
    assert limit * 0.999 < values.abs().max() <= limit
    _check_moments(values, 0.0, math.sqrt(variance), 1.8 if distribution == "uniform" else 2.37)


@pytest.mark.parametrize(("mode", "units"), [("fan_in", 150), ("fan_out", 420), ("fan_avg", 285)])
def test_variance_scaling_modes(mode: str, units: float) -> None:
    values = initializers.VarianceScaling(0.3, mode, "uniform", seed=3)(SHAPE, dtype=torch.float64)
    limit = math.sqrt(3 * 0.3 / units)
    assert limit * 0.999 < values.abs().max() <= limit


def test_variance_scaling_without_truncation() -> None:
    values = initializers.VarianceScaling(0.3, distribution="untruncated_normal", seed=3)(SHAPE, dtype=torch.float64)
    stddev = math.sqrt(0.3 / 150)
    _check_moments(values, 0.0, stddev, 3.0)
    assert values.abs().max() > 2 * stddev / CUT


def test_variance_scaling_counts_the_axes_it_is_given() -> None:
    initializer = initializers.VarianceScaling(input_axes=[0, 2], output_axes=[-3])
    assert initializer.fans((2, 3, 5)) == (10, 2)
    message = "`input_axes` and `output_axes`: expected axes of the shape (7,), got [0, 2]."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        initializer.fans((7,))


def test_fans_of_each_rank() -> None:
    fans = initializers.VarianceScaling().fans
    assert [fans(()), fans((7,)), fans((3, 8)), fans((5, 3, 8)), fans((2, 5, 3, 8))] == [
        (1, 1), (7, 7), (3, 8), (15, 40), (30, 80),
    ]  # fmt: skip


def test_few_inputs_and_none() -> None:
    values = initializers.LecunUniform(seed=3)((2, 30000), dtype=torch.float64)
    assert math.sqrt(3 / 2) * 0.999 < values.abs().max() <= math.sqrt(3 / 2)
    assert initializers.LecunUniform()((0, 3)).shape == (0, 3)


def test_random_normal() -> None:
    values = initializers.RandomNormal(mean=0.3, stddev=0.7, seed=3)(SHAPE, dtype=torch.float64)
    _check_moments(values, 0.3, 0.7, 3.0)
    assert values.max() > 0.3 + 3 * 0.7


def test_truncated_normal_is_cut_at_two_standard_deviations_and_not_scaled_up() -> None:
    values = initializers.TruncatedNormal(mean=0.3, stddev=0.7, seed=3)(SHAPE, dtype=torch.float64)
    assert 1.39 < (values - 0.3).abs().max() <= 1.4
    _check_moments(values, 0.3, 0.7 * CUT, 2.37)


def test_random_uniform() -> None:
    values = initializers.RandomUniform(minval=-0.3, maxval=0.7, seed=3)(SHAPE, dtype=torch.float64)
    assert -0.3 <= values.min() < -0.2999
    assert 0.6999 < values.max() <= 0.7
    _check_moments(values, 0.2, 1 / math.sqrt(12), 1.8)


@pytest.mark.parametrize("shape", [(5, 20), (20, 5), (2, 3, 11), (4, 3, 2)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, "float64"), (torch.float32, "float32 elementwise")])
def test_orthogonal(shape: tuple[int, ...], dtype: torch.dtype, tolerance: str) -> None:
    matrix = initializers.Orthogonal(gain=1.1, seed=3)(shape, dtype=dtype).reshape(-1, shape[-1]).double()
    few = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    assert_close(few @ few.T, 1.21 * torch.eye(len(few), dtype=torch.float64), tolerance)


def test_orthogonal_has_no_preferred_sign() -> None:
    """Without the fix of the signs, LAPACK's reflections make the first entry negative each time."""
    signs = [initializers.Orthogonal(seed=seed)((2, 3))[0, 0].sign().item() for seed in range(64)]
    assert abs(sum(signs)) < STANDARD_ERRORS * math.sqrt(len(signs))


def test_the_ones_that_draw_nothing() -> None:
    assert initializers.Zeros()((2, 3)).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert initializers.Ones()((2,)).tolist() == [1, 1]
    assert initializers.Constant(0.5)((2, 3)).tolist() == [[0.5] * 3] * 2
    assert initializers.Constant([0.5, 1.5])((3, 2)).tolist() == [[0.5, 1.5]] * 3
    assert initializers.Identity(0.5)((2, 3)).tolist() == [[0.5, 0, 0], [0, 0.5, 0]]


RANDOM = ["RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", *SCALED, "Orthogonal"]


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_gives_the_same_values_at_every_call_and_leaves_torch_alone(name: str) -> None:
    state = torch.get_rng_state()
    initializer, same, other = (getattr(initializers, name)(seed=seed) for seed in (3, 3, 4))
    first = initializer((5, 7))
    assert torch.equal(first, initializer((5, 7)))
    assert torch.equal(first, same((5, 7)))
    assert not torch.equal(first, other((5, 7)))
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", RANDOM)
def test_without_a_seed_torch_decides(name: str) -> None:
    initializer = getattr(initializers, name)()
    torch.manual_seed(11)
    first, second = initializer((5, 7)), initializer((5, 7))
    torch.manual_seed(11)
    assert torch.equal(first, initializer((5, 7)))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", [*RANDOM, "Zeros", "Ones", "Constant", "Identity"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_type_and_device(name: str, dtype: torch.dtype) -> None:
    initializer = initializers.get(name)
    assert initializer([5, 7], dtype=dtype).dtype == dtype
    on_meta = initializer((5, 7), dtype=dtype, device="meta")
    assert (on_meta.device.type, on_meta.shape, on_meta.dtype) == ("meta", (5, 7), dtype)
    assert initializer((5, 7)).dtype == torch.float32
    with torch.device("meta"):
        assert initializer((5, 7)).device.type == "meta"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("glorot_uniform GlorotUniform GlorotUniformV2 glorot_uniformV2", initializers.GlorotUniform),
        ("zero zeros Zeros", initializers.Zeros),
        ("one ones Ones", initializers.Ones),
        ("normal random_normal RandomNormal", initializers.RandomNormal),
        ("uniform random_uniform RandomUniform", initializers.RandomUniform),
        ("truncated_normal TruncatedNormal", initializers.TruncatedNormal),
        ("orthogonal Orthogonal OrthogonalInitializer", initializers.Orthogonal),
        ("identity Identity IdentityInitializer", initializers.Identity),
        ("variance_scaling VarianceScaling", initializers.VarianceScaling),
        ("lecun_normal LecunNormal", initializers.LecunNormal),
        ("he_uniform HeUniform", initializers.HeUniform),
        ("constant Constant", initializers.Constant),
    ],
)
def test_names(names: str, expected: type) -> None:
    assert {type(initializers.get(name)) for name in names.split()} == {expected}


def test_other_identifiers() -> None:
    assert initializers.get(None) is None
    assert type(initializers.get(None, "kernel_initializer")) is initializers.GlorotUniform
    assert type(initializers.deserialize(None)) is initializers.GlorotUniform
    assert type(initializers.get(initializers.HeNormal)) is initializers.HeNormal
    assert initializers.get(torch.ones) is torch.ones
    for array in (np.array([0.5, 1.5]), torch.tensor([0.5, 1.5])):
        assert initializers.get(array)((2,)).tolist() == [0.5, 1.5]
    frozen = np.broadcast_to(np.float32(0.5), (2,))
    assert initializers.get(frozen)((2,)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", [*RANDOM, "Zeros", "Constant", "Identity"])
def test_configuration_round_trip(name: str) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "RandomNormal": {"mean": 0.3, "stddev": 0.7, "seed": 5},
        "RandomUniform": {"minval": 0.3, "maxval": 0.7, "seed": 5},
        "VarianceScaling": {"scale": 0.3, "mode": "fan_out", "distribution": "uniform", "seed": 5},
        "Orthogonal": {"gain": 0.3, "seed": 5},
        "Constant": {"value": 0.3},
        "Identity": {"gain": 0.3},
    }
    initializer = getattr(initializers, name)(**arguments.get(name, {}))
    written = initializers.serialize(initializer)
    assert isinstance(written, dict)
    assert written["class_name"] == name
    assert arguments.get(name, {}).items() <= written["config"].items()
    assert initializers.deserialize(written).get_config() == written["config"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("value", [np.array([[0.1, 0.2]]), torch.tensor([[0.1, 0.2]], dtype=torch.float64)])
def test_an_array_goes_through_a_configuration(value: object) -> None:
    written = initializers.serialize(initializers.Constant(value))
    assert isinstance(written, dict)
    assert written["config"]["value"]["config"] == {"value": [[0.1, 0.2]], "dtype": "float64"}
    assert initializers.get(written)((3, 2), dtype=torch.float64).tolist() == [[0.1, 0.2]] * 3


def test_what_other_versions_write() -> None:
    with_dtype = {"class_name": "Orthogonal", "config": {"gain": 1.1, "seed": None, "dtype": "float32"}}
    assert repr(initializers.get(with_dtype)) == "Orthogonal(gain=1.1, seed=None)"
    generator = {"module": "keras.random", "class_name": "SeedGenerator", "config": {"seed": 3, "name": "s"}}
    assert repr(initializers.get({"class_name": "he_normal", "config": {"seed": generator}})).startswith(
        "HeNormal(seed=3"
    )
    normal = {"class_name": "VarianceScaling", "config": {"distribution": "normal"}}
    assert "distribution='truncated_normal'" in repr(initializers.get(normal))


@pytest.mark.parametrize(
    ("identifier", "message"),
    [
        ("glorot_unifrom", "`initializer`: expected the name of a Keras initializer, got 'glorot_unifrom'. "
                           "Did you mean 'glorot_uniform'?"),
        ({"class_name": "Zeros", "config": {"value": 3}}, "Zeros has no argument `value`, which its config sets. "
                                                          "It takes none."),
        ({"class_name": "Orthogonal", "config": {"gian": 1.1}}, "Orthogonal has no argument `gian`, which its config "
                                                                "sets. Did you mean 'gain'?"),
        ({"class_name": "Orthogonal", "config": {"gain": "1"}}, "Received an invalid value for argument `gain`: "
                                                                "expected a finite number, got '1'."),
        ({"class_name": "RandomNormal", "config": {"stddev": -1}}, "Received an invalid value for argument `stddev`: "
                                                                   "expected a finite number of at least 0, got -1."),
        ({"class_name": "HeNormal", "config": {"seed": 1.5}}, "Received an invalid value for argument `seed`: "
                                                              "expected an integer, got 1.5."),
        ({"class_name": "HeNormal", "config": {"input_axes": 1}}, "Received an invalid value for argument "
                                                                  "`input_axes`: expected a list of integers, got 1."),
        ({"class_name": "VarianceScaling", "config": {"mode": "fan"}}, "Received an invalid value for argument `mode`: "
                                                "expected one of 'fan_in', 'fan_out', 'fan_avg', got 'fan'."),
        ({"class_name": "VarianceScaling", "config": {"scale": 0}}, "Received an invalid value for argument `scale`: "
                                                                    "expected a positive number, got 0."),
        ({"class_name": "Constant", "config": {"value": "abc"}}, "Received an invalid value for argument `value`: "
                                                                 "expected a number or an array of them, got 'abc'."),
        ({"class_name": "Constant", "config": {"value": {"class_name": "__numpy__"}}},
         "Received an invalid value for argument `value`: expected a number or an array of them, got None."),
    ],
)  # fmt: skip
def test_wrong_identifiers(identifier: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        initializers.get(identifier)


@pytest.mark.parametrize(
    ("initializer", "shape", "message"),
    [
        (initializers.Orthogonal(), (7,), "Orthogonal makes matrices: expected a shape of at least 2 axes, got (7,)."),
        (initializers.Identity(), (7, 3, 2), "Identity makes matrices: expected a shape of 2 axes, got (7, 3, 2)."),
        (initializers.Constant([1.0, 2.0]), (2, 3), "Constant holds values of shape (2,): expected one that broadcasts "
                                                    "to (2, 3)."),
    ],
)  # fmt: skip
def test_wrong_shapes(initializer: initializers.Initializer, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        initializer(shape)
