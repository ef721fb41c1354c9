"""``keras.preprocessing.text``, which Keras 3 dropped and many scripts use: texts <-> numbers of words."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.registry import Config

#: punctuation, which is taken for spaces; the apostrophe is not among it
FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'

Text = str | list[str]
Array = np.ndarray[Any, np.dtype[Any]]
Analyzer = Callable[[Any], Iterable[str]]


def text_to_word_sequence(input_text: str, filters: str = FILTERS, lower: bool = True, split: str = " ") -> list[str]:
    """The words of a text.

    Args:
        input_text: the text.
        filters: characters that are taken for ``split``.
        lower: write capitals small.
        split: what stands between words.
    """
    text = input_text.lower() if lower else input_text
    words = text.translate({ord(character): split for character in filters}).split(split)
    return [word for word in words if word]


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """A number from 1 to ``n``, exclusive, for each word of a text, which other words may share.

    Args:
        text: the text.
        n: the numbers, and 0.
        hash_function: of a word; "md5", or Python's own, which differs from process to process.
        filters: as in :func:`text_to_word_sequence`; so are ``lower`` and ``split``.
        analyzer: splits the text in their place.
    """
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    function: Callable[[str], int] = _md5 if hash_function == "md5" else hash_function or hash  # type: ignore[assignment]
    return [function(word) % (n - 1) + 1 for word in words]


def one_hot(
    input_text: str,
    n: int,
    filters: str = FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """:func:`hashing_trick` with Python's own hash; no vectors, whatever the name says."""
    return hashing_trick(input_text, n, None, filters, lower, split, analyzer)


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16)


