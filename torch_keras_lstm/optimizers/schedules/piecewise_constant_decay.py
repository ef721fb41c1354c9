"""A rate that changes at given steps."""

from bisect import bisect_left
from collections.abc import Sequence

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from torch_keras_lstm.single_precision import to_single


class PiecewiseConstantDecay(LearningRateSchedule):
    """``values[0]`` up to and including step ``boundaries[0]``, ``values[1]`` up to ``boundaries[1]``, and so on.

    Args:
        boundaries: steps, ascending.
        values: one more than ``boundaries``.
        name: kept for the configuration.

    Raises:
        ValueError: when the lengths do not fit.

    Example:
        >>> schedule = PiecewiseConstantDecay([100, 200], [0.1, 0.05, 0.01])
        >>> [round(float(schedule(step)), 4) for step in (100, 101, 201)]
        [0.1, 0.05, 0.01]
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant") -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                f"`values` must have one entry more than `boundaries`, got {len(values)} values and "
                f"{len(boundaries)} boundaries."
            )
        self.boundaries = boundaries
        self.values = values
        self.name = name

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        return to_single(self.values[bisect_left(self.boundaries, step)])
