"""A function in half precision as TensorFlow's kernels for a CPU compute it, and its derivative as they do."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function

HALF = frozenset((torch.float16, torch.bfloat16))


def constant(value: float, dtype: torch.dtype) -> float:
    """``value`` rounded to ``dtype``, as TensorFlow holds a number beside tensors of it, where torch does not."""
    return float(torch.tensor(value).to(dtype))


class Rule(NamedTuple):
    """A function of one tensor, and its derivative as TensorFlow registers it, both rounded after each operation.

    Attributes:
        value: of the input.
        gradient: of the output's gradient, the input and the output.
    """

    value: Callable[[Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor, Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """The value, with the rule's gradient on autograd's tape."""
        applied: Tensor = _Applied.apply(x, self)  # type: ignore[no-untyped-call]  # torch has not annotated it
        return applied


class _Applied(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, rule: Rule) -> Tensor:
        return rule.value(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.rule = inputs[1]
        ctx.save_for_backward(inputs[0], output)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return ctx.rule.gradient(gradients[0], *ctx.saved_tensors), None
