"""What the rates that fall by a share in each so many steps have in common."""

from torch_keras_lstm.optimizers.schedules.learning_rate_schedule import LearningRateSchedule, check_positive


class SteppedDecay(LearningRateSchedule):
    """The arguments of :class:`ExponentialDecay` and :class:`InverseTimeDecay`."""

    def __init__(
        self, initial_learning_rate: float, decay_steps: float, decay_rate: float, staircase: bool, name: str
    ) -> None:
        check_positive("decay_steps", decay_steps)
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase
        self.name = name
