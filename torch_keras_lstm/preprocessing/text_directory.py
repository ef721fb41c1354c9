"""``keras.utils.text_dataset_from_directory``."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.preprocessing.directories import SHUFFLED, DirectoryArguments, labelled, listings
from torch_keras_lstm.strings import Strings


def text_dataset_from_directory(
    directory: str | Path,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Batches of texts, and of the classes that they are of, from ``.txt`` files.

    Args:
        directory: holds a folder for each class.
        labels: "inferred" from the folders, a list with one for each file in their order, or ``None`` for none.
        label_mode: "int" gives int32 numbers (batch,), "binary" float32 (batch, 1), "categorical" one-hot vectors.
        class_names: the folders in the order of the classes, by default sorted.
        batch_size: texts in a batch; ``None`` for one text at a time.
        max_length: bytes of a text that are read.
        shuffle: list the files in an order drawn from ``seed``, and draw from the next ones at each pass.
        seed: of the orders.
        validation_split: the part of the files that is kept for validation.
        subset: "training", "validation", or "both" for a list of the two data sets.
        follow_links: look into folders that are links.
        format: "tf" or "grain" in Keras, which are one here.
        verbose: print how many files there are.

    Returns:
        A :class:`Dataset` of texts, or of pairs of texts and labels; its ``class_names`` are the classes.

    Raises:
        ValueError: when the arguments do not go together, or there is no such file.
    """
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` is "tf" or "grain", got {format!r}.')
    given = DirectoryArguments(
        directory, labels, label_mode, class_names, shuffle, seed, validation_split, subset, follow_links, verbose
    )
    parts, seed = listings(given, (".txt",))
    found = []
    for index, part in enumerate(parts):
        buffer_size = batch_size * 8 if batch_size else SHUFFLED
        dataset = labelled(part, label_mode, shuffle and index == 0, seed, buffer_size)
        dataset = dataset.map(partial(_with_text, max_length))
        found.append(dataset if batch_size is None else dataset.batch(batch_size))
    return found if subset == "both" else found[0]


def _with_text(max_length: int | None, path: Strings, *label: Any) -> Any:
    content = Path(path.tolist()).read_bytes()[:max_length]
    value = np.empty((), object)
    value[()] = content
    return (Strings(value), *label) if label else Strings(value)
