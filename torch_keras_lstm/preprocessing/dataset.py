"""A stream of examples that is put together step by step, with the methods of ``tf.data.Dataset``."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.strings import Strings, as_strings, is_strings

INFINITE, UNKNOWN = -1, -2


@dataclass(frozen=True)
class ElementSpec:
    """What is known of each tensor in an element: shape, ``None`` where a size may differ, and type."""

    shape: tuple[int | None, ...]
    dtype: Any


class Dataset:
    """Elements in their order, made anew at each pass: tensors, tuples or dictionaries of them.

    What ``timeseries_dataset_from_array`` and the like return. ``fit``, ``evaluate``, ``predict`` and the ``adapt`` of
    layers take it, as they take those of TensorFlow; strings
    are arrays of bytes that ``numpy()`` and ``tolist()`` give out.

    Args:
        start: begins a pass.
        size: the number of elements; ``INFINITE`` (-1) or ``UNKNOWN`` (-2) where there is no such number.
        is_batched: whether the first axis of tensors is that of a batch, whose last one may be smaller.
    """

    class_names: list[str] | None = None

    def __init__(self, start: Callable[[], Iterable[Any]], size: int = UNKNOWN, is_batched: bool = False) -> None:
        self._start = start
        self._size = size
        self._is_batched = is_batched

    # -- where they come from ---------------------------------------------------------------------------------------

    @classmethod
    def from_tensor_slices(cls, tensors: Any) -> "Dataset":
        """One element for each entry along the first axis of arrays, or of tuples and dictionaries of them."""
        whole = as_element(tensors)
        sizes = {len(leaf) for leaf in _leaves(whole)}
        if len(sizes) != 1:
            raise ValueError(f"All arrays must have the same size along their first axis, got {sorted(sizes)}.")
        (size,) = sizes
        return cls(lambda: (_map(lambda leaf, at=index: leaf[at], whole) for index in range(size)), size)

    @classmethod
    def from_generator(cls, generator: Callable[[], Iterable[Any]]) -> "Dataset":
        """The elements that a function's result gives, called anew at each pass."""
        return cls(lambda: map(as_element, generator()))

    @classmethod
    def zip(cls, *datasets: Any) -> "Dataset":
        """Tuples of an element of each data set; as long as the shortest."""
        several: tuple[Dataset, ...] = tuple(datasets[0]) if isinstance(datasets[0], tuple | list) else datasets
        sizes = [one._size for one in several]
        known = [size for size in sizes if size >= 0]
        size = UNKNOWN if UNKNOWN in sizes else min(known, default=INFINITE)
        return cls(lambda: zip(*several, strict=False), size, several[0]._is_batched)

    # -- passes -----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        return iter(self._start())

    def __len__(self) -> int:
        if self._size < 0:
            kind = "infinite" if self._size == INFINITE else "unknown"
            raise TypeError(f"The data set has an {kind} length.")
        return self._size

    def cardinality(self) -> Tensor:
        """The number of elements as a tensor: -1 for no end, -2 when nobody knows."""
        return torch.tensor(self._size)

    def as_numpy_iterator(self) -> Iterator[Any]:
        """The elements with NumPy arrays in the place of tensors, and ``bytes`` in that of strings."""
        return (_map(_as_numpy, element) for element in self)

    @property
    def element_spec(self) -> Any:
        """Shape and type of the tensors in an element, as those in the first one tell."""
        for element in self:
            return _map(self._spec, element)
        raise ValueError("The data set has no elements, so nothing tells what they are.")

    def _spec(self, leaf: Any) -> ElementSpec:
        shape = tuple(leaf.shape)
        return ElementSpec((None, *shape[1:]) if self._is_batched and shape else shape, leaf.dtype)

    # -- steps ------------------------------------------------------------------------------------------------------

    def _then(self, start: Callable[[], Iterable[Any]], size: int, is_batched: bool | None = None) -> "Dataset":
        following = Dataset(start, size, self._is_batched if is_batched is None else is_batched)
        following.class_names = self.class_names
        return following

    def take(self, count: int) -> "Dataset":
        """The first ``count`` elements; all with -1."""
        if count < 0:
            return self
        size = count if self._size == INFINITE else min(count, self._size) if self._size >= 0 else UNKNOWN
        return self._then(lambda: islice(self, count), size)

    def skip(self, count: int) -> "Dataset":
        """All but the first ``count`` elements; none with -1."""
        if count < 0:
            return self.take(0)
        size = max(self._size - count, 0) if self._size >= 0 else self._size
        return self._then(lambda: islice(self, count, None), size)

    def shard(self, num_shards: int, index: int) -> "Dataset":
        """Every ``num_shards``-th element, from that at ``index`` on."""
        size = len(range(index, self._size, num_shards)) if self._size >= 0 else self._size
        return self._then(lambda: islice(self, index, None, num_shards), size)

    def map(self, map_func: Callable[..., Any], num_parallel_calls: Any = None, deterministic: Any = None) -> "Dataset":
        """``map_func`` of each element, of the entries of a tuple; the other arguments are taken for Keras' sake."""
        return self._then(lambda: (as_element(_call(map_func, element)) for element in self), self._size)

    def filter(self, predicate: Callable[..., Any]) -> "Dataset":
        """The elements for which ``predicate`` holds."""
        return self._then(lambda: (element for element in self if bool(_call(predicate, element))), UNKNOWN)

    def batch(
        self, batch_size: int, drop_remainder: bool = False, num_parallel_calls: Any = None, deterministic: Any = None
    ) -> "Dataset":
        """Elements behind one another along a new first axis; a smaller last batch stays unless ``drop_remainder``."""
        length = positive_integer("batch_size", batch_size)
        return self._then(*self._batches(length, drop_remainder, _stacked), is_batched=not drop_remainder)

    def padded_batch(self, batch_size: int, drop_remainder: bool = False) -> "Dataset":
        """The same of tensors of different sizes: zeros are put behind those that are smaller."""
        length = positive_integer("batch_size", batch_size)
        return self._then(*self._batches(length, drop_remainder, _stacked_padded), is_batched=not drop_remainder)

    def _batches(
        self, length: int, drop_remainder: bool, stack: Callable[..., Any]
    ) -> tuple[Callable[[], Iterator[Any]], int]:
        def start() -> Iterator[Any]:
            elements = iter(self)
            while several := list(islice(elements, length)):
                if len(several) == length or not drop_remainder:
                    yield _map(lambda *leaves: stack(leaves), *several)

        size = self._size if self._size < 0 else self._size // length if drop_remainder else -(-self._size // length)
        return start, size

    def unbatch(self) -> "Dataset":
        """One element for each entry along the first axis."""

        def start() -> Iterator[Any]:
            for element in self:
                size = len(next(_leaves(element)))
                for index in range(size):
                    yield _map(lambda leaf, at=index: leaf[at], element)

        return self._then(start, INFINITE if self._size == INFINITE else UNKNOWN, is_batched=False)

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool | None = None
    ) -> "Dataset":
        """Elements drawn from the next ``buffer_size`` of them.

        Args:
            buffer_size: how many wait to be drawn.
            seed: of the draws; torch's global generator by default.
            reshuffle_each_iteration: draw another order at each pass, as by default.
        """
        length = positive_integer("buffer_size", buffer_size)
        generator = None if seed is None else torch.Generator().manual_seed(seed)

        def start() -> Iterator[Any]:
            if generator is not None and reshuffle_each_iteration is False:
                generator.manual_seed(seed or 0)
            elements = iter(self)
            waiting = list(islice(elements, length))
            for element in chain(elements, [None] * len(waiting)):
                index = int(torch.randint(len(waiting), (), generator=generator))
                yield waiting[index]
                if element is None:
                    waiting[index] = waiting[-1]
                    waiting.pop()
                else:
                    waiting[index] = element

        return self._then(start, self._size)

    def repeat(self, count: int | None = None) -> "Dataset":
        """All elements ``count`` times over; without end by default."""

        def start() -> Iterator[Any]:
            done = 0
            while count in (None, -1) or done < (count or 0):
                found = False
                for element in self:
                    found = True
                    yield element
                if not found:
                    return
                done += 1

        if count is None or count == -1:
            return self._then(start, INFINITE)
        return self._then(start, self._size if self._size < 0 else self._size * count)

    def concatenate(self, dataset: "Dataset") -> "Dataset":
        """The elements of this one, and behind them those of the other."""
        sizes = (self._size, dataset._size)
        size = INFINITE if INFINITE in sizes else UNKNOWN if UNKNOWN in sizes else sum(sizes)
        return self._then(lambda: chain(self, dataset), size)

    def enumerate(self, start: int = 0) -> "Dataset":
        """Pairs of a number and an element."""
        return self._then(lambda: ((torch.tensor(n), element) for n, element in enumerate(self, start)), self._size)

    def cache(self, filename: str = "") -> "Dataset":
        """The elements of the first whole pass, kept in memory for the others.

        Raises:
            ValueError: for a file to keep them in.
        """
        if filename:
            raise ValueError("`cache` keeps elements in memory, not in a file: call it without `filename`.")
        kept: list[Any] = []
        whole = False

        def start() -> Iterator[Any]:
            nonlocal whole
            if whole:
                yield from kept
                return
            found = []
            for element in self:
                found.append(element)
                yield element
            kept[:], whole = found, True

        return self._then(start, self._size)

    def prefetch(self, buffer_size: Any = None) -> "Dataset":
        """This data set: elements are made when they are asked for."""
        return self

    def with_options(self, options: Any) -> "Dataset":
        """This data set: it has no options."""
        return self

    def __repr__(self) -> str:
        size = {INFINITE: "no end", UNKNOWN: "unknown length"}.get(self._size, f"{self._size} elements")
        return f"<Dataset of {size}>"


