"""``random``: shapes, types, the distributions' moments, and what a seed means."""

import inspect
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from torch_keras_lstm import random

MANY = (200, 500)
# The draw, and the mean and variance of its distribution.
DRAWS: dict[str, tuple[Callable[[Any], Any], float, float]] = {
    "uniform": (lambda seed: random.uniform(MANY, -1.0, 3.0, seed=seed), 1.0, 16 / 12),
    "normal": (lambda seed: random.normal(MANY, 2.0, 0.5, seed=seed), 2.0, 0.25),
    "truncated_normal": (lambda seed: random.truncated_normal(MANY, 1.0, 2.0, seed=seed), 1.0, 4 * 0.7737413),
    "randint": (lambda seed: random.randint(MANY, 2, 12, seed=seed), 6.5, 99 / 12),
    "categorical": (
        lambda seed: random.categorical(torch.tensor([[0.0, math.log(3.0)]]), 100000, seed=seed),
        0.75,
        0.1875,
    ),
    "gamma": (lambda seed: random.gamma(MANY, 2.5, seed=seed), 2.5, 2.5),
    "beta": (lambda seed: random.beta(MANY, 2.0, 3.0, seed=seed), 0.4, 0.04),
    "binomial": (lambda seed: random.binomial(MANY, 10.0, 0.3, seed=seed), 3.0, 2.1),
    "dropout": (lambda seed: random.dropout(torch.ones(MANY), 0.25, seed=seed), 1.0, 1 / 3),
    "shuffle": (lambda seed: random.shuffle(torch.arange(1001.0), seed=seed), 500.0, 83500.0),
}


def test_all_names_are_drawn() -> None:
    assert {name for name in random.__all__ if inspect.isfunction(getattr(random, name))} == DRAWS.keys()


@pytest.mark.parametrize("name", DRAWS)
def test_mean_and_variance(name: str) -> None:
    draw, mean, variance = DRAWS[name]
    numbers = draw(7).double()
    spread = math.sqrt(variance / numbers.numel())
    assert abs(numbers.mean() - mean) < 5 * spread
    assert abs(numbers.var(correction=0) / variance - 1) < 0.05


@pytest.mark.parametrize("name", DRAWS)
def test_seeds(name: str) -> None:
    draw = DRAWS[name][0]
    assert torch.equal(draw(3), draw(3))
    assert not torch.equal(draw(3), draw(4))
    generator, same = random.SeedGenerator(5), random.SeedGenerator.from_config(random.SeedGenerator(5).get_config())
    first, second = draw(generator), draw(generator)
    assert not torch.equal(first, second)
    assert torch.equal(draw(same), first)
    assert torch.equal(draw(same), second)
    torch.manual_seed(1)
    first = draw(None)
    torch.manual_seed(1)
    assert torch.equal(draw(None), first)


def test_types() -> None:
    assert random.uniform((2,), dtype="float64").dtype is torch.float64
    assert random.normal((2,)).dtype is torch.get_default_dtype()
    assert random.randint((2,), 0, 3, dtype="int64").dtype is torch.int64
    assert random.truncated_normal((1000,)).abs().max() <= 2
    assert random.dropout(torch.ones(3, 4), 0.5, noise_shape=(3, None)).shape == (3, 4)
    assert not random.dropout(torch.ones(3), 1.0).any()
    rows = random.dropout(torch.ones(40, 5), 0.5, noise_shape=(40, 1))
    assert ((rows == 0).all(1) | (rows == 2).all(1)).all()
    with pytest.raises(ValueError, match="`dtype` must be a floating-point type"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="`dtype` must be a type of integers"):
        random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        random.SeedGenerator(0.5)  # type: ignore[arg-type]
    assert random.SeedGenerator(1).next().shape == (2,)
