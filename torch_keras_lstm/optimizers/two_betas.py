"""What the relatives of Adam share: the arguments of two running means."""

from typing import Unpack

from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments


class TwoBetas(Optimizer):
    """An optimizer that keeps something of the gradients, and something of their sizes.

    Args:
        beta_1: the share of the old mean of gradients in the new one.
        beta_2: the same of their sizes.
        epsilon: added to a divisor, lest it is 0.
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
