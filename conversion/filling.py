"""From the rows of a conversion into the layers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch

from torch_keras_lstm.conversion.progress import counting
from torch_keras_lstm.conversion.weight_source import WeightSource, owner_of_row
from torch_keras_lstm.layers import Layer


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> None:
    """Make the arrays the weights of ``layers``, which need not be built: their weights take the rows' shapes.

    What the layers had before is dropped, so that a large model needs its memory once.
    """
    count = counting(sum(array.size for row in rows for array in row.arrays))
    for owner, group in _by_owner(layers, rows):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            state |= _tensors(row, row.slot.row.dtype or owner.variable_dtype.torch, owner.device, count)
        put(owner, state, assign=True)


def _tensors(
    source: WeightSource, dtype: torch.dtype, device: torch.device, count: Callable[[int], None]
) -> dict[str, torch.Tensor]:
    """What each parameter of the weight is to hold, in memory of its own."""
    row = source.slot.row
    parameters = {
        name: torch.empty(row.torch_shape(source.slot.shape), dtype=dtype, device=device) for name in row.parameters
    }
    if row.blocks or len(parameters) > 1 or len(source.arrays) > 1 or source.layout is not None:
        for name, part in row.to_torch(torch.from_numpy(np.asarray(source.read(), order="C"))).items():
            parameters[name].copy_(part)
        count(sum(array.size for array in source.arrays))
        return parameters
    target = row.to_keras(*parameters.values())
    start = 0
    for piece in source.arrays[0].pieces(source.part):
        if not target.ndim:
            target.copy_(torch.from_numpy(piece))
        else:
            target[start : start + len(piece)].copy_(torch.from_numpy(np.asarray(piece, order="C")))
            start += len(piece)
        count(piece.size)
    return parameters


def states(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> Iterator[tuple[Layer, dict[str, torch.Tensor]]]:
    """Read the arrays: for each layer that has weights of its own the state that :func:`put` puts into it."""
    for owner, group in _by_owner(layers, rows):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            state |= row.slot.row.to_torch(torch.from_numpy(np.asarray(row.read(), order="C")))
        yield owner, state


def _by_owner(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> Iterator[tuple[Layer, Iterator[WeightSource]]]:
    owners = {
        (layer.name, *filter(None, path.split("."))): owner
        for layer in layers
        for path, owner in layer.named_modules()
        if isinstance(owner, Layer)
    }
    for owner, group in groupby(rows, owner_of_row):
        yield owners[owner], group


def put(owner: Layer, state: Mapping[str, torch.Tensor], assign: bool = False) -> None:
    """Give a layer its weights, copies or (``assign``) these tensors themselves."""
    # Not strict: buffers such as the second bias of torch.nn.LSTM are in no Keras file and keep their zeros.
    left = owner.load_state_dict(state, strict=False, assign=assign).unexpected_keys
    if left:
        raise ValueError(
            f"Layer `{owner.name}` ({type(owner).__name__}) has no weight `{left[0]}` before it is called: make its "
            "weights in `__init__` or `build`."
        )
