"""Activations in torch's operations: applied to one buffer for all steps, with slopes that need no tape.

One tensor is kept for each gate and step. Where an activation's slope can be had from its value, that is the value,
computed in place; otherwise it is what went in, and the activation is differentiated there again. Only functions
that treat each element alone can be handled like this: see :func:`pointwise`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.single_precision import to_single


@dataclass(frozen=True, slots=True)
class Pointwise:
    """An activation of single elements, and its derivative.

    Attributes:
        function: the activation.
        in_place: the same, writing over its argument; ``None`` when the slope has to be had from the argument.
        times_slope_at_value: takes factors and the activation's value, gives factor * slope; ``None`` likewise.
    """

    function: Activation
    in_place: Activation | None = None
    times_slope_at_value: Callable[[Tensor, Tensor], Tensor] | None = None

    def keep(self, argument: Tensor) -> Tensor:
        """The value at ``argument``, which from now on holds what :meth:`value` and :meth:`times_slope` take."""
        return self.function(argument) if self.in_place is None else self.in_place(argument)

    def value(self, kept: Tensor) -> Tensor:
        """The activation's value, given what :meth:`keep` left."""
        return self.function(kept) if self.in_place is None else kept

    def times_slope(self, factor: Tensor, kept: Tensor) -> Tensor:
        """``factor`` times the slope, given what :meth:`keep` left; a new tensor."""
        if self.times_slope_at_value is not None:
            return self.times_slope_at_value(factor, kept)
        with torch.enable_grad():
            argument = kept.detach().requires_grad_()
            value = self.function(argument)
        (product,) = torch.autograd.grad(value, argument, factor)
        return product

    def at(self, argument: Tensor, factor: Tensor) -> tuple[Tensor, Tensor]:
        """The value at an argument that was never written over, and ``factor`` times the slope there."""
        value = self.function(argument)
        return value, self.times_slope(factor, argument if self.in_place is None else value)


def pointwise(activation: Activation) -> Pointwise | None:
    """How to apply ``activation``; ``None`` for one that mixes elements, or of which nothing is known.

    A function of somebody's own may have parameters that want gradients, so it is left to autograd as a whole.
    """
    return _KNOWN.get(activation)


def _flat_outside(low: float, high: float) -> Callable[[Tensor, Tensor], Tensor]:
    """The rule of a line of slope 1 that is clipped, and flat at both corners."""
    return lambda factor, value: torch.ops.aten.hardtanh_backward(factor, value, low, high)


_TANH = Pointwise(torch.tanh, torch.tanh_, torch.ops.aten.tanh_backward)
_SIGMOID = Pointwise(torch.sigmoid, torch.sigmoid_, torch.ops.aten.sigmoid_backward)
_RELU = Pointwise(torch.relu, torch.relu_, lambda factor, value: torch.ops.aten.threshold_backward(factor, value, 0))

_FROM_THEIR_VALUE: dict[Activation, Pointwise] = {
    activations.tanh: _TANH,
    torch.tanh: _TANH,
    activations.sigmoid: _SIGMOID,
    torch.sigmoid: _SIGMOID,
    activations.relu: _RELU,
    torch.relu: _RELU,
    F.relu: _RELU,
    activations.linear: Pointwise(activations.linear, activations.linear, lambda factor, value: factor),
    activations.hard_sigmoid: Pointwise(
        activations.hard_sigmoid,
        lambda argument: F.hardsigmoid(argument, inplace=True),
        lambda factor, value: torch.ops.aten.hardtanh_backward(factor, value, 0, 1).div_(6),
    ),
    activations.relu6: Pointwise(
        activations.relu6, lambda argument: F.relu6(argument, inplace=True), _flat_outside(0, 6)
    ),
    activations.leaky_relu: Pointwise(
        activations.leaky_relu,
        lambda argument: F.leaky_relu(argument, to_single(0.2), inplace=True),
        lambda factor, value: torch.ops.aten.leaky_relu_backward(factor, value, to_single(0.2), True),
    ),
    activations.elu: Pointwise(
        activations.elu,
        lambda argument: F.elu(argument, inplace=True),
        lambda factor, value: torch.ops.aten.elu_backward(factor, 1, 1, 1, True, value),
    ),
    activations.exponential: Pointwise(activations.exponential, torch.exp_, torch.mul),
}
# Those without such a rule: it would lose digits (softsign), or a corner cannot be told from the flat part beside it
# (hard_tanh, which has TensorFlow's slope 1 at its corners), or there is none.
_FROM_THEIR_ARGUMENT = (
    activations.celu, activations.gelu, activations.hard_shrink, activations.hard_sigmoid_keras2, activations.hard_silu,
    activations.hard_tanh, activations.log_sigmoid, activations.mish, activations.selu, activations.silu,
    activations.soft_shrink, activations.softplus, activations.softsign, activations.sparse_plus,
    activations.sparse_sigmoid, activations.squareplus, activations.tanh_shrink,
)  # fmt: skip
_KNOWN: dict[Activation, Pointwise] = _FROM_THEIR_VALUE | {
    function: Pointwise(function) for function in _FROM_THEIR_ARGUMENT
}
