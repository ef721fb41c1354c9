"""Gradient descent, with momentum if wanted."""

from typing import Unpack

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class SGD(Optimizer):
    """``weight -= learning_rate * gradient``; with ``momentum`` the velocity ``momentum * velocity - learning_rate *
    gradient`` is added instead.

    torch.optim.SGD keeps the velocity without the learning rate, and so is another rule as soon as the rate changes.

    Args:
        momentum: the share of the last velocity in the next, from 0 to 1.
        nesterov: add ``momentum * velocity - learning_rate * gradient`` once more, with the new velocity.

    Raises:
        ValueError: for a momentum out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = SGD(learning_rate=0.1, momentum=0.9)
        >>> optimizer.build([weight])
        >>> for _ in range(2):
        ...     optimizer.zero_grad()
        ...     weight.square().sum().backward()
        ...     optimizer.step()
        >>> weight.detach()
        tensor([0.4600, 0.9200])
    """

    def __init__(
        self,
        learning_rate: object = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a number from 0 to 1, got {momentum!r}.")
        self.momentum = momentum
        self.nesterov = nesterov

    def create_state(self) -> None:
        """The velocity, which Keras calls momentum."""
        if self.momentum:
            self.add_state(momentum=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        gradients = densify(gradients)
        if not self.momentum:
            torch._foreach_add_(parameters, gradients, alpha=-learning_rate)
            return
        velocities = state["momentum"]
        momentum = to_single(self.momentum)
        torch._foreach_mul_(velocities, momentum)
        torch._foreach_add_(velocities, gradients, alpha=-learning_rate)
        if self.nesterov:
            torch._foreach_add_(parameters, velocities, alpha=momentum)
            torch._foreach_add_(parameters, gradients, alpha=-learning_rate)
        else:
            torch._foreach_add_(parameters, velocities)
