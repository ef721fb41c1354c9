"""Convolution, pooling, normalization, attention and crossentropies as functions: ``keras.ops`` over torch tensors.

Tensors of images are (batch, *spatial, channels), or (batch, channels, *spatial) with ``data_format="channels_first"``.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm import activations
from torch_keras_lstm import logits as logits_of
from torch_keras_lstm.clipping import clip
from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.reductions import Axis, axes_of
from torch_keras_lstm.operations.tensors import as_tensor, floating, promoted
from torch_keras_lstm.sliding_windows import convolve, convolve_transposed, pad, pads, transposed_output_size

EPSILON = 1e-7
_MAX: Mapping[int, Callable[..., Tensor]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: Mapping[int, Callable[..., Tensor]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_ADAPTIVE_MAX: Mapping[int, Callable[..., Tensor]] = {
    1: F.adaptive_max_pool1d,
    2: F.adaptive_max_pool2d,
    3: F.adaptive_max_pool3d,
}
_ADAPTIVE_MEAN: Mapping[int, Callable[..., Tensor]] = {
    1: F.adaptive_avg_pool1d,
    2: F.adaptive_avg_pool2d,
    3: F.adaptive_avg_pool3d,
}


def _per_axis(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value) * (axes if len(value) == 1 else 1)


def _channels_first(inputs: Tensor, data_format: str | None) -> Tensor:
    return inputs if data_format == "channels_first" else inputs.movedim(-1, 1)


def _in_format(outputs: Tensor, data_format: str | None) -> Tensor:
    return outputs if data_format == "channels_first" else outputs.movedim(1, -1)


# -- windows ----------------------------------------------------------------------------------------------------------


def _pool(inputs: Any, pool_size: Any, strides: Any, padding: str, data_format: str | None, largest: bool) -> Tensor:
    values = _channels_first(as_tensor(inputs), data_format)
    rank = values.dim() - 2
    windows = _per_axis(pool_size, rank)
    steps = windows if strides is None else _per_axis(strides, rank)
    amounts = pads(values.shape[2:], windows, steps, (1,) * rank, padding)
    if largest:
        return _in_format(_MAX[rank](pad(values, amounts, -math.inf), windows, steps), data_format)
    means = _MEAN[rank](pad(values, amounts), windows, steps)
    inside = pad(torch.ones_like(values[:1, :1]), amounts)
    return _in_format(means / _MEAN[rank](inside, windows, steps), data_format)


def max_pool(
    inputs: Any, *, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The largest value of each window."""
    return _pool(inputs, pool_size, strides, padding, data_format, largest=True)


def average_pool(
    inputs: Any, *, pool_size: Any, strides: Any = None, padding: str = "valid", data_format: str | None = None
) -> Tensor:
    """The mean of each window; what "same" pads does not count."""
    return _pool(inputs, pool_size, strides, padding, data_format, largest=False)


def adaptive_max_pool(inputs: Any, *, output_size: Any, data_format: str | None = None) -> Tensor:
    """The largest value of each of ``output_size`` windows."""
    values = _channels_first(as_tensor(inputs), data_format)
    rank = values.dim() - 2
    return _in_format(_ADAPTIVE_MAX[rank](values, _per_axis(output_size, rank)), data_format)


def adaptive_average_pool(inputs: Any, *, output_size: Any, data_format: str | None = None) -> Tensor:
    """The mean of each of ``output_size`` windows."""
    values = _channels_first(as_tensor(inputs), data_format)
    rank = values.dim() - 2
    return _in_format(_ADAPTIVE_MEAN[rank](values, _per_axis(output_size, rank)), data_format)


