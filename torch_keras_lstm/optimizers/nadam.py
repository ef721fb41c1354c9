"""Adam with Nesterov's momentum."""

import math

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.optimizers.two_betas import TwoBetas
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class Nadam(TwoBetas):
    """Adam that looks one step ahead, with a ``beta_1`` that grows: at step t it is ``beta_1 * (1 - 0.5 * 0.96**t)``.

    Args:
        beta_1: what the share of the old mean of gradients in the new one grows to.
        beta_2: the share of the old mean of squares in the new one.
        epsilon: added to the root of the corrected mean of squares, lest it is 0.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Nadam(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.8937, 2.1063])
    """

    rounds_shares = False

    def create_state(self) -> None:
        """The means of gradients and of squares, and the product of all shares so far."""
        self.add_state(momentum=0.0, velocity=0.0)
        self.scalars["u_product"] = 1.0

    def begin_update(self) -> None:
        """Multiply this step's share into the product, which Keras keeps in the precision of the weights."""
        self.scalars["u_product"] *= self._share(self.updates + 1)

    def _share(self, step: int) -> float:
        if self.rounds_shares:
            return to_single(self.beta_1) * (1 - 0.5 * to_single(0.96) ** step)
        return self.beta_1 * (1 - 0.5 * 0.96**step)

    def go_on_as_tf_keras(self) -> None:
        """Go on after steps of tf.keras, which does not save the product and makes it of float32 numbers."""
        self.rounds_shares = True
        self.scalars["u_product"] = self._product_after(self.updates)

    def _product_after(self, steps: int) -> float:
        # A share differs from beta_1 by nothing that a float64 shows after a thousand steps.
        growing = math.prod(1 - 0.5 * to_single(0.96) ** step for step in range(1, min(steps, 1000) + 1))
        return growing * to_single(self.beta_1) ** steps

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        step = self.updates + 1
        # Here, unlike above, Keras makes float32 tensors of the betas and of the decay before it computes.
        beta_1, beta_2, decay = to_single(self.beta_1), to_single(self.beta_2), to_single(0.96)
        share, next_share = (beta_1 * (1 - 0.5 * decay**time) for time in (step, step + 1))
        product = self.scalars["u_product"]
        momentums, velocities, dense = state["momentum"], state["velocity"], densify(gradients)
        torch._foreach_lerp_(momentums, dense, 1 - beta_1)
        torch._foreach_lerp_(velocities, squares(gradients), 1 - beta_2)
        ahead = torch._foreach_mul(momentums, next_share / (1 - product * next_share))
        torch._foreach_add_(ahead, dense, alpha=(1 - share) / (1 - product))
        roots = torch._foreach_div(velocities, 1 - beta_2**step)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(parameters, ahead, roots, -learning_rate)
