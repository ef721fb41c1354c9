"""``keras.random``: random tensors, by torch's generators.

``seed`` is an integer, which gives the same numbers at each call, a :class:`SeedGenerator`, whose numbers go on from
call to call, or ``None`` for torch's global generator, which ``torch.manual_seed`` and ``utils.set_random_seed`` set.
Distributions are Keras'; the numbers drawn from them are torch's, which no seed makes TensorFlow's.
"""

import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.shaping import sizes
from torch_keras_lstm.operations.tensors import as_tensor, floating, promoted

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]


class SeedGenerator:
    """Random numbers that go on from call to call, and begin anew with a new generator of the same seed.

    Args:
        seed: where they begin; ``None`` draws it from torch's global generator.
        name: as Keras names it; by default numbered.

    Raises:
        ValueError: when ``seed`` is no integer.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(f"SeedGenerator has no argument `{min(kwargs)}`.")
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"Argument `seed` must be an integer. Received: seed={seed!r}")
        self.name = unique_name("SeedGenerator") if name is None else name
        self._initial_seed = seed
        self._next = int(torch.randint(2**31 - 1, ())) if seed is None else seed
        self._generators: dict[str, torch.Generator] = {}

    def on(self, device: torch.device | None = None) -> torch.Generator:
        """The generator of torch's that draws on ``device``."""
        place = torch.device("cpu") if device is None else device
        if str(place) not in self._generators:
            self._generators[str(place)] = torch.Generator(place).manual_seed(self._next % 2**63)
        return self._generators[str(place)]

    def next(self, ordered: bool = True) -> Tensor:
        """A seed of two integers, another one at each call."""
        return torch.randint(2**31 - 1, (2,), generator=self.on())

    def get_config(self) -> dict[str, Any]:
        """The seed."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """A generator that begins at the seed of ``config``."""
        return cls(**config)


Seed = int | SeedGenerator | None


def _generator(seed: Seed, device: torch.device | None = None) -> torch.Generator | None:
    if seed is None:
        return None
    return (seed if isinstance(seed, SeedGenerator) else SeedGenerator(int(seed))).on(device)


def _floating(dtype: Any) -> torch.dtype:
    wanted = torch.get_default_dtype() if dtype is None else as_dtype(dtype)
    if not wanted.is_floating_point:
        raise ValueError(f"`dtype` must be a floating-point type, got {dtype!r}.")
    return wanted


def uniform(shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Numbers of equal likelihood from ``minval`` up to, and without, ``maxval``."""
    drawn = torch.rand(sizes(shape), dtype=_floating(dtype), generator=_generator(seed))
    return minval + (maxval - minval) * drawn


def normal(shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Normally distributed numbers."""
    return mean + stddev * torch.randn(sizes(shape), dtype=_floating(dtype), generator=_generator(seed))


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Tensor:
    """Normally distributed numbers at most two standard deviations from ``mean``."""
    wanted = _floating(dtype)
    # Of the distribution function the part between -2 and 2, inverted.
    edge = math.erf(2 / math.sqrt(2))
    drawn = torch.rand(sizes(shape), dtype=torch.float64, generator=_generator(seed)) * (2 * edge) - edge
    return (mean + stddev * torch.clamp(torch.erfinv(drawn) * math.sqrt(2), -2, 2)).to(wanted)


def randint(shape: Any, minval: Any, maxval: Any, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """Integers of equal likelihood from ``minval`` up to, and without, ``maxval``."""
    wanted = as_dtype(dtype)
    if wanted.is_floating_point:
        raise ValueError(f"`dtype` must be a type of integers, got {dtype!r}.")
    return torch.randint(int(minval), int(maxval), sizes(shape), dtype=wanted, generator=_generator(seed))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Tensor:
    """(batch, num_samples) classes, drawn by the logits (batch, classes)."""
    shares = torch.softmax(floating(logits), -1)
    drawn = torch.multinomial(shares, num_samples, replacement=True, generator=_generator(seed, shares.device))
    return drawn.to(as_dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None) -> Tensor:
    """``inputs`` with a share of ``rate`` entries set to 0 and the others divided by ``1 - rate``.

    Args:
        inputs: a tensor.
        rate: from 0 to 1.
        noise_shape: what is drawn, which broadcasts to the inputs; ``None`` in it for their size.
        seed: see the module.
    """
    values = floating(inputs)
    shape = (
        values.shape
        if noise_shape is None
        else [own if size is None else size for size, own in zip(noise_shape, values.shape, strict=True)]
    )
    generator = _generator(seed, values.device)
    kept = torch.rand(shape, dtype=values.dtype, device=values.device, generator=generator) >= rate
    return torch.where(kept, values / (1 - rate), 0) if rate < 1 else torch.zeros_like(values)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """``x`` with what stands along ``axis`` in another order."""
    values = as_tensor(x)
    order = torch.randperm(values.shape[axis], generator=_generator(seed, values.device), device=values.device)
    return values.index_select(axis, order)


def gamma(shape: Any, alpha: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Numbers of the gamma distribution of shape ``alpha``, which broadcasts."""
    concentration = as_tensor(alpha, _floating(dtype)).expand(sizes(shape)).contiguous()
    return torch._standard_gamma(concentration, generator=_generator(seed))


def beta(shape: Any, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """Numbers of the beta distribution of ``alpha`` and ``beta``, which broadcast."""
    source = seed if isinstance(seed, SeedGenerator) or seed is None else SeedGenerator(int(seed))
    first = gamma(shape, alpha, dtype, source)
    second = gamma(shape, beta, dtype, source)
    return first / (first + second)


def binomial(shape: Any, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None) -> Tensor:
    """How many of ``counts`` tries succeed by ``probabilities``; both broadcast."""
    wanted = _floating(dtype)
    tries, shares = promoted(counts, probabilities, least=float)
    size = sizes(shape)
    tries, shares = tries.to(wanted).expand(size).contiguous(), shares.to(wanted).expand(size).contiguous()
    return torch.binomial(tries, shares, generator=_generator(seed))
