"""How layers that are rarer beside recurrent ones are written in plain PyTorch: normalizations, convolutions."""

import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.conversion.source_spatial import at_the_end, in_front, padded
from torch_keras_lstm.conversion.source_writer import Call, Value, Writer, activated, number, one, refuse, row, without
from torch_keras_lstm.layers.unit_normalization import SHORTEST

State = Mapping[str, Tensor]


@row("UnitNormalization")
def _unit_normalization(writer: Writer, layer: Any, call: Call) -> Value:
    if not isinstance(layer.axis, int):
        raise refuse(layer, "more than one axis")
    return one(writer, layer, call, f"F.normalize({call.tensors[0].text}, dim={layer.axis}, eps={number(SHORTEST)})")


@row("RMSNormalization")
def _rms_normalization(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    kept = layer.kept_axes(len(value.shape))
    if kept != tuple(range(len(value.shape) - len(kept), len(value.shape))):
        raise refuse(layer, "other axes than the last ones")

    def make() -> tuple[str, State]:
        sizes = tuple(layer.weight.shape)
        return f"nn.RMSNorm({sizes if len(sizes) > 1 else sizes[0]}, eps={number(layer.epsilon)})", layer.state_dict()

    return one(writer, layer, call, f"{writer.module(layer, make)}({value.text})")


@row("GroupNormalization")
def _group_normalization(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    (axis,) = layer.kept_axes(len(value.shape))
    if axis == 0:
        raise refuse(layer, "the axis of the batch")
    channels = value.shape[axis]

    def make() -> tuple[str, State]:
        assert channels is not None
        groups, state = channels if layer.groups == -1 else layer.groups, {}
        if layer.weight is not None or layer.bias is not None:
            state["weight"] = torch.ones(channels) if layer.weight is None else layer.weight
            state["bias"] = torch.zeros(channels) if layer.bias is None else layer.bias
        affine = "" if state else ", affine=False"
        return f"nn.GroupNorm({groups}, {channels}, eps={number(layer.epsilon)}{affine})", state

    module = without(writer, writer.module(layer, make), layer)
    if axis == 1:
        return one(writer, layer, call, f"{module}({value.text})")
    return one(writer, layer, call, f"{module}({value.text}.movedim({axis}, 1)).movedim(1, {axis})")


@row("SpectralNormalization")
def _spectral_normalization(writer: Writer, layer: Any, call: Call) -> Any:
    return writer.call(layer.layer, call)  # the kernel was divided when it was trained


def _depthwise(layer: Any, weight: Tensor, bias: bool) -> str:
    words = [str(weight.shape[0]), str(weight.shape[0] * weight.shape[1]), str(tuple(layer.kernel_size))]
    for name, sizes in (("stride", layer.strides), ("dilation", layer.dilation_rate)):
        words += [] if set(sizes) == {1} else [f"{name}={tuple(sizes)}"]
    words += [f"groups={weight.shape[0]}"] + ([] if bias else ["bias=False"])
    return f"nn.Conv{layer.rank}d({', '.join(words)})"


def _convolved(writer: Writer, layer: Any, call: Call, module: str) -> Value:
    text = padded(writer, layer, in_front(layer, call.tensors[0].text), layer.kernel_size, layer.dilation_rate)
    return one(writer, layer, call, activated(writer, layer, at_the_end(layer, f"{module}({text})")))


@row("DepthwiseConv1D", "DepthwiseConv2D")
def _depthwise_conv(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, State]:
        state = {"weight": layer.weight.flatten(0, 1).unsqueeze(1)}
        has_bias = layer.bias is not None
        return _depthwise(layer, layer.weight, has_bias), state | ({"bias": layer.bias} if has_bias else {})

    return _convolved(writer, layer, call, writer.module(layer, make))


@row("SeparableConv1D", "SeparableConv2D")
def _separable_conv(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, State]:
        each, mixed = layer.depthwise_weight, layer.pointwise_weight
        state = {"0.weight": each.flatten(0, 1).unsqueeze(1), "1.weight": mixed}
        state |= {} if layer.bias is None else {"1.bias": layer.bias}
        bias = "" if layer.bias is not None else ", bias=False"
        point = f"nn.Conv{layer.rank}d({mixed.shape[1]}, {mixed.shape[0]}, 1{bias})"
        return f"nn.Sequential({_depthwise(layer, each, False)}, {point})", state

    return _convolved(writer, layer, call, writer.module(layer, make))


@row("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
def _conv_transpose(writer: Writer, layer: Any, call: Call) -> Value:
    if layer.output_padding is not None:
        raise refuse(layer, "`output_padding`")
    cuts: list[int] = []  # from the last axis on, at both ends
    more = []
    for window, stride, dilation in zip(layer.kernel_size, layer.strides, layer.dilation_rate, strict=True):
        beyond = (window - 1) * dilation + 1 - stride
        before = max(beyond, 0) // 2 if layer.padding == "same" else 0
        after = before - beyond if layer.padding == "same" else max(-beyond, 0)
        cuts = [-before, min(after, 0), *cuts]
        more.append(max(after, 0))

    def make() -> tuple[str, State]:
        words = [str(layer.weight.shape[0]), str(layer.filters), str(tuple(layer.kernel_size))]
        for name, sizes, plain in (
            ("stride", layer.strides, 1),
            ("dilation", layer.dilation_rate, 1),
            ("output_padding", more, 0),
        ):
            words += [] if set(sizes) == {plain} else [f"{name}={tuple(sizes)}"]
        words += [] if layer.bias is not None else ["bias=False"]
        return f"nn.ConvTranspose{layer.rank}d({', '.join(words)})", layer.state_dict()

    text = f"{writer.module(layer, make)}({in_front(layer, call.tensors[0].text)})"
    text = f"F.pad({text}, {tuple(cuts)})" if any(cuts) else text
    return one(writer, layer, call, activated(writer, layer, at_the_end(layer, text)))


@row(*(f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2, 3)))
def _adaptive_pooling(writer: Writer, layer: Any, call: Call) -> Value:
    kind = "max" if "Max" in type(layer).__name__ else "avg"
    text = in_front(layer, call.tensors[0].text)
    text = f"F.adaptive_{kind}_pool{layer.rank}d({text}, {tuple(layer.output_size)})"
    return one(writer, layer, call, at_the_end(layer, text))


def _parameters(tensors: Mapping[str, Tensor | None]) -> tuple[str, State]:
    """A dictionary of parameters under the names of ``tensors``, as a constructor, and its state."""
    state = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    words = (f'"{name}": nn.Parameter(torch.zeros({tuple(tensor.shape)}))' for name, tensor in state.items())
    return f"nn.ParameterDict({{{', '.join(words)}}})", state


@row("EinsumDense")
def _einsum_dense(writer: Writer, layer: Any, call: Call) -> Value:
    if re.fullmatch(r"[A-Za-z,.>-]+", layer.equation) is None:  # a stranger's text
        raise refuse(layer, "such an equation")
    module = writer.module(layer, lambda: _parameters({"kernel": layer.kernel, "bias": layer.bias}))
    text = f'torch.einsum("{layer.equation}", {call.tensors[0].text}, {module}["kernel"])'
    return one(
        writer, layer, call, activated(writer, layer, text if layer.bias is None else f'{text} + {module}["bias"]')
    )


@row("MaxoutDense")
def _maxout_dense(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, State]:
        maps, features, units = layer.kernel.shape
        state = {"weight": layer.kernel.mT.flatten(0, 1)} | (
            {} if layer.bias is None else {"bias": layer.bias.flatten()}
        )
        return f"nn.Linear({features}, {maps * units}{'' if layer.bias is not None else ', bias=False'})", state

    text = f"{writer.module(layer, make)}({call.tensors[0].text}).unflatten(-1, ({layer.maps}, {layer.units})).amax(1)"
    return one(writer, layer, call, text)


@row("Highway")
def _highway(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, State]:
        size = layer.weight.shape[0]
        state = {"changed.weight": layer.weight, "carry.weight": layer.carry_weight}
        if layer.bias is not None:
            state |= {"changed.bias": layer.bias, "carry.bias": layer.carry_bias}
        linear = f"nn.Linear({size}, {size}{'' if layer.bias is not None else ', bias=False'})"
        return f'nn.ModuleDict({{"changed": {linear}, "carry": {linear}}})', state

    module, text = writer.module(layer, make), call.tensors[0].text
    gate = writer.let(f"{layer.name}_gate", f'torch.sigmoid({module}["carry"]({text}))')
    changed = activated(writer, layer, f'{module}["changed"]({text})')
    return one(writer, layer, call, f"{gate} * {changed} + (1 - {gate}) * {text}")


_AT_RANDOM = (
    *("RandomBrightness", "RandomContrast", "RandomGrayscale", "RandomInvert", "RandomHue", "RandomSaturation"),
    *("RandomColorDegeneration", "RandomSharpness", "RandomPosterization", "RandomColorJitter", "RandomFlip"),
    *("RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear", "RandomErasing", "RandomGaussianBlur"),
    *("RandomElasticTransform", "RandomPerspective", "AugMix", "CutMix", "MixUp", "RandAugment"),
)


@row(*_AT_RANDOM)
def _at_random(writer: Writer, layer: Any, call: Call) -> Value:
    """Images change in training alone."""
    (value,) = call.tensors
    return Value(value.text, None, value.shape)
