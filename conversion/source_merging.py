"""How layers of several inputs are written in plain PyTorch."""

from collections.abc import Sequence
from typing import Any

from torch_keras_lstm.conversion.source_writer import Call, Value, Writer, refuse, row
from torch_keras_lstm.layers.dot_product import EPSILON

_ELEMENTWISE = {"Add": "+", "Subtract": "-", "Multiply": "*"}


@row("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")
def _elementwise(writer: Writer, layer: Any, call: Call) -> Value:
    values, kind = call.tensors, type(layer).__name__
    if len({len(value.shape) for value in values}) > 1:
        raise refuse(layer, "inputs of different ranks")
    masks = [value.mask for value in values if value.mask is not None]
    if masks and layer.combine_masks == "any":
        raise refuse(layer, "masks that Keras combines with their values")
    texts = [value.text for value in values]
    if kind in _ELEMENTWISE:
        expression = f" {_ELEMENTWISE[kind]} ".join(texts)
    elif kind == "Average":
        expression = f"({' + '.join(texts)}) / {len(texts)}"
    else:
        expression = texts[0]
        for text in texts[1:]:
            expression = f"torch.{kind.lower()}({expression}, {text})"
    mask = _all_of(writer, layer, masks)
    shape = tuple(layer.compute_output_shape([value.shape for value in values]))
    return Value(writer.let(layer.name, expression), mask, shape)


@row("Concatenate")
def _concatenate(writer: Writer, layer: Any, call: Call) -> Value:
    values = call.tensors
    shape = tuple(layer.compute_output_shape([value.shape for value in values]))
    text = writer.let(layer.name, f"torch.cat(({', '.join(value.text for value in values)}), dim={layer.axis})")
    mask = None
    if any(value.mask is not None for value in values):
        if layer.axis not in (-1, len(shape) - 1) or layer.combine_masks == "any" or len(shape) != 3:
            raise refuse(layer, "masks along another axis than the last")
        masks = [value.mask for value in values if value.mask is not None]
        mask = _all_of(writer, layer, masks)
    return Value(text, mask, shape)


@row("Dot")
def _dot(writer: Writer, layer: Any, call: Call) -> Value:
    first, second = call.tensors
    axes = layer.axes_of([first.shape, second.shape])
    names = "abcdefgh"
    of_first = ["n", *names[: len(first.shape) - 1]]
    of_second = ["n", *names[len(first.shape) - 1 :][: len(second.shape) - 1]]
    of_first[axes[0]] = of_second[axes[1]] = "k"
    rest = "n" + "".join(one for one in (*of_first[1:], *of_second[1:]) if one != "k")
    texts = [first.text, second.text]
    if layer.normalize:
        texts = [f"F.normalize({text}, dim={axis}, eps={EPSILON})" for text, axis in zip(texts, axes, strict=True)]
    rule = f'"{"".join(of_first)},{"".join(of_second)}->{rest}"'
    text = f"torch.einsum({rule}, {texts[0]}, {texts[1]})"
    shape = tuple(layer.compute_output_shape([first.shape, second.shape]))
    return Value(writer.let(layer.name, text + (".unsqueeze(1)" if len(rest) == 1 else "")), None, shape)


def _all_of(writer: Writer, layer: Any, masks: Sequence[str]) -> str | None:
    if len(masks) > 1:
        return writer.let(f"{layer.name}_mask", " & ".join(masks))
    return masks[0] if masks else None
