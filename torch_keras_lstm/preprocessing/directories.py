"""Files of classes in the folders of a directory, as the data sets of texts and of sounds find them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from torch_keras_lstm import console
from torch_keras_lstm.preprocessing.dataset import Dataset

SHUFFLED = 1024


class Listing(NamedTuple):
    """What a directory holds: paths, a label for each (``None`` for no labels), and the names of the classes."""

    paths: list[str]
    labels: list[int] | None
    class_names: list[str] | None


class DirectoryArguments(NamedTuple):
    """What the data sets of directories have in common; see :func:`text_dataset_from_directory`."""

    directory: str | Path
    labels: Any
    label_mode: str | None
    class_names: Sequence[str] | None
    shuffle: bool
    seed: int | None
    validation_split: float | None
    subset: str | None
    follow_links: bool
    verbose: bool


def listings(given: DirectoryArguments, formats: tuple[str, ...]) -> tuple[list[Listing], int]:
    """The part of a directory that was asked for, or both parts of it, and the seed of their order.

    Raises:
        ValueError: when the arguments do not go together, or there is no such file.
    """
    _check(given)
    seed = int(np.random.randint(10**6)) if given.seed is None else given.seed  # noqa: NPY002 - as Keras
    with_labels = given.labels is not None and given.label_mode is not None
    whole = _index(given._replace(labels=given.labels if with_labels else None), formats, seed)
    if given.label_mode == "binary" and with_labels and len(whole.class_names or ()) != 2:
        raise ValueError(f"`label_mode='binary'` takes exactly two classes, got {whole.class_names}.")
    parts = [_part(whole, given.validation_split, subset, given.verbose) for subset in _subsets(given.subset)]
    for part in parts:
        if not part.paths:
            raise ValueError(f"No files ({', '.join(formats)}) found in directory {given.directory}.")
    return parts, seed


def labelled(listing: Listing, label_mode: str | None, shuffle: bool, seed: int, buffer_size: int) -> Dataset:
    """A data set of paths, or of pairs of a path and a label."""
    paths = Dataset.from_tensor_slices(np.array(listing.paths, object))
    found = paths
    if listing.labels is not None and label_mode is not None:
        labels = torch.tensor(listing.labels, dtype=torch.int32)
        if label_mode == "binary":
            labels = labels.float().unsqueeze(-1)
        elif label_mode == "categorical":
            labels = torch.nn.functional.one_hot(labels.long(), len(listing.class_names or ())).float()
        found = Dataset.zip(paths, Dataset.from_tensor_slices(labels))
    found.class_names = listing.class_names
    return found.shuffle(buffer_size, seed) if shuffle else found


def _check(given: DirectoryArguments) -> None:
    if given.labels not in ("inferred", None):
        if not isinstance(given.labels, list | tuple):
            raise ValueError(f"`labels` is 'inferred', None or a list of labels, got {given.labels!r}.")
        if given.class_names:
            raise ValueError(f"`class_names` goes with `labels='inferred'`, got labels={given.labels!r}.")
    if given.label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f"`label_mode` is 'int', 'categorical', 'binary' or None, got {given.label_mode!r}.")
    split, subset = given.validation_split, given.subset
    if split and not 0 < split < 1:
        raise ValueError(f"`validation_split` must lie between 0 and 1, got {split}.")
    if bool(split) != bool(subset):
        raise ValueError(f"`validation_split` and `subset` go together, got {split!r} and {subset!r}.")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f"`subset` is 'training', 'validation' or 'both', got {subset!r}.")
    if split and given.shuffle and given.seed is None:
        raise ValueError("With `validation_split` and `shuffle`, `seed` must be given, lest the two parts overlap.")


def _index(given: DirectoryArguments, formats: tuple[str, ...], seed: int) -> Listing:
    directory = Path(given.directory)
    if given.labels == "inferred":
        folders = sorted(one.name for one in directory.iterdir() if one.is_dir() and not one.name.startswith("."))
        if given.class_names is not None and not set(given.class_names) <= set(folders):
            raise ValueError(f"`class_names` {list(given.class_names)} are not among the folders {folders}.")
        folders = folders if given.class_names is None else list(given.class_names)
    elif given.class_names is not None:
        raise ValueError("`class_names` goes with `labels='inferred'`.")
    else:
        folders = [""]
    files = [[*_files(directory / folder, formats, given.follow_links)] for folder in folders]
    paths = [path for several in files for path in several]
    class_names: list[str] | None = folders
    labels: list[int] | None = [place for place, several in enumerate(files) for _ in several]
    if given.labels is None:
        labels = class_names = None
    elif given.labels != "inferred":
        if len(given.labels) != len(paths):
            raise ValueError(f"There are {len(given.labels)} labels for {len(paths)} files in directory {directory}.")
        labels, class_names = list(given.labels), [str(label) for label in sorted(set(given.labels))]
    if given.verbose:
        classes = f" belonging to {len(class_names)} classes" if class_names else ""
        console.write(f"Found {len(paths)} files{classes}.\n")
    if given.shuffle:  # both in the same order
        np.random.RandomState(seed).shuffle(paths)
        if labels is not None:
            np.random.RandomState(seed).shuffle(labels)
    return Listing(paths, labels, class_names)


def _files(directory: Path, formats: tuple[str, ...], follow_links: bool) -> list[str]:
    found = []
    for folder, _, names in sorted(os.walk(directory, followlinks=follow_links)):
        found += [str(Path(folder) / name) for name in sorted(names) if name.lower().endswith(formats)]
    return found


def _subsets(subset: str | None) -> Sequence[str | None]:
    return ("training", "validation") if subset == "both" else (subset,)


def _part(whole: Listing, split: float | None, subset: str | None, verbose: bool) -> Listing:
    if not split:
        return whole
    kept = int(split * len(whole.paths))
    chosen = slice(-kept) if subset == "training" else slice(-kept, None)
    part = whole._replace(paths=whole.paths[chosen], labels=None if whole.labels is None else whole.labels[chosen])
    if verbose:
        console.write(f"Using {len(part.paths)} files for {subset}.\n")
    return part
