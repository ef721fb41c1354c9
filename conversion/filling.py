"""From the rows of a conversion into the layers."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import torch

from torch_keras_lstm.conversion.weight_source import WeightSource, owner_of_row
from torch_keras_lstm.layers import Layer


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> None:
    """Read the arrays and put them into ``layers``, which need not be built: their weights take the rows' shapes."""
    # One layer at a time, so that a whole file's arrays are never in memory beside the model's own.
    for owner, state in states(layers, rows):
        put(owner, state)


def states(layers: Sequence[Layer], rows: Sequence[WeightSource]) -> Iterator[tuple[Layer, dict[str, torch.Tensor]]]:
    """Read the arrays: for each layer that has weights of its own the state that :func:`put` puts into it."""
    owners = {
        (layer.name, *filter(None, path.split("."))): owner
        for layer in layers
        for path, owner in layer.named_modules()
        if isinstance(owner, Layer)
    }
    for owner, group in groupby(rows, owner_of_row):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            state |= row.slot.row.to_torch(torch.from_numpy(np.asarray(row.read(), order="C")))
        yield owners[owner], state


def put(owner: Layer, state: Mapping[str, torch.Tensor]) -> None:
    """Give a layer its weights."""
    # Not strict: buffers such as the second bias of torch.nn.LSTM are in no Keras file and keep their zeros.
    left = owner.load_state_dict(state, strict=False).unexpected_keys
    if left:
        raise ValueError(
            f"Layer `{owner.name}` ({type(owner).__name__}) has no weight `{left[0]}` before it is called: make its "
            "weights in `__init__` or `build`."
        )
