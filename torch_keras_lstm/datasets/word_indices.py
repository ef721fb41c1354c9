"""Texts as lists of numbers of words: what the data sets of texts have in common."""

import json
from pathlib import Path
from typing import Any

import numpy as np


def with_start(texts: Any, start_char: int | None, index_from: int | None) -> list[list[int]]:
    """The texts with all numbers raised by ``index_from``, behind a mark of their start."""
    if start_char is not None:
        return [[start_char, *(word + (index_from or 0) for word in text)] for text in texts]
    return [[word + (index_from or 0) for word in text] for text in texts]


def shorter_than(maxlen: int, texts: list[list[int]], labels: Any) -> tuple[list[list[int]], Any]:
    """Those texts that have less than ``maxlen`` words, and their labels."""
    kept = [(text, label) for text, label in zip(texts, labels, strict=True) if len(text) < maxlen]
    return [text for text, _ in kept], [label for _, label in kept]


def known_words(texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None) -> list[list[int]]:
    """The texts with ``oov_char`` in the place of rare words, or without them."""
    limit = num_words or max(max(text) for text in texts)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < limit] for text in texts]
    return [[word if skip_top <= word < limit else oov_char for word in text] for text in texts]


def as_objects(texts: list[list[int]]) -> Any:
    """An array of lists, as Keras gives it."""
    return np.array(texts, dtype="object")


def read_index(path: Path) -> dict[str, int]:
    """The number of each word."""
    with path.open(encoding="utf-8") as file:
        index: dict[str, int] = json.load(file)
    return index
