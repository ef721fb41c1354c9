"""A step of the same length in every weight."""

from typing import Unpack

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class Lion(Optimizer):
    """``weight -= learning_rate * sign(beta_1 * momentum + (1 - beta_1) * gradient)``.

    Args:
        beta_1: the share of ``momentum`` in the direction, above 0 and at most 1.
        beta_2: the share of the old ``momentum`` in the new one; the rest is the gradient.

    Raises:
        ValueError: for a ``beta_1`` out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Lion(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9000, 2.1000])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"`beta_1` must be a number above 0 and at most 1, got {beta_1!r}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def create_state(self) -> None:
        """The mean of gradients."""
        self.add_state(momentum=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        dense = densify(gradients)
        directions = torch._foreach_lerp(state["momentum"], dense, 1 - to_single(self.beta_1))
        torch._foreach_sign_(directions)
        torch._foreach_add_(parameters, directions, alpha=-learning_rate)
        torch._foreach_lerp_(state["momentum"], dense, 1 - to_single(self.beta_2))
