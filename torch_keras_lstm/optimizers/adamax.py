"""Adam with the largest past gradient in place of the mean of squares."""

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, magnitudes
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.optimizers.two_betas import TwoBetas
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class Adamax(TwoBetas):
    """At step t ``weight -= learning_rate * momentum / ((1 - beta_1**t) * (norm + epsilon))``.

    torch.optim.Adamax adds epsilon to each gradient instead, before the largest is taken.

    Args:
        beta_1: the share of the old mean of gradients, ``momentum``, in the new one.
        beta_2: what is left of the largest absolute gradient, ``norm``, at the next step.
        epsilon: added to ``norm``, lest it is 0.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Adamax(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9000, 2.1000])
    """

    def create_state(self) -> None:
        """The mean of gradients and the largest."""
        self.add_state(momentum=0.0, norm=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        momentums, norms = state["momentum"], state["norm"]
        correction = 1 - to_single(self.beta_1) ** (self.updates + 1)
        torch._foreach_lerp_(momentums, densify(gradients), 1 - self.beta_1)
        torch._foreach_mul_(norms, self.beta_2)
        torch._foreach_maximum_(norms, magnitudes(gradients))
        divisors = torch._foreach_add(norms, self.epsilon)
        torch._foreach_addcdiv_(parameters, momentums, divisors, -learning_rate / correction)
