"""A rate that falls as one over the time."""

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import quotient, single
from torch_keras_lstm.optimizers.schedules.stepped_decay import SteppedDecay


class InverseTimeDecay(SteppedDecay):
    """``initial_learning_rate / (1 + decay_rate * step / decay_steps)``.

    Args:
        staircase: round ``step / decay_steps`` down.
        name: kept for the configuration.

    Raises:
        ValueError: when ``decay_steps`` is not positive.

    Example:
        >>> schedule = InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)
        >>> [round(float(schedule(step)), 4) for step in (0, 2, 8)]
        [0.1, 0.05, 0.02]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        rate = single(self.decay_rate)
        if self.staircase:
            decay = rate * quotient(step, self.decay_steps).floor()
        else:  # TensorFlow multiplies the two constants first
            decay = single(step) * quotient(self.decay_rate, self.decay_steps)
        return (single(self.initial_learning_rate) / (1 + decay)).item()
