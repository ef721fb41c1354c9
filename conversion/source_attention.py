"""How attention is written in plain PyTorch: modules with the layers' weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.conversion.source_writer import Call, Value, Writer, refuse, row
from torch_keras_lstm.layers.symbolic_call import named_arguments

# masks among the arguments, and the tensor that each belongs to
_OF_LUONG = ("query_mask", "value_mask")


@row("Attention", "AdditiveAttention")
def _attention(writer: Writer, layer: Any, call: Call) -> Any:
    values, given = call.tensors, named_arguments(layer, call.args, call.kwargs)
    masks = [value.mask for value in values[:2]]
    if given.get("mask") is not None:
        masks = [_mask_text(layer, one) for one in given["mask"][:2]]

    def make() -> tuple[str, Mapping[str, Tensor]]:
        if type(layer).__name__ == "AdditiveAttention":
            words = [str(layer.scale.shape[0])] if layer.use_scale else []
        else:
            words = ["scaled=True"] if layer.use_scale else []
            words += ["concat=True"] if layer.score_mode == "concat" else []
        words += ['unseen="zero"'] if layer.unseen_gives_zeros else []
        return f"{writer.part(type(layer).__name__)}({', '.join(words)})", layer.state_dict()

    arguments = [value.text for value in values]
    arguments += [f"{name}={mask}" for name, mask in zip(_OF_LUONG, masks, strict=True) if mask is not None]
    arguments += ["causal=True"] if layer.causal or given.get("use_causal_mask") else []
    shape = tuple(layer.compute_output_shape([one.shape for one in values]))
    scores = (*values[0].shape[:-1], values[-1].shape[-2])
    return _called(writer, layer, make, arguments, Value("", masks[0], shape), scores, given)


@row("MultiHeadAttention", "GroupQueryAttention")
def _multi_head(writer: Writer, layer: Any, call: Call) -> Any:
    given = named_arguments(layer, call.args, call.kwargs)
    tensors = {name: given[name] for name in ("query", "value", "key") if isinstance(given.get(name), Value)}
    query = tensors["query"]
    if any(len(value.shape) != 3 for value in tensors.values()) or layer.attention_axes not in (None, (1,)):
        raise refuse(layer, "inputs of more than three axes")
    outputs = layer.output_dense.kernel.shape[2:]
    if len(outputs) != 1:
        raise refuse(layer, "an `output_shape` of several axes")
    returned = bool(given.get("return_attention_scores"))
    plain = layer.dropout == 0 and not returned
    if layer.softmax_robust_masking is not None and not (layer.softmax_robust_masking and plain):
        unseen = "equal" if layer.softmax_robust_masking else "scores"
    else:
        unseen = "equal" if plain else "zero"

    def make() -> tuple[str, Mapping[str, Tensor]]:
        parts = {"query": layer.query_dense, "key": layer.key_dense, "value": layer.value_dense}
        parts |= {"output": layer.output_dense} | ({} if layer.gate_dense is None else {"gate": layer.gate_dense})
        sizes = [parts[name].kernel.shape[0] for name in ("query", "key", "value")]
        words = [*sizes, *outputs]
        more = [f"heads={layer.num_heads}", f"key_dim={layer.key_dim}", f"value_dim={layer.value_dim}"]
        more += [f"key_heads={layer.key_value_heads}"] if layer.key_value_heads != layer.num_heads else []
        more += [] if layer.query_dense.bias is not None else ["bias=False"]
        more += ["gate=True"] if layer.gate_dense is not None else []
        more += [] if layer.sliding_window is None else [f"window={layer.sliding_window}"]
        more += [] if unseen == "equal" else [f'unseen="{unseen}"']
        state = {}
        for name, dense in parts.items():
            state[f"{name}.weight"] = dense.kernel.flatten(0, dense.summed - 1).flatten(1).T
            if dense.bias is not None:
                state[f"{name}.bias"] = dense.bias.flatten()
        return f"{writer.part('MultiHeadAttention')}({', '.join([*map(str, words), *more])})", state

    arguments = [value.text for value in tensors.values()]
    for name in ("query_mask", "value_mask", "key_mask", "attention_mask"):
        mask, owner = given.get(name), tensors.get(name.removesuffix("_mask"))
        text = (None if owner is None else owner.mask) if mask is None else _mask_text(layer, mask)
        arguments += [] if text is None else [f"{name}={text}"]
    arguments += ["causal=True"] if given.get("use_causal_mask") else []
    keys = tensors.get("key", tensors["value"])
    scores = (query.shape[0], layer.num_heads, query.shape[1], keys.shape[1])
    output = Value("", query.mask, (*query.shape[:-1], *outputs))
    return _called(writer, layer, make, arguments, output, scores, given)


def _called(
    writer: Writer,
    layer: Any,
    make: Any,
    arguments: Sequence[str],
    output: Value,
    scores: Sequence[int | None],
    given: Mapping[str, Any],
) -> Any:
    """The line of the call; the output, and the weights where they are asked for."""
    module, text = writer.module(layer, make), writer.variable(layer.name)
    output = Value(text, output.mask, output.shape)
    if not given.get("return_attention_scores"):
        writer.lines.append(f"{text}, _ = {module}({', '.join(arguments)})")
        return output
    weights = writer.variable(f"{layer.name}_weights")
    writer.lines.append(f"{text}, {weights} = {module}({', '.join(arguments)})")
    return [output, Value(weights, None, tuple(scores))]


def _mask_text(layer: Any, mask: Any) -> str | None:
    """A mask among the arguments; a tensor of numbers counts where it is not 0."""
    if mask is None:
        return None
    if not isinstance(mask, Value):
        raise refuse(layer, "a mask that is no tensor of the graph")
    return mask.text if mask.dtype is torch.bool else f"{mask.text}.bool()"