def conv(
    inputs: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution with a kernel (*windows, channels of a group, filters)."""
    values, weight = promoted(inputs, kernel)
    values, weight = _channels_first(values, data_format), weight.movedim((-1, -2), (0, 1))
    rank = values.dim() - 2
    outputs = convolve(
        values,
        weight,
        strides=_per_axis(strides, rank),
        padding=padding,
        dilations=_per_axis(dilation_rate, rank),
        groups=values.shape[1] // weight.shape[1],
    )
    return _in_format(outputs, data_format)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """Convolution of each channel by itself, with a kernel (*windows, channels, filters of each)."""
    values, weight = promoted(inputs, kernel)
    values = _channels_first(values, data_format)
    rank, channels = values.dim() - 2, weight.shape[-2]
    weight = weight.flatten(-2).unsqueeze(-1).movedim((-2, -1), (0, 1))
    outputs = convolve(
        values,
        weight,
        strides=_per_axis(strides, rank),
        padding=padding,
        dilations=_per_axis(dilation_rate, rank),
        groups=channels,
    )
    return _in_format(outputs, data_format)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    *,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """:func:`depthwise_conv`, and a convolution with windows of one step over what it gives."""
    inner = depthwise_conv(
        inputs,
        depthwise_kernel,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation_rate,
    )
    return conv(inner, pointwise_kernel, data_format=data_format)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    *,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:
    """The gradient of a convolution with respect to its inputs, with a kernel (*windows, filters, channels)."""
    values, weight = promoted(inputs, kernel)
    values, weight = _channels_first(values, data_format), weight.movedim((-1, -2), (0, 1))
    rank = values.dim() - 2
    steps, rates = _per_axis(strides, rank), _per_axis(dilation_rate, rank)
    extra = (None,) * rank if output_padding is None else _per_axis(output_padding, rank)
    sizes = [
        transposed_output_size(size, window, step, rate, padding, more)
        for size, window, step, rate, more in zip(values.shape[2:], weight.shape[2:], steps, rates, extra, strict=True)
    ]
    outputs = convolve_transposed(values, weight, strides=steps, padding=padding, dilations=rates, sizes=sizes)
    return _in_format(outputs, data_format)


def unfold(x: Any, *, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The windows of (batch, channels, height, width) as columns, (batch, channels * window, windows)."""
    return F.unfold(as_tensor(x), kernel_size, dilation, padding, stride)


def fold(x: Any, *, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """The sum of columns as :func:`unfold` gives them, each at the place of its window."""
    return F.fold(as_tensor(x), _per_axis(output_size, 2), kernel_size, dilation, padding, stride)


def depth_to_space(x: Any, *, block_size: int, data_format: str = "channels_last") -> Tensor:
    """Channels laid out as blocks in space, ``block_size`` as high and wide."""
    values = _channels_first(as_tensor(x), data_format)
    batch, channels, height, width = values.shape
    blocks = values.reshape(batch, block_size, block_size, channels // block_size**2, height, width)
    spread = blocks.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1, height * block_size, width * block_size)
    return _in_format(spread, data_format)


def space_to_depth(x: Any, *, block_size: int, data_format: str = "channels_last") -> Tensor:
    """The inverse of :func:`depth_to_space`."""
    values = _channels_first(as_tensor(x), data_format)
    batch, channels, height, width = values.shape
    blocks = values.reshape(batch, channels, height // block_size, block_size, width // block_size, block_size)
    deep = blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch, -1, height // block_size, width // block_size)
    return _in_format(deep, data_format)


# -- normalization ----------------------------------------------------------------------------------------------------


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any = None, scale: Any = None, *, axis: int, epsilon: float = 1e-3
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * scale + offset``, with one of each for each place along ``axis``."""
    values = as_tensor(x)
    shape = [1] * values.dim()
    shape[axis] = -1

    def beside(statistic: Any) -> Tensor:
        return as_tensor(statistic, values.dtype).reshape(shape)

    factor = torch.rsqrt(beside(variance) + epsilon)
    factor = factor if scale is None else factor * beside(scale)
    shift = -beside(mean) * factor
    return values * factor + (shift if offset is None else shift + beside(offset))


def layer_normalization(
    x: Any,
    gamma: Any = None,
    beta: Any = None,
    *,
    axis: Axis = -1,
    epsilon: float | None = None,
    rms_scaling: bool = False,
) -> Tensor:
    """``(x - mean) / sqrt(variance + epsilon) * gamma + beta``, by mean and variance along ``axis``.

    ``rms_scaling`` is Keras' old word: it divides by the root of the variance, leaves the mean and adds no ``beta``.
    """
    values = as_tensor(x)
    wide = values.to(torch.promote_types(values.dtype, torch.float32))
    axes = axes_of(wide, axis)
    shape = [size if place in axes else 1 for place, size in enumerate(wide.shape)]
    variance, mean = torch.var_mean(wide, axes, correction=0, keepdim=True)
    normal = (wide if rms_scaling else wide - mean) * torch.rsqrt(variance + _epsilon(epsilon))
    normal = normal if gamma is None else normal * as_tensor(gamma, wide.dtype).reshape(shape)
    if beta is not None and not rms_scaling:
        normal = normal + as_tensor(beta, wide.dtype).reshape(shape)
    return normal.to(values.dtype)


def rms_normalization(x: Any, scale: Any = None, *, axis: Axis = -1, epsilon: float | None = None) -> Tensor:
    """``x`` divided by the root of its mean square along ``axis``, times ``scale``."""
    values = as_tensor(x)
    wide = values.to(torch.promote_types(values.dtype, torch.float32))
    squares = torch.square(wide).mean(axes_of(wide, axis), keepdim=True)
    normal = wide * torch.rsqrt(squares + _epsilon(epsilon))
    return (normal if scale is None else normal * as_tensor(scale, wide.dtype)).to(values.dtype)


def _epsilon(epsilon: float | None) -> float:
    return EPSILON if epsilon is None else epsilon


# -- attention --------------------------------------------------------------------------------------------------------


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
    *,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Tensor:
    """Means of values weighted by the products of queries and keys.

    Args:
        query: (batch, queries, heads, size).
        key, value: (batch, keys, heads, size); fewer key and value heads serve equal groups of query heads.
        bias: added to the products, (batch, heads, queries, keys).
        mask: boolean, of that shape: what counts.
        scale: of the products; ``None`` for ``1 / sqrt(size)``.
        is_causal: query i sees keys 0 to i.
        flash_attention, attn_logits_soft_cap: how, and with what bound, Keras computes it on a TPU; ignored.
    """
    queries, keys, values = (part.movedim(2, 1) for part in promoted(query, key, value))
    groups = queries.shape[1] // keys.shape[1]
    if groups > 1:
        keys, values = (part.repeat_interleave(groups, 1) for part in (keys, values))
    products = queries @ keys.mT
    products = products.to(torch.promote_types(products.dtype, torch.float32))
    factor = 1 / math.sqrt(keys.shape[-1]) if scale is None else as_tensor(scale)
    products = products * factor
    if bias is not None:
        products = products + as_tensor(bias, products.dtype)
    allowed = None if mask is None else as_tensor(mask).bool()
    if is_causal:
        causal = torch.ones(products.shape[-2:], dtype=torch.bool, device=products.device).tril()
        allowed = causal if allowed is None else allowed & causal
    if allowed is not None:
        lowest = -0.7 * (65500.0 if products.dtype is torch.float16 else 3.38953e38)
        products = torch.where(allowed, products, lowest)
    return (torch.softmax(products, -1).to(values.dtype) @ values).movedim(1, 2)


# -- losses -----------------------------------------------------------------------------------------------------------


def _known_logits(output: Tensor, from_logits: bool) -> Tensor | None:
    return output if from_logits else logits_of.of(output)


def _clipped(probabilities: Tensor) -> Tensor:
    return clip(probabilities, EPSILON, 1 - EPSILON)


def binary_crossentropy(target: Any, output: Any, *, from_logits: bool = False) -> Tensor:
    """``-(target * log(output) + (1 - target) * log(1 - output))``, entry by entry."""
    outputs = as_tensor(output)
    targets = as_tensor(target, outputs.dtype)
    known = _known_logits(outputs, from_logits)
    if known is not None:
        return torch.relu(known) - known * targets + torch.log1p(torch.exp(-known.abs()))
    inside = _clipped(outputs)
    return -(targets * torch.log(inside) + (1 - targets) * torch.log(1 - inside))


def categorical_crossentropy(target: Any, output: Any, *, from_logits: bool = False, axis: int = -1) -> Tensor:
    """``-sum(target * log(output))`` along ``axis``, of probabilities that are made to sum to 1."""
    outputs = as_tensor(output)
    targets = as_tensor(target, outputs.dtype)
    known = _known_logits(outputs, from_logits)
    if known is not None:
        return softmax_crossentropy(targets, known, axis)
    return -(targets * torch.log(_clipped(outputs / outputs.sum(axis, keepdim=True)))).sum(axis)


def softmax_crossentropy(targets: Tensor, logits: Tensor, axis: int) -> Tensor:
    """``-sum(targets * log_softmax(logits))``, whose gradient is ``softmax(logits) - targets``.

    That is TensorFlow's gradient for all targets, and the right one for those that sum to 1.
    """
    logits = logits - logits.amax(axis, keepdim=True).detach()
    normalizer = torch.logsumexp(logits, axis)
    surplus = targets.sum(axis) - 1
    return normalizer - (targets * logits).sum(axis) + surplus * normalizer.detach()


def sparse_categorical_crossentropy(target: Any, output: Any, *, from_logits: bool = False, axis: int = -1) -> Tensor:
    """:func:`categorical_crossentropy` of classes, (...) or (..., 1)."""
    outputs = as_tensor(output)
    if axis not in (-1, outputs.dim() - 1):
        raise ValueError(f"`axis` must be -1, the last one, got {axis}.")
    classes = as_tensor(target).long()
    if classes.dim() == outputs.dim() and classes.shape[-1] == 1:
        classes = classes.squeeze(-1)
    known = _known_logits(outputs, from_logits)
    logarithms = torch.log_softmax(torch.log(_clipped(outputs)) if known is None else known, -1)
    return -logarithms.gather(-1, classes.unsqueeze(-1)).squeeze(-1)


def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, *, mask_index: int = 0) -> Tensor:
    """Connectionist temporal classification (Graves et al., 2006), a loss for each sample.

    Args:
        target: (batch, labels), integers.
        output: (batch, time, classes), logits.
        target_length, output_length: (batch,), how many of each count.
        mask_index: the class that stands for no label.
    """
    scores = torch.log_softmax(as_tensor(output), -1).transpose(0, 1)
    steps, labels = as_tensor(output_length).long(), as_tensor(target_length).long()
    if scores.device.type == "meta":  # where torch has none
        return scores.new_empty(scores.shape[1])
    return F.ctc_loss(scores, as_tensor(target).long(), steps, labels, mask_index, reduction="none")


def gelu(x: Any, *, approximate: bool = True) -> Tensor:
    """``activations.gelu``, by default with the formula with tanh, as Keras' operation has it."""
    return activations.gelu(floating(x), approximate)


def psnr(x1: Any, x2: Any, *, max_val: float) -> Tensor:
    """The peak signal-to-noise ratio in decibels, of numbers up to ``max_val``."""
    first, second = promoted(x1, x2, least=float)
    return 20 * math.log10(max_val) - 10 * torch.log10(torch.square(first - second).mean())


def multi_hot(
    inputs: Any, *, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Tensor:
    """1 at each class that stands among the indices along ``axis``, else 0, in its place; by default float."""
    indices = as_tensor(inputs)
    classes = torch.arange(int(num_classes or 0), device=indices.device)
    among = indices.dim() - 1 if indices.dim() > 1 else 0
    found = (indices.unsqueeze(-1) == classes).any(among)
    return found.movedim(-1, axis).to(torch.get_default_dtype() if dtype is None else as_dtype(dtype))


def ctc_greedy_decode(
    inputs: Any,
    sequence_lengths: Any,
    *,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """The likeliest labels of logits (batch, time, classes), (1, batch, time) with -1 behind them, and their score.

    Raises:
        ValueError: for another ``strategy`` than "greedy".
    """
    if strategy != "greedy":
        raise ValueError(f"`strategy` of `ctc_decode` must be 'greedy', got {strategy!r}: there is no beam search.")
    scores = floating(inputs)
    batch, steps, classes = scores.shape
    blank = classes - 1 if mask_index is None else mask_index % classes
    best = scores.max(-1)
    counts = torch.arange(steps, device=scores.device) < as_tensor(sequence_lengths).to(scores.device).unsqueeze(-1)
    kept = counts & (best.indices != blank)
    if merge_repeated:
        again = best.indices[:, 1:] == best.indices[:, :-1]
        kept = kept & ~torch.nn.functional.pad(again, (1, 0))
    # One place more, for all that is left out.
    places = torch.where(kept, torch.cumsum(kept, 1) - 1, steps)
    decoded = torch.full((batch, steps + 1), -1, dtype=torch.int32, device=scores.device)
    decoded = decoded.scatter(1, places, best.indices.to(torch.int32))[:, :steps]
    return decoded.unsqueeze(0), -torch.where(counts, best.values, 0).sum(1, keepdim=True)
