"""Follow the regularized leader."""

from typing import Unpack

import torch

from torch_keras_lstm.arguments import check_non_negative, check_number
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.single_precision import to_single


@with_arguments_of(Optimizer)
class Ftrl(Optimizer):
    """The weight is what would have been best for all past gradients, under penalties that keep many weights at 0.

    With ``power = -learning_rate_power``, at each step ``sigma = ((accumulator + gradient**2) ** power -
    accumulator**power) / learning_rate``, then ``linear += gradient - sigma * weight``, ``accumulator += gradient**2``,
    and the weight is ``(clip(linear, -l1, l1) - linear) / (accumulator**power / learning_rate + 2 * l2)``.

    Args:
        learning_rate_power: how the rate falls with ``accumulator``, at most 0; with 0 it stays.
        initial_accumulator_value: what ``accumulator`` starts from, at least 0.
        l1_regularization_strength: l1, at least 0.
        l2_regularization_strength: l2, at least 0.
        l2_shrinkage_regularization_strength: at least 0; twice of it times the weight is added to the gradient in
            ``linear``.
        beta: ``beta / (2 * learning_rate)`` is added to l2.

    Raises:
        ValueError: for an argument out of its range.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Ftrl(learning_rate=0.1, l1_regularization_strength=1.0)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.2119, 1.8566])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        check_number("learning_rate_power", learning_rate_power)
        if learning_rate_power > 0:
            raise ValueError(f"`learning_rate_power` must be at most 0, got {learning_rate_power!r}.")
        check_non_negative("initial_accumulator_value", initial_accumulator_value)
        check_non_negative("l1_regularization_strength", l1_regularization_strength)
        check_non_negative("l2_regularization_strength", l2_regularization_strength)
        check_non_negative("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def create_state(self) -> None:
        """The sum of squares, whose first value TensorFlow makes a float32 of, and what stands for past gradients."""
        self.add_state(accumulator=to_single(self.initial_accumulator_value), linear=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        accumulators, linears = state["accumulator"], state["linear"]
        l1, l2 = self.l1_regularization_strength, self.l2_regularization_strength + self.beta / (2 * learning_rate)
        sigmas = torch._foreach_pow(accumulators, -self.learning_rate_power)
        torch._foreach_add_(accumulators, squares(gradients))
        quadratics = torch._foreach_pow(accumulators, -self.learning_rate_power)
        torch._foreach_sub_(sigmas, quadratics)  # less sigma, times the rate
        torch._foreach_div_(quadratics, learning_rate)
        torch._foreach_add_(quadratics, 2 * l2)
        torch._foreach_add_(linears, densify(gradients))
        torch._foreach_add_(linears, parameters, alpha=2 * self.l2_shrinkage_regularization_strength)
        torch._foreach_addcmul_(linears, sigmas, parameters, 1 / learning_rate)
        clipped = torch._foreach_clamp_max(torch._foreach_clamp_min(linears, -l1), l1)
        torch._foreach_sub_(clipped, linears)
        torch._foreach_copy_(parameters, torch._foreach_div(clipped, quadratics))
