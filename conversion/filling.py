"""From the rows of a conversion into the layers."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Lock

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import Array
from torch_keras_lstm.conversion.mapped_file import PIECE
from torch_keras_lstm.conversion.progress import counting
from torch_keras_lstm.conversion.weight_source import WeightSource, owner_of_row
from torch_keras_lstm.layers import Dense, Layer, dtypes


def fill(layers: Sequence[Layer], rows: Sequence[WeightSource], mapped: bool = False) -> None:
    """Make the arrays the weights of ``layers``, which need not be built: their weights take the rows' shapes.

    What the layers had before is dropped, so that a large model needs its memory once.

    Args:
        layers: the layers.
        rows: what comes where.
        mapped: arrays that lie in a mapped file as their layer computes with them stay there; others are copied.
    """
    taken: set[int] = set()  # two weights may be one array of the file, which the training of one must not change
    count = counting(sum(array.size for row in rows for array in row.arrays))
    for owner, group in _by_owner(layers, rows):
        state: dict[str, torch.Tensor] = {}
        for row in group:
            dtype = row.slot.row.dtype or owner.variable_dtype.torch
            found = _in_place(row, dtype, owner) if mapped else None
            if found is None or found.data_ptr() in taken:
                state |= _tensors(row, dtype, owner.device, count)
            else:
                taken.add(found.data_ptr())
                state[row.slot.row.parameter] = found
                count(found.numel())
        put(owner, state, assign=True)


def _in_place(source: WeightSource, dtype: torch.dtype, owner: Layer) -> torch.Tensor | None:
    """The parameter of a weight in the memory that its array lies in; ``None`` where it must be copied."""
    row = source.slot.row
    if row.blocks or len(row.parameters) > 1 or len(source.arrays) > 1 or source.layout is not None:
        return None
    if source.arrays[0].dtype != dtypes.name(dtype) or owner.device.type != "cpu":
        return None
    values = source.arrays[0].read(source.part)
    if not (values.size and values.flags.aligned and values.flags.writeable):
        return None
    tensor = row.to_torch(torch.from_numpy(values))[row.parameter]
    # A matrix product takes its matrix transposed; what else computes with a weight would copy it in each call.
    as_it_lies = tensor.is_contiguous() or (isinstance(owner, Dense) and tensor.mT.is_contiguous())
    return tensor if as_it_lies else None


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
    _copy(source.arrays[0].pieces(source.part), row.to_keras(*parameters.values()), count)
    return parameters


def _copy(pieces: Iterable[Array], target: torch.Tensor, count: Callable[[int], None]) -> None:
    """Put the pieces into ``target``, one after the other along its first axis.

    Two threads do: what takes the time is the system's, which hands out memory page by page.
    """
    waiting, start, lock = iter(pieces), 0, Lock()

    def copy() -> None:
        nonlocal start
        while True:
            with lock:
                piece = next(waiting, None)
                if piece is None:
                    return
                part = target[start : start + len(piece)] if target.ndim else target
                start += len(piece) if target.ndim else 0
                count(piece.size)
            if target.device.type == "cpu" and dtypes.name(target.dtype) == piece.dtype.name:
                np.copyto(part.numpy(), piece)  # in this thread, where torch would wake up its own
            else:
                part.copy_(torch.from_numpy(np.asarray(piece, order="C")))

    if target.numel() * target.element_size() <= PIECE:
        copy()
        return
    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(copy) for _ in range(2)]:
            done.result()


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
