"""``keras.datasets.imdb``: reviews of films, and whether they are good."""

from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.datasets.files import arrays_of, find, shuffled
from torch_keras_lstm.datasets.word_indices import as_objects, known_words, read_index, shorter_than, with_start


def load_data(
    path: str | Path = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> Any:
    """Reviews as lists of the numbers of their words, the most frequent first.

    Args:
        path: the file, in ``~/.keras/datasets`` unless it is a path.
        num_words: words with this number and greater ones are ``oov_char``.
        skip_top: so are the most frequent ones.
        maxlen: leave longer reviews out.
        seed: of the order.
        start_char: the mark before each review; ``None`` for none.
        oov_char: what stands for words that are left out; ``None`` for nothing.
        index_from: the words are numbered from here.

    Returns:
        ``(x_train, y_train), (x_test, y_test)``, arrays of lists and of 0 and 1.

    Raises:
        FileNotFoundError: when the file is not there, saying where to put it.
        ValueError: when ``maxlen`` leaves none.
    """
    arrays = arrays_of(find(path))
    generator = np.random.RandomState(seed)
    texts, labels = [], []
    for part in ("train", "test"):
        x, y = shuffled(arrays[f"x_{part}"], arrays[f"y_{part}"], generator)
        lists = with_start(x, start_char, index_from)
        if maxlen:
            lists, y = shorter_than(maxlen, lists, y)
            if not lists:
                raise ValueError(f"No text is shorter than `maxlen`, which is {maxlen}.")
        texts.append(lists)
        labels.append(y)
    whole = known_words([*texts[0], *texts[1]], num_words, skip_top, oov_char)
    y, first = np.concatenate(labels), len(texts[0])
    return (as_objects(whole[:first]), y[:first]), (as_objects(whole[first:]), y[first:])


def get_word_index(path: str | Path = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, before ``index_from`` is added."""
    return read_index(find(path))
