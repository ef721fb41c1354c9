"""Keras' functions that merge tensors: ``keras.layers.add``, ``concatenate`` and the others, layers called at once.

``add([a, b])`` is ``Add()([a, b])``, for tensors and for symbolic ones; the keyword arguments are the layer's.
"""

from collections.abc import Sequence
from typing import Any, Unpack

from torch_keras_lstm.layers import elementwise
from torch_keras_lstm.layers.concatenation import Concatenate
from torch_keras_lstm.layers.dot_product import Dot
from torch_keras_lstm.layers.layer import LayerArguments


def add(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The sum of the inputs, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> add([torch.ones(2, 3), torch.ones(2, 3)])
        tensor([[2., 2., 2.],
                [2., 2., 2.]])
    """
    return elementwise.Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The first of two inputs minus the second, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> subtract([torch.tensor([[5.0]]), torch.tensor([[2.0]])])
        tensor([[3.]])
    """
    return elementwise.Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The product of the inputs, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> multiply([torch.tensor([[5.0]]), torch.tensor([[2.0]])])
        tensor([[10.]])
    """
    return elementwise.Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The mean of the inputs, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> average([torch.tensor([[5.0]]), torch.tensor([[2.0]])])
        tensor([[3.5000]])
    """
    return elementwise.Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The largest of the inputs at each place, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> maximum([torch.tensor([[5.0, 1.0]]), torch.tensor([[2.0, 3.0]])])
        tensor([[5., 3.]])
    """
    return elementwise.Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> Any:
    """The smallest of the inputs at each place, tensors (batch, ...) whose shapes broadcast.

    Example:
        >>> minimum([torch.tensor([[5.0, 1.0]]), torch.tensor([[2.0, 3.0]])])
        tensor([[2., 1.]])
    """
    return elementwise.Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Unpack[LayerArguments]) -> Any:
    """The inputs one behind the other along ``axis``; they agree in the other axes.

    Example:
        >>> concatenate([torch.randn(2, 5, 3), torch.randn(2, 4, 3)], axis=1).shape
        torch.Size([2, 9, 3])
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """The products of two inputs, summed over an axis of each, sample by sample.

    Args:
        inputs: two tensors.
        axes: the axis of both, or a pair with one for each.
        **kwargs: ``normalize`` and the arguments of every layer.

    Example:
        >>> dot([torch.randn(2, 3, 5), torch.randn(2, 4, 5)], axes=2).shape
        torch.Size([2, 3, 4])
    """
    return Dot(axes=axes, **kwargs)(inputs)
