"""``keras.utils.split_dataset``."""

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader

from torch_keras_lstm.preprocessing.dataset import Dataset, as_element


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """The samples of some data in two parts, such as for training and validation.

    Args:
        dataset: an array, a tuple or list of arrays, a dictionary of them, a :class:`Dataset` (batches are taken
            apart), a torch ``Dataset``, or one of TensorFlow's.
        left_size: of the first part, a number of samples or a fraction from 0 to 1; by default what the other leaves.
        right_size: of the second part.
        shuffle: draw the order of the samples first.
        seed: of that order.
        preferred_backend: taken for Keras' sake.

    Returns:
        Two data sets of single samples.

    Raises:
        TypeError: for data or sizes of another kind.
        ValueError: for sizes that do not fit the data.
    """
    samples, batch_size = _samples(dataset)
    if not samples:
        raise ValueError("There are no samples to split.")
    left, right = _sizes(left_size, right_size, len(samples))
    if shuffle:
        random.Random(seed).shuffle(samples)
    parts = (samples[:left], samples[len(samples) - right :] if right else [])
    first, second = (Dataset(lambda part=part: iter(part), len(part)) for part in parts)  # type: ignore[misc]
    return (first, second) if batch_size is None else (first.batch(batch_size), second.batch(batch_size))


def _samples(dataset: Any) -> tuple[list[Any], int | None]:
    """All samples, and the size of the batches that they came in."""
    if isinstance(dataset, list | tuple | dict | np.ndarray | torch.Tensor):
        if isinstance(dataset, list):
            dataset = tuple(dataset) if all(hasattr(one, "shape") for one in dataset) else np.asarray(dataset)
        return [*Dataset.from_tensor_slices(dataset)], None
    if isinstance(dataset, DataLoader):
        return [*Dataset(lambda: map(as_element, map(_tuple, dataset))).unbatch()], dataset.batch_size
    specs = getattr(dataset, "element_spec", None)
    spec = specs[0] if isinstance(specs, tuple) else specs
    shape = getattr(spec, "shape", None)
    if isinstance(dataset, Iterable) or hasattr(dataset, "__getitem__"):
        found = [as_element(_tuple(one)) for one in _elements(dataset)]
        if shape is not None and len(shape) and shape[0] is None:
            size = len(_first(found[0]))
            return [*Dataset(lambda: iter(found)).unbatch()], size
        return found, None
    raise TypeError(f"`dataset` must be arrays or a data set, got {dataset!r:.100} of type {type(dataset).__name__}.")


def _elements(dataset: Any) -> Iterable[Any]:
    return dataset if hasattr(dataset, "__iter__") else (dataset[index] for index in range(len(dataset)))


def _tuple(element: Any) -> Any:
    return tuple(element) if isinstance(element, list) else element


def _first(element: Any) -> Any:
    while isinstance(element, tuple | dict):
        element = next(iter(element.values())) if isinstance(element, dict) else element[0]
    return element


def _sizes(left: float | None, right: float | None, total: int) -> tuple[int, int]:
    for name, size in (("left_size", left), ("right_size", right)):
        if size is None:
            continue
        if isinstance(size, bool) or not isinstance(size, int | float):
            raise TypeError(f"`{name}` must be a number of samples or a fraction of them, got {size!r}.")
        if not 0 < size < (1 if isinstance(size, float) else total):
            bound = "1" if isinstance(size, float) else f"the number of samples, {total}"
            raise ValueError(f"`{name}` must lie between 0 and {bound}, got {size}.")
    if left is None and right is None:
        raise ValueError("At least one of `left_size` and `right_size` must be given.")
    first = None if left is None else round(left * total) if isinstance(left, float) else left
    second = None if right is None else round(right * total) if isinstance(right, float) else right
    first = total - (second or 0) if first is None else first
    second = total - first if second is None else second
    if first + second > total:
        raise ValueError(f"The two parts have {first} and {second} samples, more than the {total} that there are.")
    if not first or not second:
        raise ValueError(f"With {total} samples one of the parts would be empty: change `left_size` or `right_size`.")
    return first, second
