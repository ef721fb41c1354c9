"""A rate that falls along half a cosine wave, time and again."""

import math

from torch_keras_lstm.optimizers.schedules.cosine_decay import cosine
from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import (
    LearningRateSchedule,
    check_positive,
    quotient,
    single,
)


class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decays to the share ``alpha``, each ``t_mul`` times as long as that before and from ``m_mul`` as high.

    Args:
        initial_learning_rate: where the first begins.
        first_decay_steps: the length of the first.
        t_mul, m_mul: how much longer the next is than the one before, and how much higher it begins.
        alpha: the share of where it begins that each comes down to.
        name: kept for the configuration.

    Raises:
        ValueError: when ``first_decay_steps`` is not positive.

    Example:
        >>> schedule = CosineDecayRestarts(0.1, first_decay_steps=100)
        >>> [round(float(schedule(step)), 4) for step in (0, 50, 99, 100, 200)]
        [0.1, 0.05, 0.0, 0.1, 0.05]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        check_positive("first_decay_steps", first_decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha
        self.name = name

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        growth, alpha = single(self.t_mul), single(self.alpha)
        elapsed = quotient(step, self.first_decay_steps)
        if self.t_mul == 1:
            restarts = elapsed.floor()
            fraction = elapsed - restarts
        else:
            restarts = ((1 - elapsed * (1 - growth)).double().log().float() / growth.double().log().float()).floor()
            fraction = (elapsed - (1 - growth**restarts) / (1 - growth)) / growth**restarts
        height = 0.5 * single(self.m_mul) ** restarts * (1 + cosine(single(math.pi) * fraction))
        return (single(self.initial_learning_rate) * ((1 - alpha) * height + alpha)).item()
