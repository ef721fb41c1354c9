"""Where dropout gets its random numbers: torch's global generator, or one of the layer's own."""

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import torch
from torch import Tensor


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
        self.seed = None if seed is None else int(seed)
        self._generators: dict[str, torch.Generator] = {}
        self._saved_states: dict[str, bytes] = {}

    def mask(self, shape: Sequence[int], rate: float, *, dtype: torch.dtype, device: torch.device) -> Tensor:
        """A tensor of ``shape`` whose entries are 0 with probability ``rate``, else ``1 / (1 - rate)``; 0 at rate 1."""
        keep = 1.0 - rate
        mask = torch.empty(tuple(shape), dtype=dtype, device=device).bernoulli_(keep, generator=self._on(device))
        return mask.div_(keep) if keep > 0.0 else mask

    def normal(
        self, shape: Sequence[int], mean: float, stddev: float, *, dtype: torch.dtype, device: torch.device
    ) -> Tensor:
        """A tensor of ``shape`` with normally distributed entries."""
        return torch.empty(tuple(shape), dtype=dtype, device=device).normal_(mean, stddev, generator=self._on(device))

    def _on(self, device: torch.device) -> torch.Generator | None:
        if self.seed is None:
            return None
        key = str(device)
        if key not in self._generators:
            generator = torch.Generator(device)
            generator.manual_seed(self.seed % 2**64)  # what torch takes; Keras' seeds have no bound
            if key in self._saved_states:
                generator.set_state(torch.frombuffer(bytearray(self._saved_states.pop(key)), dtype=torch.uint8))
            self._generators[key] = generator
        return self._generators[key]

    def __getstate__(self) -> dict[str, Any]:
        # Bytes, because a pickled torch.Generator needs its device and torch.load's map_location would move a tensor.
        states = {key: generator.get_state().numpy().tobytes() for key, generator in self._generators.items()}
        return {"seed": self.seed, "states": {**self._saved_states, **states}}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.seed = state["seed"]
        self._generators = {}
        self._saved_states = dict(state["states"])

    def __repr__(self) -> str:
        return f"DropoutGenerator(seed={self.seed})"