class Tokenizer:
    """Numbers words from 1 on, the most frequent first; 0 is left for padding.

    Args:
        num_words: texts become numbers below it; rarer words are left out, or the unknown one.
        filters: as in :func:`text_to_word_sequence`; so are ``lower`` and ``split``.
        char_level: characters are the words.
        oov_token: stands for words that are not known, and gets number 1; without one they are left out.
        analyzer: splits a text in the place of :func:`text_to_word_sequence`.
        document_count: of texts that were counted elsewhere.

    Attributes:
        word_index: the number of each word; ``index_word`` the other way round.
        word_counts: how often each word came, in the order in which they came.
        word_docs: in how many texts; ``index_docs`` the same by number.
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Analyzer | None = None,
        document_count: int = 0,
    ) -> None:
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = document_count
        self.word_counts: Counter[str] = Counter()
        self.word_docs: Counter[str] = Counter()
        self.index_docs: Counter[int] = Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[Text]) -> None:
        """Count the words of some texts, strings or lists of words, and number all that were counted so far."""
        for text in texts:
            self.document_count += 1
            words = self._words(text)
            self.word_counts.update(words)
            self.word_docs.update(set(words))
        by_frequency = [word for word, _ in self.word_counts.most_common()]
        numbered = by_frequency if self.oov_token is None else [self.oov_token, *by_frequency]
        # where the unknown word comes in the texts too, its last number counts
        self.word_index = {word: number for number, word in enumerate(numbered, 1)}
        self.index_word = {number: word for word, number in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]]) -> None:
        """Count in how many sequences each number comes, for :meth:`sequences_to_matrix`."""
        self.document_count += len(sequences)
        for sequence in sequences:
            self.index_docs.update(set(sequence))

    def texts_to_sequences(self, texts: Iterable[Text]) -> list[list[int]]:
        """The numbers of the words of each text."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Text]) -> Iterator[list[int]]:
        """:meth:`texts_to_sequences`, text by text."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for text in texts:
            numbers = [self._known(self.word_index.get(word), unknown) for word in self._words(text)]
            yield [number for number in numbers if number is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """The words of each sequence of numbers, with spaces between them."""
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """:meth:`sequences_to_texts`, sequence by sequence."""
        unknown = self.word_index.get(self.oov_token) if self.oov_token is not None else None
        for sequence in sequences:
            numbers = [self._known(number if number in self.index_word else None, unknown) for number in sequence]
            yield " ".join(self.index_word[number] for number in numbers if number is not None)

    def texts_to_matrix(self, texts: Iterable[Text], mode: str = "binary") -> Array:
        """:meth:`sequences_to_matrix` of texts."""
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Sequence[Sequence[int]], mode: str = "binary") -> Array:
        """A row for each sequence, an entry for each number.

        Args:
            sequences: of numbers.
            mode: "binary" whether it comes; "count" how often; "freq" how often for each entry of the sequence; "tfidf"
                the logarithm of that, the more the fewer texts it comes in.

        Returns:
            (sequences, ``num_words``), or one more than there are words.

        Raises:
            ValueError: for another mode, or before any text was counted.
        """
        check_choice("mode", mode, ("binary", "count", "freq", "tfidf"))
        if not self.num_words and not self.word_index:
            raise ValueError("The width is not known: give `num_words`, or call `fit_on_texts` first.")
        if mode == "tfidf" and not self.document_count:
            raise ValueError('`mode="tfidf"` needs texts: call `fit_on_texts` first.')
        width = self.num_words or len(self.word_index) + 1
        counts = np.zeros((len(sequences), width))
        for row, sequence in zip(counts, sequences, strict=True):
            for number, count in Counter(sequence).items():
                if number < width:
                    row[number] = count
        lengths = np.array([len(sequence) for sequence in sequences]).reshape(-1, 1)
        if mode == "count":
            return counts
        if mode == "freq":
            shares: Array = counts / np.maximum(lengths, 1)
            return shares
        if mode == "binary":
            return (counts > 0).astype(float)
        texts_with = np.array([self.index_docs.get(number, 0) for number in range(width)])
        frequency = np.where(counts > 0, 1 + np.log(np.maximum(counts, 1)), 0)
        weighted: Array = frequency * np.log(1 + self.document_count / (1 + texts_with))
        return weighted

    def get_config(self) -> Config:
        """The arguments and counts as tf.keras writes them, the counts as JSON in JSON."""
        arguments = ("num_words", "filters", "lower", "split", "char_level", "oov_token", "document_count")
        counts = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        return {name: getattr(self, name) for name in arguments} | {
            name: json.dumps(getattr(self, name)) for name in counts
        }

    def to_json(self, **kwargs: Any) -> str:
        """JSON for :func:`tokenizer_from_json`, here and in tf.keras; ``kwargs`` are those of ``json.dumps``."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)

    def _words(self, text: Text) -> list[str]:
        if self.char_level or isinstance(text, list):
            if not self.lower:
                return list(text)
            return [word.lower() for word in text] if isinstance(text, list) else list(text.lower())
        if self.analyzer is not None:
            return list(self.analyzer(text))
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def _known(self, number: int | None, unknown: int | None) -> int | None:
        """The number, or that of the unknown word for one that is not in use."""
        return unknown if number is None or (self.num_words and number >= self.num_words) else number


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """The tokenizer that :meth:`Tokenizer.to_json`, or that of tf.keras, wrote.

    Raises:
        ValueError: when it is no such JSON.
    """
    try:
        config = dict(json.loads(json_string)["config"])
        kept = {
            name: json.loads(config.pop(name))
            for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        }
        tokenizer = Tokenizer(**config)
        tokenizer.word_counts = Counter(kept["word_counts"])
        tokenizer.word_docs = Counter(kept["word_docs"])
        tokenizer.index_docs = Counter({int(number): count for number, count in kept["index_docs"].items()})
        tokenizer.index_word = {int(number): word for number, word in kept["index_word"].items()}
        tokenizer.word_index = kept["word_index"]
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"This is not the JSON of a Tokenizer: {type(error).__name__}: {error}.") from None
    return tokenizer
