"""A rate that falls along half a cosine wave."""

import math

from torch import Tensor

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, check_positive, single


class CosineDecay(LearningRateSchedule):
    """From ``initial_learning_rate``, or first up to ``warmup_target``, down to the share ``alpha`` of it.

    Args:
        initial_learning_rate: where the fall begins, or with a warm-up the way up to it.
        decay_steps: of the fall, not counting the warm-up.
        alpha: the share that is left at its end.
        warmup_target: the rate after ``warmup_steps``, reached along a straight line; ``None`` for no warm-up.
        warmup_steps: of the warm-up.
        name: kept for the configuration.

    Raises:
        ValueError: when ``decay_steps`` is not positive.

    Example:
        >>> schedule = CosineDecay(0.1, decay_steps=100)
        >>> [round(float(schedule(step)), 4) for step in (0, 50, 100, 200)]
        [0.1, 0.05, 0.0, 0.0]
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.name = name
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        """The learning rate of the next batch after ``step`` others."""
        initial = single(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._decayed(initial, step)
        if step >= self.warmup_steps:
            return self._decayed(single(self.warmup_target), step - self.warmup_steps)
        return ((single(self.warmup_target) - initial) * (single(step) / single(self.warmup_steps)) + initial).item()

    def _decayed(self, start: Tensor, step: float) -> float:
        duration = single(self.decay_steps)
        fraction = 0.5 * (1 + cosine(single(math.pi) * (single(step).minimum(duration) / duration)))
        return (start * (single(1 - self.alpha) * fraction + single(self.alpha))).item()


def cosine(angle: Tensor) -> Tensor:
    """The cosine, rounded once: torch's own in single precision is off by a unit in the last place more often."""
    return angle.double().cos().float()
