"""A rate that falls to another one along a power of the time that is left."""

import math

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, check_positive, single


class PolynomialDecay(LearningRateSchedule):
    """``(initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ** power + end_learning_rate``.

    Args:
        cycle: after ``decay_steps`` start again, with ``decay_steps`` as long as needed, a multiple of what it was;
            otherwise ``end_learning_rate`` stays.
        name: kept for the configuration.

    Raises:
        ValueError: when ``decay_steps`` is not positive.

    Example:
        >>> schedule = PolynomialDecay(0.1, decay_steps=100, end_learning_rate=0.02)
        >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 200)]
        [0.1, 0.06, 0.02, 0.02]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle
        self.name = name

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        cycles = max(1, math.ceil(step / self.decay_steps)) if self.cycle else 1
        end = single(self.end_learning_rate)
        duration = single(self.decay_steps) * cycles
        elapsed = single(step).minimum(duration) / duration
        return ((single(self.initial_learning_rate) - end) * (1 - elapsed) ** single(self.power) + end).item()
