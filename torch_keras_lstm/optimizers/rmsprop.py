"""A step against the gradient over the root of the mean of its squares."""

from typing import Unpack

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors


@with_arguments_of(Optimizer)
class RMSprop(Optimizer):
    """``weight -= learning_rate * gradient / sqrt(velocity + epsilon)``; torch.optim.RMSprop adds epsilon to the root.

    Args:
        rho: the share of the old mean of squares, ``velocity``, in the new one.
        momentum: the share of the last step that is added to the next.
        epsilon: added under the root, lest it is 0.
        centered: subtract the square of the mean gradient from ``velocity``, which leaves the variance.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = RMSprop(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.6838, 2.3162])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def create_state(self) -> None:
        """The mean of squares, the last step and the mean of gradients."""
        self.add_state(velocity=0.0)
        if self.momentum > 0:
            self.add_state(momentum=0.0)
        if self.centered:
            self.add_state(average_gradient=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        velocities, dense = state["velocity"], densify(gradients)
        torch._foreach_lerp_(velocities, squares(gradients), 1 - self.rho)
        roots = torch._foreach_add(velocities, self.epsilon)
        if self.centered:
            means = state["average_gradient"]
            torch._foreach_lerp_(means, dense, 1 - self.rho)
            torch._foreach_addcmul_(roots, means, means, -1)
        torch._foreach_sqrt_(roots)
        if self.momentum > 0:
            torch._foreach_mul_(state["momentum"], self.momentum)
            torch._foreach_addcdiv_(state["momentum"], dense, roots, learning_rate)
            torch._foreach_sub_(parameters, state["momentum"])
        else:
            torch._foreach_addcdiv_(parameters, dense, roots, -learning_rate)
