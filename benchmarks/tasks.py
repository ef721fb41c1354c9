"""What the training benchmark trains: models, data and weights, the same ones for every library."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import Array


@dataclass(frozen=True)
class Task:
    """LSTM layers and a Dense(1, sigmoid) on random labels, with Adam and the binary crossentropy.

    Attributes:
        samples, time, features: the data's shape.
        units: of each LSTM layer; all but the last return sequences.
        batch: samples a step.
        epochs: how many are timed.
    """

    samples: int
    time: int
    features: int
    units: tuple[int, ...]
    batch: int
    epochs: int

    @property
    def steps(self) -> int:
        """Steps an epoch."""
        return -(-self.samples // self.batch)

    @cached_property
    def x(self) -> Array:
        """(samples, time, features), between 0 and 1."""
        shape = self.samples, self.time, self.features
        return np.random.default_rng(1).random(shape).astype(np.float32)

    @cached_property
    def y(self) -> NDArray[np.int64]:
        """(samples, 1), zeros and ones."""
        return np.random.default_rng(2).integers(0, 2, (self.samples, 1))

    @cached_property
    def weights(self) -> list[Array]:
        """In Keras' layouts and order."""
        random, rows = np.random.default_rng(3), self.features
        shapes: list[tuple[int, ...]] = []
        for units in self.units:
            shapes += [(rows, 4 * units), (units, 4 * units), (4 * units,)]
            rows = units
        shapes += [(rows, 1), (1,)]
        return [random.uniform(-(shape[0] ** -0.5), shape[0] ** -0.5, shape).astype(np.float32) for shape in shapes]


TASKS = {
    "script": Task(samples=100, time=10, features=5, units=(50, 30), batch=16, epochs=20),
    "large": Task(samples=2000, time=100, features=32, units=(128,), batch=64, epochs=4),
}
