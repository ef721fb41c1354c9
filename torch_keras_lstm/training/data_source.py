"""Which kind of batches a user's data become."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.structure import first_tensor
from torch_keras_lstm.training.array_batches import ArrayBatches
from torch_keras_lstm.training.batch import Batch
from torch_keras_lstm.training.batches import Batches
from torch_keras_lstm.training.data_tensors import as_arrays, is_array_data
from torch_keras_lstm.training.stream_batches import StreamBatches


class Placement(NamedTuple):
    """What the tensors of a batch are to be."""

    dtype: torch.dtype
    device: torch.device


def batches_of(
    data: Batch,
    placement: Placement,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
    generator: torch.Generator | None = None,
) -> Batches:
    """The batches of ``data``, whose ``x`` may be any of the sources that Keras' ``fit`` takes.

    Args:
        data: ``x`` is an array, tensor or Python list of numbers, or a list or dictionary of several; or a torch
            ``Dataset``, of samples, or ``DataLoader``; a :class:`PyDataset`; an iterator or other iterable of batches.
            All but the arrays bring ``y`` and ``sample_weight`` with them.
        placement: dtype of floating-point numbers, and device, of the batches.
        batch_size: 32 when ``None``, or what makes ``steps`` batches.
        steps: the number of batches wanted, or ``None``.
        shuffle: whether to take the samples, of a PyDataset the batches, in a new order at each pass.
        class_weight: weights by class.
        generator: draws the orders; torch's global one without.

    Raises:
        ValueError: when the arguments do not go together, or the data are of no such kind.
    """
    if batch_size is not None:
        batch_size = positive_integer("batch_size", batch_size)
    if class_weight is not None and data.sample_weight is not None:
        raise ValueError("`class_weight` and `sample_weight` cannot be given at the same time.")
    x = data.x
    if not isinstance(x, Dataset | DataLoader):
        arrays = Batch(*map(as_arrays, data))
        if x is not None and is_array_data(arrays):
            size = _batch_size(arrays, batch_size, steps)
            return ArrayBatches(arrays, size, shuffle, class_weight, generator, *placement)
    kind = type(x).__name__
    for name, value in (("y", data.y), ("sample_weight", data.sample_weight)):
        if value is not None:
            raise ValueError(f"Data of type {kind} bring their own targets and weights: do not give `{name}` as well.")
    return _stream_batches(x, placement, batch_size, shuffle, class_weight, generator)


def _batch_size(data: Batch, batch_size: int | None, steps: int | None) -> int:
    first = first_tensor(data)
    if batch_size is None and steps and first.ndim:
        return max(1, math.ceil(len(first) / steps))
    return 32 if batch_size is None else batch_size


def _stream_batches(
    x: Any,
    placement: Placement,
    batch_size: int | None,
    shuffle: bool | str,
    class_weight: Mapping[int, float] | None,
    generator: torch.Generator | None,
) -> StreamBatches:
    if isinstance(x, Dataset):
        in_order = isinstance(x, IterableDataset)
        loader: Any = DataLoader(x, batch_size or 32, shuffle=bool(shuffle) and not in_order, generator=generator)
        return StreamBatches(lambda: loader, _length(loader), class_weight, *placement)
    if isinstance(x, DataLoader):
        return StreamBatches(lambda: x, _length(x), class_weight, *placement)
    if hasattr(x, "__getitem__") and (hasattr(x, "num_batches") or hasattr(x, "__len__")):
        number = getattr(x, "num_batches", None) if hasattr(x, "num_batches") else len(x)
        order = (lambda: torch.randperm(number, generator=generator)) if number is not None and shuffle else None
        return IndexedBatches(x, number, order, class_weight, *placement)
    if isinstance(x, Iterator):
        if shuffle:
            warnings.warn(
                "`shuffle=True` has no effect on a generator, which gives its batches in its own order: pass "
                "`shuffle=False`.",
                stacklevel=4,
            )
        return StreamBatches(lambda: x, None, class_weight, *placement)
    if isinstance(x, Iterable):
        return StreamBatches(lambda: x, _length(x), class_weight, *placement)
    raise ValueError(
        "`x` must be arrays or tensors, a torch Dataset or DataLoader, a PyDataset, or a generator of batches, got "
        f"{x!r:.100} of type {type(x).__name__}."
    )


class IndexedBatches(StreamBatches):
    """The batches of a PyDataset, or of what is like one; it is told when an epoch begins and ends.

    Args:
        source: gives a batch by its number.
        number: how many there are; ``None`` for no end.
        order: draws the numbers of a pass in their order; ``None`` for 0, 1, 2, ...
        class_weight, dtype, device: as of :class:`StreamBatches`.
    """

    def __init__(
        self,
        source: Any,
        number: int | None,
        order: Callable[[], Tensor] | None,
        class_weight: Mapping[int, float] | None,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        super().__init__(self._indexed, number, class_weight, dtype, device)
        self._source, self._order = source, order

    def _indexed(self) -> Iterator[Any]:
        if self.num_batches is None:
            yield from iter(self._source)
        else:
            for index in self._order().tolist() if self._order else range(self.num_batches):
                yield self._source[index]

    def on_epoch_begin(self) -> None:
        """Tell the source, if it has a method of that name."""
        getattr(self._source, "on_epoch_begin", lambda: None)()

    def on_epoch_end(self) -> None:
        """As :meth:`on_epoch_begin`."""
        getattr(self._source, "on_epoch_end", lambda: None)()


def _length(source: Any) -> int | None:
    try:
        return len(source)
    except TypeError:  # nobody knows, as of an IterableDataset
        return None
