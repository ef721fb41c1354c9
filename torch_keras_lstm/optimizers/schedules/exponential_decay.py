"""A rate that falls by the same factor in the same time."""

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import quotient, single
from torch_keras_lstm.optimizers.schedules.stepped_decay import SteppedDecay


class ExponentialDecay(SteppedDecay):
    """``initial_learning_rate * decay_rate ** (step / decay_steps)``.

    Args:
        staircase: round ``step / decay_steps`` down.
        name: kept for the configuration.

    Raises:
        ValueError: when ``decay_steps`` is not positive.

    Example:
        >>> schedule = ExponentialDecay(0.1, decay_steps=100, decay_rate=0.5, staircase=True)
        >>> [round(float(schedule(step)), 4) for step in (0, 99, 100, 200)]
        [0.1, 0.1, 0.05, 0.025]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        elapsed = quotient(step, self.decay_steps)
        if self.staircase:
            elapsed = elapsed.floor()
        return (single(self.initial_learning_rate) * single(self.decay_rate) ** elapsed).item()
