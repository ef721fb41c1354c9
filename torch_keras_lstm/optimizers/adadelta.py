"""A step as long as the last ones were, where the gradient is as long as the last ones were."""

from typing import Unpack

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors


@with_arguments_of(Optimizer)
class Adadelta(Optimizer):
    """``weight -= learning_rate * delta``, with ``delta = sqrt(accumulated_delta_var + epsilon) /
    sqrt(accumulated_grad + epsilon) * gradient``.

    Args:
        rho: the share of the old means of squares, ``accumulated_grad`` of gradients and ``accumulated_delta_var`` of
            ``delta``, in the new ones.
        epsilon: added under both roots.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Adadelta(learning_rate=1.0)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9986, 2.0014])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho = rho
        self.epsilon = epsilon

    def create_state(self) -> None:
        """The two means of squares."""
        self.add_state(accumulated_grad=0.0, accumulated_delta_var=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        squared, deltas = squares(gradients), state["accumulated_delta_var"]
        torch._foreach_lerp_(state["accumulated_grad"], squared, 1 - self.rho)
        ratios = torch._foreach_add(deltas, self.epsilon)
        torch._foreach_div_(ratios, torch._foreach_add(state["accumulated_grad"], self.epsilon))
        torch._foreach_lerp_(deltas, torch._foreach_mul(ratios, squared), 1 - self.rho)
        torch._foreach_sqrt_(ratios)
        torch._foreach_addcmul_(parameters, ratios, densify(gradients), -learning_rate)
