"""Where dropout gets its random numbers: torch's global generator, or one of the layer's own."""

import itertools
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any
from weakref import WeakValueDictionary

import torch
from torch import Tensor

from torch_keras_lstm.recomputation import noted
from torch_keras_lstm.torch_internals import transforms_are_active

_NUMBERS = itertools.count()
# A graph of torch.compile can hold no torch.Generator: it holds the number of the object that has one, and draws by an
# operator.
_NUMBERED: WeakValueDictionary[int, "DropoutGenerator"] = WeakValueDictionary()


class DropoutGenerator:
    """Draws inverted-dropout masks, as ``keras.random.dropout`` scales them.

    With a seed there is a generator of its own for each device that is used, started from that seed and moving on at
    each draw. Copies and pickles continue where the original stood, also when a GPU's state is loaded without one.

    Args:
        seed: any integer; ``None`` draws from torch's global generator of the device, which ``torch.manual_seed`` sets.

    Raises:
        TypeError: when ``seed`` is neither.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, Integral)):
            raise TypeError(f"`seed` must be an integer or None, got {seed!r}.")
        self.__setstate__({"seed": None if seed is None else int(seed), "states": {}})

    def mask(self, shape: Sequence[int], rate: float, *, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A tensor of ``shape`` whose entries are 0 with probability ``rate``, else ``1 / (1 - rate)``; 0 at rate 1."""
        if self._draws_by_operator():
            drawn: Tensor = torch.ops.torch_keras_lstm.dropout_mask(self._number, shape, rate, dtype, device)
            return drawn
        keep = 1.0 - rate
        if transforms_are_active():  # vmap's `randomness="different"` draws nothing in place
            probabilities = torch.full(tuple(shape), keep, dtype=dtype, device=device)
            mask = torch.bernoulli(probabilities, generator=self._on(device))
            return mask / keep if keep > 0.0 else mask
        mask = torch.empty(tuple(shape), dtype=dtype, device=device).bernoulli_(keep, generator=self._on(device))
        return mask.div_(keep) if keep > 0.0 else mask

    def normal(
        self, shape: Sequence[int], mean: float, stddev: float, *, dtype: torch.dtype, device: torch.device
    ) -> Tensor:
        """A tensor of ``shape`` with normally distributed entries."""
        if self._draws_by_operator():
            drawn: Tensor = torch.ops.torch_keras_lstm.normal(self._number, shape, mean, stddev, dtype, device)
            return drawn
        if transforms_are_active():
            return torch.randn(tuple(shape), dtype=dtype, device=device, generator=self._on(device)) * stddev + mean
        return torch.empty(tuple(shape), dtype=dtype, device=device).normal_(mean, stddev, generator=self._on(device))

    def uniform(
        self, shape: Sequence[int], low: float, high: float, *, dtype: torch.dtype, device: torch.device
    ) -> Tensor:
        """A tensor of ``shape`` with entries from ``low`` up to ``high``, all as likely."""
        if self._draws_by_operator():
            drawn: Tensor = torch.ops.torch_keras_lstm.uniform(self._number, shape, low, high, dtype, device)
            return drawn
        if transforms_are_active():
            return torch.rand(tuple(shape), dtype=dtype, device=device, generator=self._on(device)) * (high - low) + low
        return torch.empty(tuple(shape), dtype=dtype, device=device).uniform_(low, high, generator=self._on(device))

    def gamma(self, shape: Sequence[int], alpha: float, *, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A tensor of ``shape`` with entries of the gamma distribution of ``alpha``."""
        concentration = torch.full(tuple(shape), alpha, dtype=dtype, device=device)
        return torch._standard_gamma(concentration, generator=self._on(device))

    def _draws_by_operator(self) -> bool:
        return self.seed is not None and torch.compiler.is_compiling()

    def _on(self, device: torch.device) -> torch.Generator | None:
        """What to draw from, in a call that a checkpoint makes once more from where it stood in the first."""
        if self.seed is None:
            return None
        generator = self._moving(self.seed, device)
        state = noted(self, generator.get_state, "A layer with a `seed`")
        return generator if state is None else torch.Generator(device).set_state(state)

    def _moving(self, seed: int, device: torch.device) -> torch.Generator:
        key = str(device)
        if key not in self._generators:
            generator = torch.Generator(device)
            generator.manual_seed(seed % 2**64)  # what torch takes; Keras' seeds have no bound
            if key in self._saved_states:
                generator.set_state(torch.frombuffer(bytearray(self._saved_states.pop(key)), dtype=torch.uint8))
            self._generators[key] = generator
        return self._generators[key]

    def __getstate__(self) -> dict[str, Any]:
        # Bytes, because a pickled torch.Generator needs its device and torch.load's map_location would move a tensor.
        states = {key: generator.get_state().numpy().tobytes() for key, generator in self._generators.items()}
        return {"seed": self.seed, "states": {**self._saved_states, **states}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.seed: int | None = state["seed"]
        self._generators: dict[str, torch.Generator] = {}
        self._saved_states: dict[str, bytes] = dict(state["states"])
        self._number = next(_NUMBERS)
        _NUMBERED[self._number] = self

    def __repr__(self) -> str:
        return f"DropoutGenerator(seed={self.seed})"


def _dropout_mask(number: int, shape: Sequence[int], rate: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    return _NUMBERED[number].mask(shape, rate, dtype=dtype, device=device)


def _normal(
    number: int, shape: Sequence[int], mean: float, stddev: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return _NUMBERED[number].normal(shape, mean, stddev, dtype=dtype, device=device)


def _uniform(
    number: int, shape: Sequence[int], low: float, high: float, dtype: torch.dtype, device: torch.device
) -> Tensor:
    return _NUMBERED[number].uniform(shape, low, high, dtype=dtype, device=device)


def _fake(number: int, shape: Sequence[int], *arguments: Any) -> Tensor:
    *_, dtype, device = arguments
    return torch.empty(tuple(shape), dtype=dtype, device=device)


_LIBRARY = torch.library.Library("torch_keras_lstm", "FRAGMENT")
for _name, _arguments, _draw in (
    ("dropout_mask", "float rate", _dropout_mask),
    ("normal", "float mean, float stddev", _normal),
    ("uniform", "float low, float high", _uniform),
):
    _LIBRARY.define(
        f"{_name}(int generator, SymInt[] shape, {_arguments}, ScalarType dtype, Device device) -> Tensor",
        tags=(torch.Tag.nondeterministic_seeded, torch.Tag.pt2_compliant_tag),
    )
    _LIBRARY.impl(_name, _draw, "BackendSelect")
    torch.library.register_fake(f"torch_keras_lstm::{_name}", _fake, lib=_LIBRARY)
