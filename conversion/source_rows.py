"""How layers of one input are written in plain PyTorch: the module that has the weights, the line that calls it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.conversion.source_writer import (
    Call,
    Value,
    Writer,
    activated,
    number,
    one,
    refuse,
    row,
    without,
)
from torch_keras_lstm.layers import BatchNormalization, Layer
from torch_keras_lstm.layers.masked_call import MaskedCall
from torch_keras_lstm.models import Model


@row("Dense")
def _dense(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, Mapping[str, Tensor]]:
        units, features = layer.weight.shape
        bias = "" if layer.bias is not None else ", bias=False"
        return f"nn.Linear({features}, {units}{bias})", layer.state_dict()

    module = writer.module(layer, make)
    return one(writer, layer, call, activated(writer, layer, f"{module}({call.tensors[0].text})"))


@row("Embedding")
def _embedding(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, Mapping[str, Tensor]]:
        rows, width = layer.weight.shape
        return f"nn.Embedding({rows}, {width})", layer.state_dict()

    module, (value,) = writer.module(layer, make), call.tensors
    text = value.text if value.is_index else f"{value.text}.long()"
    output = one(writer, layer, call, f"{module}({text})")
    mask = writer.let(f"{output.text}_mask", f"{text} != 0") if layer.mask_zero else None
    return replace(output, mask=mask)


@row("BatchNormalization")
def _batch_normalization(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    rank, (axis,) = len(value.shape), layer.kept_axes(len(value.shape))
    if rank > 5 or rank == 1 or layer.renorm:
        raise refuse(layer, "inputs of more than five axes, or `renorm`")

    def make() -> tuple[str, Mapping[str, Tensor]]:
        size = layer.running_mean.shape[0]
        affine = layer.weight is not None or layer.bias is not None
        state = {"running_mean": layer.running_mean, "running_var": layer.running_var}
        state["num_batches_tracked"] = torch.tensor(0)
        if affine:
            state["weight"] = torch.ones(size) if layer.weight is None else layer.weight
            state["bias"] = torch.zeros(size) if layer.bias is None else layer.bias
        more = f"eps={number(layer.epsilon)}, momentum={1 - float(layer.momentum):.6g}" + (
            "" if affine else ", affine=False"
        )
        return f"nn.BatchNorm{max(rank - 2, 1)}d({size}, {more})", state

    module = without(writer, writer.module(layer, make), layer)
    if axis == 1:
        return one(writer, layer, call, f"{module}({value.text})")
    return one(writer, layer, call, f"{module}({value.text}.movedim({axis}, 1)).movedim(1, {axis})")


@row("LayerNormalization")
def _layer_normalization(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    kept = layer.kept_axes(len(value.shape))
    is_last = kept == tuple(range(len(value.shape) - len(kept), len(value.shape)))
    if not (is_last or len(kept) == 1) or layer.rms_scaling:
        raise refuse(layer, "several axes that are not the last ones, or `rms_scaling`")

    def make() -> tuple[str, Mapping[str, Tensor]]:
        sizes = tuple(value.shape[axis] for axis in kept)
        state = {}
        if layer.weight is not None or layer.bias is not None:
            state["weight"] = torch.ones(sizes) if layer.weight is None else layer.weight
            state["bias"] = torch.zeros(sizes) if layer.bias is None else layer.bias
        affine = "" if state else ", elementwise_affine=False"
        return f"nn.LayerNorm({sizes if len(sizes) > 1 else sizes[0]}, eps={number(layer.epsilon)}{affine})", state

    module = without(writer, writer.module(layer, make), layer)
    if is_last:
        return one(writer, layer, call, f"{module}({value.text})")
    return one(writer, layer, call, f"{module}({value.text}.movedim({kept[0]}, -1)).movedim(-1, {kept[0]})")


@row("Normalization")
def _normalization(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors

    def make() -> tuple[str, Mapping[str, Tensor]]:
        like = torch.zeros([size or 1 for size in value.shape])
        mean = layer.beside(layer.adapt_mean, like).float()
        deviation = layer.beside(layer.adapt_variance, like).float().sqrt().clamp(min=1e-7)
        return "nn.ParameterDict({" + ", ".join(
            f'"{name}": nn.Parameter(torch.ones({tuple(one.shape)}), requires_grad=False)'
            for name, one in (("mean", mean), ("deviation", deviation))
        ) + "})", {"mean": mean, "deviation": deviation}

    module = writer.module(layer, make)
    mean, deviation = f'{module}["mean"]', f'{module}["deviation"]'
    if layer.invert:
        return one(writer, layer, call, f"{value.text} * {deviation} + {mean}")
    return one(writer, layer, call, f"({value.text} - {mean}) / {deviation}")


@row("PReLU")
def _prelu(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, Mapping[str, Tensor]]:
        shape = tuple(layer.weight.shape)
        return f'nn.ParameterDict({{"slope": nn.Parameter(torch.zeros({shape}))}})', {"slope": layer.weight}

    text = call.tensors[0].text
    slope = f'{writer.module(layer, make)}["slope"]'
    return one(writer, layer, call, f"torch.relu({text}) - {slope} * torch.relu(-{text})")


@row(
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout",
    "AlphaDropout", "ActivityRegularization", "Identity",
)  # fmt: skip
def _nothing(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    hands_on = layer.supports_masking and type(layer).compute_mask is MaskedCall.compute_mask
    return replace(value, mask=call.mask if hands_on else None)


@row("Activation")
def _activation(writer: Writer, layer: Any, call: Call) -> Value:
    return one(writer, layer, call, activated(writer, layer, call.tensors[0].text))


@row("Flatten")
def _flatten(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    if len(value.shape) == 1:
        return one(writer, layer, call, f"{value.text}.unsqueeze(1)")
    moved = ".movedim(1, -1)" if layer.data_format == "channels_first" and len(value.shape) > 2 else ""
    return one(writer, layer, call, f"{value.text}{moved}.flatten(1)")


@row("Reshape")
def _reshape(writer: Writer, layer: Any, call: Call) -> Value:
    text = call.tensors[0].text
    sizes = ", ".join(map(str, layer.target_shape))
    return one(writer, layer, call, f"{text}.reshape({text}.shape[0], {sizes})")


@row("Permute")
def _permute(writer: Writer, layer: Any, call: Call) -> Value:
    return one(writer, layer, call, f"{call.tensors[0].text}.permute(0, {', '.join(map(str, layer.dims))})")


@row("RepeatVector")
def _repeat_vector(writer: Writer, layer: Any, call: Call) -> Value:
    return one(writer, layer, call, f"{call.tensors[0].text}.unsqueeze(1).expand(-1, {layer.n}, -1)")


@row("Rescaling")
def _rescaling(writer: Writer, layer: Any, call: Call) -> Value:
    text = call.tensors[0].text
    scale, offset = (
        f"{text}.new_tensor({given.tolist()})" if given.ndim else number(given.item())
        for given in (layer._scale, layer._offset)
    )
    return one(writer, layer, call, f"{text} * {scale} + {offset}")


@row("Softmax")
def _softmax(writer: Writer, layer: Any, call: Call) -> Value:
    if not isinstance(layer.axis, int):
        raise refuse(layer, "more than one axis")
    text = call.tensors[0].text
    if call.mask is not None:
        return one(writer, layer, call, f"{writer.part('masked_softmax')}({text}, {call.mask}, {layer.axis})")
    return one(writer, layer, call, f"torch.softmax({text}, dim={layer.axis})")


@row("ReLU")
def _relu(writer: Writer, layer: Any, call: Call) -> Value:
    text = call.tensors[0].text
    if not (layer.negative_slope or layer.threshold) and layer.max_value is None:
        return one(writer, layer, call, f"torch.relu({text})")
    arguments = ", ".join(
        "None" if value is None else number(value) for value in (layer.negative_slope, layer.max_value, layer.threshold)
    )
    return one(writer, layer, call, f"{writer.part('bounded_relu')}({text}, {arguments})")


@row("LeakyReLU")
def _leaky_relu(writer: Writer, layer: Any, call: Call) -> Value:
    return one(writer, layer, call, f"F.leaky_relu({call.tensors[0].text}, {number(layer.negative_slope)})")


@row("ELU")
def _elu(writer: Writer, layer: Any, call: Call) -> Value:
    return one(writer, layer, call, f"F.elu({call.tensors[0].text}, {number(layer.alpha)})")


@row("ThresholdedReLU")
def _thresholded_relu(writer: Writer, layer: Any, call: Call) -> Value:
    text = call.tensors[0].text
    return one(writer, layer, call, f"{text} * ({text} > {number(layer.theta)})")


def _looks_at_masks(layer: Layer) -> bool:
    """Whether a mask changes what a layer gives; one for each step does not change the normalization of a batch."""
    return "mask" in layer.call_arguments and not isinstance(layer, Model | BatchNormalization)


@row("TimeDistributed")
def _time_distributed(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    inner = layer.layer
    takers = [part for part in inner.modules() if isinstance(part, Layer) and _looks_at_masks(part)]
    if call.mask is not None and takers:
        raise refuse(layer, f"a mask for the {type(takers[0]).__name__} in it")
    steps = writer.let(f"{layer.name}_steps", f"{value.text}.flatten(0, 1)")
    output = writer.call(inner, Call((replace(value, text=steps, mask=None, shape=(None, *value.shape[2:])),), {}))
    return one(writer, layer, call, f"{output.text}.unflatten(0, {value.text}.shape[:2])")


@row("Masking")
def _masking(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    mask = writer.let(f"{layer.name}_mask", f"({value.text} != {number(layer._compared)}).any(-1)")
    output = one(writer, layer, call, f"torch.where({mask}.unsqueeze(-1), {value.text}, 0.0)")
    return replace(output, mask=mask)
