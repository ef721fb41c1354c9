"""Products of matrices and tensors: ``keras.ops`` over torch tensors."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.elementwise import as_operands


def matmul(x1: Any, x2: Any, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """The product of the matrices in the last two axes; the flags, TensorFlow's, transpose one first."""
    left, right = as_operands(x1, x2)
    product: Tensor = torch.matmul(left.mT if transpose_a else left, right.mT if transpose_b else right)
    return product


def dot(x1: Any, x2: Any) -> Tensor:
    """``numpy.dot``: the last axis of ``x1`` with the last but one, or the only one, of ``x2``."""
    left, right = as_operands(x1, x2)
    if left.dim() == 0 or right.dim() == 0:
        return left * right
    return tensordot(left, right, (-1, -2 if right.dim() > 1 else -1))


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """``numpy.tensordot``: sums over so many last and first axes, or over the two lists of axes."""
    left, right = as_operands(x1, x2)
    dims = axes if isinstance(axes, int) else [[a] if isinstance(a, int) else list(a) for a in axes]
    product: Tensor = torch.tensordot(left, right, dims)
    return product


def einsum(*operands: Any, subscripts: str) -> Tensor:
    """Einstein's summation, with letters and ``...``."""
    return torch.einsum(subscripts, *operands)


def einsum_tensorflow(equation: str, *operands: Any) -> Tensor:
    """Einstein's summation with TensorFlow's order of arguments.

    Raises:
        ValueError: without operands, as tf.keras' files have it: they keep the equation alone.
    """
    if not operands:
        raise ValueError(
            f"The file holds the equation {equation!r} of an `einsum` but not what it is applied to: tf.keras leaves "
            "the operands out when it saves. Replace the call by an EinsumDense or Dot layer, and save again."
        )
    return torch.einsum(equation, *operands)