def as_element(value: Any) -> Any:
    """``value`` with tensors in the place of arrays, lists and numbers, and :class:`Strings` in that of strings."""
    if isinstance(value, tuple):
        return tuple(map(as_element, value))
    if isinstance(value, Mapping):
        return {name: as_element(item) for name, item in value.items()}
    if isinstance(value, Tensor | Strings):
        return value
    if is_strings(value):
        return as_strings(value)
    if isinstance(value, list) and any(isinstance(item, Tensor) for item in value):
        return torch.stack(value)
    # A copy of an array that cannot be written, such as TensorFlow's; a view of any other.
    array = np.asarray(value)
    if isinstance(value, list | float) and array.dtype == np.float64:  # as TensorFlow takes Python's numbers
        array = array.astype(np.float32)
    return torch.from_numpy(array if array.flags.writeable else array.copy()) if array.ndim else torch.as_tensor(value)


def _call(function: Callable[..., Any], element: Any) -> Any:
    return function(*element) if isinstance(element, tuple) else function(element)


def _map(function: Callable[..., Any], value: Any, *others: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_map(function, *items) for items in zip(value, *others, strict=True))
    if isinstance(value, Mapping):
        return {name: _map(function, item, *(other[name] for other in others)) for name, item in value.items()}
    return function(value, *others)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple | Mapping):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _leaves(item)
    else:
        yield value


