"""The order of the four gates, and how Keras and torch lay out their weights. Nothing else in the package knows either.

Keras 2 and 3, torch, cuDNN and oneDNN agree on the order input, forget, cell, output; a kernel is only transposed
between them: Keras keeps (in, 4 * units), torch (4 * units, in). Keras 1 stored an array for each gate; the converter
tells them apart by their names.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

GATES = ("input", "forget", "cell", "output")

KERNEL_AXES = (1, 0)  # Keras' (in, 4 * units) as torch's (4 * units, in)


def split_gates(gates: Tensor, axis: int = -1) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Input, forget, cell and output gate, which lie side by side along ``axis`` in that order."""
    i, f, g, o = gates.chunk(4, dim=axis)
    return i, f, g, o


def per_gate(weight: Tensor) -> Tensor:
    """(4 * units, in) -> (4, units, in): torch's weight, one slice a gate; a view."""
    return weight.reshape(len(GATES), -1, weight.shape[1])


def to_onnx(weight: Tensor) -> Tensor:
    """(4 * units, ...) in the order of ONNX: input, output, forget, cell."""
    units = weight.shape[0] // len(GATES)
    return torch.cat((weight[:units], weight[3 * units :], weight[units : 3 * units]))


def open_forget_gate(initializer: Callable[..., Tensor], shape: Sequence[int], **options: Any) -> Tensor:
    """Keras' ``unit_forget_bias``: a bias of ``shape`` as ``initializer`` draws it, ones in the forget gate's part.

    The two other parts are drawn apart, as Keras draws them: units entries for the input gate, 2 * units for the rest.
    """
    units = shape[0] // len(GATES)
    first, last = initializer((units,), **options), initializer((2 * units,), **options)
    bias = first.new_ones(tuple(shape))
    bias[:units], bias[2 * units :] = first, last
    return bias


def output_first(rows: Tensor) -> Tensor:
    """(4 * units, ...) with the gates in the order output, input, forget, cell.

    The three gates proper, which share an activation, are then neighbours, and so are the three that the cell state
    depends on.
    """
    return rows.roll(rows.shape[0] // len(GATES), 0)


def output_last(rows: Tensor) -> Tensor:
    """:func:`output_first` undone."""
    return rows.roll(-(rows.shape[0] // len(GATES)), 0)
