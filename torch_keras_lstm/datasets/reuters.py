"""``keras.datasets.reuters``: news, and the topics that they are about."""

from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.datasets.files import arrays_of, find, shuffled
from torch_keras_lstm.datasets.word_indices import as_objects, known_words, read_index, shorter_than, with_start

_TOPICS = (
    "cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee", "sugar",
    "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx", "interest", "gnp",
    "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock", "retail", "ipi", "iron-steel",
    "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead",
)  # fmt: skip


def load_data(
    path: str | Path = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> Any:
    """News as lists of the numbers of their words; arguments and errors as those of ``imdb.load_data``.

    Args:
        test_split: the part that is for testing.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, arrays of lists and of numbers of topics.
    """
    arrays = arrays_of(find(path))
    x, y = shuffled(arrays["x"], arrays["y"], np.random.RandomState(seed))
    texts = with_start(x, start_char, index_from)
    if maxlen:
        texts, y = shorter_than(maxlen, texts, y)
    texts = known_words(texts, num_words, skip_top, oov_char)
    first = int(len(texts) * (1 - test_split))
    labels = np.array(y)
    return (as_objects(texts[:first]), labels[:first]), (as_objects(texts[first:]), labels[first:])


def get_word_index(path: str | Path = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, before ``index_from`` is added."""
    return read_index(find(path))


def get_label_names() -> tuple[str, ...]:
    """The topics in the order of their numbers."""
    return _TOPICS
