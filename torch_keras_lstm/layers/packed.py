"""torch's packed sequences: padded for the call of a layer, with the mask that they mean, and packed again."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from torch_keras_lstm.layers.nested_states import are_states
from torch_keras_lstm.layers.symbolic_call import named_arguments


def mask_of_lengths(lengths: Tensor, steps: int, device: torch.device) -> Tensor:
    """(batch, steps): which steps of each row there are."""
    return torch.arange(steps, device=device) < lengths.to(device).unsqueeze(1)


def call_on_packed(layer: Any, packed: PackedSequence, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What ``layer``, a recurrent one, gives for packed inputs: outputs of all steps packed alike, states as tensors.

    As of ``torch.nn.LSTM`` rows and states are in the order in which they were before they were packed.

    Raises:
        ValueError: when there is a mask as well, or outputs of all steps come last step first.
    """
    named = {name: one for name, one in named_arguments(layer, args, kwargs).items() if one is not packed}
    if are_states(named.get("mask")):
        named["initial_state"] = named.pop("mask")
    if named.get("mask") is not None:
        raise ValueError(f"Layer `{layer.name}` takes a packed sequence or a `mask`, not both.")
    if layer.return_sequences and getattr(layer, "go_backwards", False):
        raise ValueError(
            f"Layer `{layer.name}` goes backwards, and its outputs cannot be packed as its inputs are: pad them with "
            "`torch.nn.utils.rnn.pad_packed_sequence(inputs, batch_first=True)` and pass a `mask`."
        )
    padded, lengths = pad_packed_sequence(packed, batch_first=True)
    outputs = layer(padded, **{**named, "mask": mask_of_lengths(lengths, padded.shape[1], padded.device)})
    if not layer.return_sequences:
        return outputs
    if isinstance(outputs, Tensor):
        return _as_packed(outputs, packed, lengths)
    count = 2 if getattr(layer, "merge_mode", "") is None else 1
    return (*(_as_packed(one, packed, lengths) for one in outputs[:count]), *outputs[count:])


def _as_packed(outputs: Tensor, like: PackedSequence, lengths: Tensor) -> PackedSequence:
    order = like.sorted_indices
    if order is not None:
        outputs, lengths = outputs.index_select(0, order), lengths[order.cpu()]
    data = pack_padded_sequence(outputs, lengths, batch_first=True).data
    return PackedSequence(data, like.batch_sizes, order, like.unsorted_indices)
