"""AdamW that needs no schedule: it averages the weights instead (Defazio et al., 2024)."""

from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_integer
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.single_precision import to_single
from torch_keras_lstm.state_variable import StateVariable


@with_arguments_of(Optimizer)
class ScheduleFreeAdamW(Optimizer):
    """What is trained, ``momentum``, moves as by Adam without momentum; the weight is a blend of it and of its average.

    With the average x of all values z of ``momentum`` so far, ``weight = (1 - beta_1) * z + beta_1 * x``.

    Args:
        beta_1: the share of the average in the weight.
        beta_2: the share of the old mean of squares in the new one.
        epsilon: added to the root of the corrected mean of squares, lest it is 0.
        warmup_steps: over so many steps the learning rate grows from 0 to its value.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = ScheduleFreeAdamW(learning_rate=0.1, warmup_steps=0)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9000, 2.1000])
    """

    def __init__(
        self,
        learning_rate: object = 0.0025,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        warmup_steps: int = 0,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        check_integer("warmup_steps", warmup_steps)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def create_state(self) -> None:
        """What is trained, which starts as the weight, and the mean of squares."""
        kept = self.add_optimizer_variables(self.weights, ["momentum", "velocity"])
        self._trained: list[StateVariable] = kept[0]
        self._velocities: list[StateVariable] = kept[1]
        for trained, weight in zip(self._trained, self.weights, strict=True):
            trained.copy_(weight.value)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: float) -> None:  # type: ignore[override]
        """Move one weight, in Keras' layout; see :class:`Optimizer`."""
        index, step = self._get_variable_index(variable), self.updates + 1
        trained, velocity = self._trained[index], self._velocities[index]
        beta_1, beta_2 = to_single(self.beta_1), to_single(self.beta_2)
        rate = learning_rate * min(step / self.warmup_steps, 1.0) if self.warmup_steps > 0 else learning_rate
        velocity.lerp_(gradient.square(), 1 - beta_2)
        root = torch.sqrt(velocity / (1 - beta_2**step)) + to_single(self.epsilon)
        trained.sub_(rate * gradient / root)
        # Keras takes the last average out of the weight by what is trained now, not by what it was before this step.
        average = (variable - (1 - beta_1) * trained) / beta_1
        average = (1 - 1 / step) * average + trained / step
        self.assign(variable, (1 - beta_1) * trained + beta_1 * average)
