"""How layers over the axes of space are written in plain PyTorch."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.conversion.source_writer import (
    Call,
    Value,
    Writer,
    activated,
    function_of,
    given_states,
    one,
    refuse,
    row,
)


def in_front(layer: Any, text: str) -> str:
    """The channels behind the batch, as torch has them."""
    return text if layer.data_format == "channels_first" else f"{text}.movedim(-1, 1)"


def at_the_end(layer: Any, text: str) -> str:
    """The channels where the layer has them."""
    return text if layer.data_format == "channels_first" else f"{text}.movedim(1, -1)"


def padded(writer: Writer, layer: Any, text: str, window: Any, dilation: Any, value: str = "") -> str:
    """The input with the padding that Keras gives it."""
    if layer.padding == "causal":
        return f"F.pad({text}, ({(window[0] - 1) * dilation[0]}, 0))"
    if layer.padding == "same":
        return f"{writer.part('pad_same')}({text}, {tuple(window)}, {tuple(layer.strides)}, {tuple(dilation)}{value})"
    return text


@row("Conv1D", "Conv2D", "Conv3D")
def _conv(writer: Writer, layer: Any, call: Call) -> Value:
    def make() -> tuple[str, Mapping[str, Tensor]]:
        channels = layer.weight.shape[1] * layer.groups
        words = [str(channels), str(layer.filters), str(tuple(layer.kernel_size))]
        for name, sizes in (("stride", layer.strides), ("dilation", layer.dilation_rate)):
            words += [] if set(sizes) == {1} else [f"{name}={tuple(sizes)}"]
        words += [] if layer.groups == 1 else [f"groups={layer.groups}"]
        words += [] if layer.bias is not None else ["bias=False"]
        return f"nn.Conv{layer.rank}d({', '.join(words)})", layer.state_dict()

    module = writer.module(layer, make)
    text = padded(writer, layer, in_front(layer, call.tensors[0].text), layer.kernel_size, layer.dilation_rate)
    return one(writer, layer, call, activated(writer, layer, at_the_end(layer, f"{module}({text})")))


@row("MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D")
def _pooling(writer: Writer, layer: Any, call: Call) -> Value:
    kind = "max" if type(layer).__name__.startswith("Max") else "avg"
    text = in_front(layer, call.tensors[0].text)
    sizes = f"{tuple(layer.pool_size)}, {tuple(layer.strides)}"
    ones = (1,) * layer.rank

    def pooled(what: str) -> str:
        return f"F.{kind}_pool{layer.rank}d({what}, {sizes})"

    value = ', value=float("-inf")' if kind == "max" else ""
    result = pooled(padded(writer, layer, text, layer.pool_size, ones, value))
    if kind == "avg" and layer.padding == "same":  # the share of each window that is no padding
        inside = padded(writer, layer, f"torch.ones_like({text})", layer.pool_size, ones)
        result = f"({result} / {pooled(inside)})"
    return one(writer, layer, call, at_the_end(layer, result))


@row(*(f"Global{kind}Pooling{rank}D" for kind in ("Max", "Average") for rank in (1, 2, 3)))
def _global_pooling(writer: Writer, layer: Any, call: Call) -> Value:
    (value,) = call.tensors
    first = 2 if layer.data_format == "channels_first" else 1
    axes = tuple(range(first, first + layer.rank))
    if type(layer).__name__ == "GlobalAveragePooling1D" and call.mask is not None:
        if first == 2:
            raise refuse(layer, "a mask with channels first")
        text = f"{writer.part('masked_mean')}({value.text}, {call.mask})" + (".unsqueeze(1)" if layer.keepdims else "")
        return replace(one(writer, layer, call, text), mask=None)
    function = "amax" if "Max" in type(layer).__name__ else "mean"
    keep = ", keepdim=True" if layer.keepdims else ""
    return replace(one(writer, layer, call, f"{value.text}.{function}({axes}{keep})"), mask=None)


@row(*(f"{kind}{rank}D" for kind in ("ZeroPadding", "Cropping") for rank in (1, 2, 3)))
def _padding(writer: Writer, layer: Any, call: Call) -> Value:
    pairs, sign = (layer.padding, 1) if hasattr(layer, "padding") else (layer.cropping, -1)
    amounts = tuple(sign * amount for pair in reversed(pairs) for amount in pair)
    amounts = amounts if layer.data_format == "channels_first" else (0, 0, *amounts)
    return one(writer, layer, call, f"F.pad({call.tensors[0].text}, {amounts})")


@row("UpSampling1D", "UpSampling2D", "UpSampling3D")
def _up_sampling(writer: Writer, layer: Any, call: Call) -> Value:
    if getattr(layer, "interpolation", "nearest") not in ("nearest", "area"):
        raise refuse(layer, f"the interpolation {layer.interpolation!r}")
    first = 2 if layer.data_format == "channels_first" else 1
    text = call.tensors[0].text
    for axis, times in enumerate(layer.size, start=first):
        text = f"{text}.repeat_interleave({times}, dim={axis})"
    return one(writer, layer, call, text)


@row("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
def _conv_lstm(writer: Writer, layer: Any, call: Call) -> Any:
    (value,) = call.tensors
    given = given_states(layer, call)
    if layer.stateful and given:
        raise refuse(layer, "a stateful layer that is given its states")
    writer.part("loop"), writer.part("pad_same")

    def make() -> tuple[str, Mapping[str, Tensor]]:
        filters, (_, channels, *window) = layer.filters, layer.weight_ih.shape
        if "softmax" in (activations.serialize(layer.activation), activations.serialize(layer.recurrent_activation)):
            raise refuse(layer, "the activation 'softmax'")
        words = [str(channels), str(filters), str(tuple(window))]
        words += [function_of(writer, layer, one) for one in (layer.activation, layer.recurrent_activation)]
        words += [f"stride={layer.strides}", f"dilation={layer.dilation_rate}"]
        words += ["same=True"] if layer.padding == "same" else []
        words += [] if layer.use_bias else ["bias=False"]
        return f"{writer.part('ConvLSTM')}({', '.join(words)})", layer.state_dict()

    module, mask = writer.module(layer, make), call.mask
    if mask is not None and layer.zero_output_for_mask:
        writer.modules.append(f"{module}.zeros_where_masked = True")
    if mask is not None and layer.hold_initial_state:
        writer.modules.append(f"{module}.keeps_first_state = True")
    first = layer.data_format == "channels_first"
    inputs = value.text if first else f"{value.text}.movedim(-1, 2)"
    inputs, used = (f"{inputs}.flip(1)", mask and f"{mask}.flip(1)") if layer.go_backwards else (inputs, mask)
    arguments, key = [inputs], module.removeprefix("self.")
    if layer.stateful:
        writer.keeps = True
        arguments.append(f'self.states.get("{key}")')
    elif given:
        arguments.append(f"({', '.join(in_front(layer, state) for state in given)})")
    arguments += [] if used is None else [f"mask={used}"]
    sequence = writer.variable(layer.name)
    states = [writer.variable(f"{layer.name}_{part}") for part in "hc" if layer.stateful or layer.return_state]
    left = f"({', '.join(states)})" if states else "_"
    writer.lines.append(f"{sequence}, {left} = {module}({', '.join(arguments)})")
    if layer.stateful:
        kept = ", ".join(f"{state}.detach()" for state in states)
        writer.lines.append(f'self.states["{key}"] = ({kept})')
    if layer.return_sequences:
        text = sequence if first else writer.let(layer.name, f"{sequence}.movedim(2, -1)")
    else:
        text = writer.let(f"{layer.name}_last", f"{sequence}[:, -1]" + ("" if first else ".movedim(1, -1)"))
    shapes = layer.compute_output_shape(value.shape)
    if not layer.return_state:
        return Value(text, mask if layer.return_sequences else None, tuple(shapes))
    output = Value(text, mask if layer.return_sequences else None, tuple(shapes[0]))
    found = [Value(writer.let(state, at_the_end(layer, state)), None, tuple(shapes[1])) for state in states]
    return [output, *found]