def _stacked(leaves: tuple[Any, ...]) -> Any:
    if isinstance(leaves[0], Strings):
        values = np.empty((len(leaves), *leaves[0].shape), object)
        for index, one in enumerate(leaves):
            values[index] = one.numpy() if one.ndim else one.numpy().item()
        return Strings(values)
    shapes = {tuple(leaf.shape) for leaf in leaves}
    if len(shapes) > 1:
        raise ValueError(
            f"Elements of shapes {', '.join(map(str, sorted(shapes)))} cannot be put into one batch: bring them to one "
            "shape with `map`, or use `padded_batch`."
        )
    return torch.stack(leaves)


def _stacked_padded(leaves: tuple[Any, ...]) -> Any:
    if isinstance(leaves[0], Strings):
        return _stacked(leaves)
    sizes = [max(several) for several in zip(*(leaf.shape for leaf in leaves), strict=True)]
    whole = leaves[0].new_zeros((len(leaves), *sizes))
    for row, leaf in zip(whole, leaves, strict=True):
        row[tuple(slice(size) for size in leaf.shape)] = leaf
    return whole


def _as_numpy(leaf: Any) -> Any:
    array = leaf.numpy() if isinstance(leaf, Strings) else leaf.detach().cpu().numpy()
    return array if array.ndim else array[()]
