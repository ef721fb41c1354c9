"""Windows that slide over the axes of space: what TensorFlow pads, what size comes out, and convolution by that rule.

All functions work on (batch, channels, *spatial) and take one number an axis of space. ``padding`` is "valid" (none),
"same" (as many windows as strides fit, padded half and half, the odd one at the end) or "causal" (all in front).
"""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}

Pads = list[tuple[int, int]]


def output_sizes(
    sizes: Sequence[int | None],
    windows: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    padding: str,
) -> list[int | None]:
    """How many windows fit each axis, 0 or less where none does; ``None`` where the size is free."""
    counts: list[int | None] = []
    for size, window, stride, dilation in zip(sizes, windows, strides, dilations, strict=True):
        if size is None:
            counts.append(None)
        elif padding == "valid":
            counts.append((size - span(window, dilation)) // stride + 1)
        else:
            counts.append(-(-size // stride))
    return counts


def span(window: int, dilation: int) -> int:
    """The steps from the first to the last entry of a dilated window, both counted."""
    return (window - 1) * dilation + 1


def pads(
    sizes: Sequence[int], windows: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: str
) -> Pads:
    """What each axis is padded with in front and at the end."""
    spans = [span(window, dilation) for window, dilation in zip(windows, dilations, strict=True)]
    if padding == "same":
        return [_same_pads(*axis) for axis in zip(sizes, spans, strides, strict=True)]
    return [(reach - 1 if padding == "causal" else 0, 0) for reach in spans]


def _same_pads(size: int, reach: int, stride: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def pad(inputs: Tensor, amounts: Pads, value: float = 0.0) -> Tensor:
    """Pad the last axes of ``inputs`` by ``amounts``; negative ones crop."""
    return F.pad(inputs, [amount for pair in reversed(amounts) for amount in pair], value=value)


def convolve(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int],
    groups: int = 1,
) -> Tensor:
    """Convolution (which does not flip its kernel) as TensorFlow pads it.

    Args:
        inputs: (batch, channels, *spatial)
        weight: (filters, channels / groups, *windows)
        bias: (filters,)

    Returns:
        (batch, filters, *spatial)
    """
    amounts = pads(inputs.shape[2:], weight.shape[2:], strides, dilations, padding)
    symmetric = all(before == after for before, after in amounts)
    if not symmetric:  # torch's own padding is the same on both sides, and needs no copy of the inputs
        inputs = pad(inputs, amounts)
    return _CONVOLUTIONS[len(amounts)](
        inputs,
        weight,
        bias,
        stride=tuple(strides),
        padding=tuple(before if symmetric else 0 for before, _ in amounts),
        dilation=tuple(dilations),
        groups=groups,
    )


def transposed_output_size(
    size: int, window: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> int:
    """The size that a transposed convolution makes of an axis (``keras/src/backend/common/backend_utils.py``)."""
    reach = span(window, dilation)
    if padding == "valid":
        return (size - 1) * stride + (max(reach, stride) if output_padding is None else reach + output_padding)
    return size * stride if output_padding is None else (size - 1) * stride + reach % 2 + output_padding


def convolve_transposed(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    *,
    strides: Sequence[int],
    padding: str,
    dilations: Sequence[int],
    sizes: Sequence[int],
) -> Tensor:
    """The gradient of a convolution with respect to its inputs, which had the given ``sizes``; then the bias is added.

    Args:
        inputs: (batch, channels, *spatial)
        weight: (channels, filters, *windows)
        bias: (filters,)
        sizes: of the output's axes of space.
    """
    outputs = _TRANSPOSED[len(sizes)](inputs, weight, stride=tuple(strides), dilation=tuple(dilations))
    amounts = pads(sizes, weight.shape[2:], strides, dilations, padding)
    # What the convolution would have padded is cut off; what its windows would not have reached is zeros.
    cut = [
        (-before, size + before - full)
        for (before, _), size, full in zip(amounts, sizes, outputs.shape[2:], strict=True)
    ]
    outputs = pad(outputs, cut)
    return outputs if bias is None else outputs + bias.reshape(-1, *(1,) * len(sizes))
