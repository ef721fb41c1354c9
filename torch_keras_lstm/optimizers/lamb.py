"""Adam whose step is as long as the weight is large (You et al., 2020)."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.two_betas import TwoBetas
from torch_keras_lstm.single_precision import to_single
from torch_keras_lstm.state_variable import StateVariable


@with_arguments_of(Optimizer)
class Lamb(TwoBetas):
    """``weight -= learning_rate * norm(weight) / norm(update) * update`` with the update of Adam, whose means are both
    corrected before epsilon is added; without the quotient where one of the norms is 0.

    Args:
        beta_1: the share of the old mean of gradients in the new one.
        beta_2: the same for the mean of squares.
        epsilon: added to the root of the corrected mean of squares, lest it is 0.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Lamb(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.8419, 2.1581])
    """

    def create_state(self) -> None:
        """The means of gradients and of squares."""
        kept = self.add_optimizer_variables(self.weights, ["momentum", "velocity"])
        self._momentums: list[StateVariable] = kept[0]
        self._velocities: list[StateVariable] = kept[1]

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: float) -> None:  # type: ignore[override]
        """Move one weight, in Keras' layout; see :class:`Optimizer`."""
        index, step = self._get_variable_index(variable), self.updates + 1
        momentum, velocity = self._momentums[index], self._velocities[index]
        momentum.lerp_(gradient, 1 - self.beta_1)
        velocity.lerp_(gradient.square(), 1 - self.beta_2)
        # Keras raises float32's beta to this power, whatever the type of the weights.
        mean, root = (
            momentum / (1 - to_single(self.beta_1) ** step),
            torch.sqrt(velocity / (1 - to_single(self.beta_2) ** step)),
        )
        update = mean / (root + self.epsilon)
        size, length = torch.sqrt(variable.square().sum()), torch.sqrt(update.square().sum())
        ratio = torch.where((size > 0) & (length > 0), size / length, 1.0)
        self.assign_sub(variable, ratio * learning_rate * update)
