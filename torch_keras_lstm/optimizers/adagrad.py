"""A step against the gradient over the root of the sum of its squares."""

from typing import Unpack

import torch

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class Adagrad(Optimizer):
    """``weight -= learning_rate * gradient / sqrt(accumulator + epsilon)``; torch.optim.Adagrad adds it to the root.

    Args:
        initial_accumulator_value: what the sum of squares, ``accumulator``, starts from.
        epsilon: added under the root, lest it is 0.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Adagrad(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9155, 2.0994])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def create_state(self) -> None:
        """The sum of squares, whose first value TensorFlow makes a float32 of."""
        self.add_state(accumulator=to_single(self.initial_accumulator_value))

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        torch._foreach_add_(state["accumulator"], squares(gradients))
        roots = torch._foreach_add(state["accumulator"], self.epsilon)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(parameters, densify(gradients), roots, -learning_rate)
