"""``keras.layers.TextVectorization``: texts -> tokens -> indices."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.category_counts import padded
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.string_lookup import StringLookup
from torch_keras_lstm.layers.vocabularies import batches_to_adapt_to, refuse_path
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.registry import CUSTOM_OBJECTS, REGISTERED
from torch_keras_lstm.strings import STRING, Strings, as_bytes, as_strings, texts

_PUNCTUATION = re.compile(rb"""[!"#$%&()*+,\-./:;<=>?@\[\\\]^_`{|}~']""")
_STANDARDS = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
_SPLITS = ("whitespace", "character")

Rows = list[list[bytes]]


@register("keras.layers")
class TextVectorization(Layer):
    """Texts as the indices of their words, or as vectors that tell which words are in them.

    Inputs are strings, nested lists or NumPy arrays of them, of shape (batch,) or (batch, 1);
    ``Input((1,), dtype="string")`` stands for them in a model. Letters of ASCII alone are made small, as in Keras.

    Args:
        max_tokens: the most that the vocabulary may hold, padding and unknown words included.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation", ``None``, or a function of a NumPy
            array of strings that gives another.
        split: "whitespace", "character", ``None`` for inputs (batch, words) that are split already, or a function of a
            NumPy array of strings that gives a list of words for each.
        ngrams: also take words that follow one another for a token: a number means all up to so many, a tuple these.
        output_mode: "int" gives indices, 0 for padding and 1 for unknown words; "multi_hot", "count" and "tf_idf" give
            a vector for each text with an entry for each token, the first for unknown ones.
        output_sequence_length: with "int", of all texts; by default that of the longest in a batch.
        pad_to_max_tokens: give vectors of ``max_tokens`` entries, however many tokens the vocabulary has.
        vocabulary: a list or an array of tokens, or the path of a text file with one in each line.
        idf_weights: for "tf_idf", how much each token of ``vocabulary`` counts.
        sparse, ragged: Keras' tensors of other kinds, which there are none of here.
        encoding: of the texts as bytes.
        vocabulary_size: of the layer that a configuration describes, where the vocabulary comes later.
        has_input_vocabulary: whether the vocabulary was given, so that ``adapt`` may not change it.

    Raises:
        ValueError: when an argument is none of these, or they do not go together.

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["a good film", "a bad film"])
        >>> layer.get_vocabulary()
        ['', '[UNK]', 'film', 'a', 'good', 'bad']
        >>> layer(["A good, good play"])
        tensor([[3, 4, 4, 1]])
    """

    #: the type of what a model takes whose first layer this is
    entry_dtype: ClassVar[str | None] = STRING

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(**kwargs)
        for argument, value, known in (("standardize", standardize, _STANDARDS), ("split", split, _SPLITS)):
            if value is not None and not callable(value) and value not in known:
                raise ValueError(f"`{argument}` must be one of {', '.join(known)}, None or a function, got {value!r}.")
        widths = range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams
        if widths is not None and not all(isinstance(width, int) for width in widths):
            raise ValueError(f"`ngrams` must be an integer, a tuple of them or None, got {ngrams!r}.")
        if output_sequence_length is not None and output_mode != "int":
            raise ValueError(
                f"`output_sequence_length` goes with `output_mode='int'`, got output_mode={output_mode!r}."
            )
        if not isinstance(output_sequence_length, int | None):
            raise ValueError(f"`output_sequence_length` must be an integer or None, got {output_sequence_length!r}.")
        if ragged:
            raise ValueError("`ragged=True` gives TensorFlow's ragged tensors; here texts are padded with 0.")
        self.standardize, self.split = standardize, split
        self.ngrams = ngrams if isinstance(ngrams, int) or ngrams is None else tuple(ngrams)
        self._widths = None if widths is None else tuple(widths)
        self.output_sequence_length = output_sequence_length
        self._lookup_layer = StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            encoding=encoding,
            vocabulary_size=vocabulary_size,
            has_input_vocabulary=has_input_vocabulary,
        )

    @property
    def output_mode(self) -> str:
        """What a call gives."""
        return self._lookup_layer.output_mode

    # -- the vocabulary ---------------------------------------------------------------------------------------------

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: put padding and the token that stands for unknown words in front.
        """
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take another vocabulary.

        Args:
            vocabulary: a list or an array of tokens, or the path of a text file with one in each line. The special
                tokens may stand in front, exactly as :meth:`get_vocabulary` gives them.
            idf_weights: for "tf_idf", how much each of them counts.

        Raises:
            ValueError: when it is empty, larger than ``max_tokens``, holds a token twice, or a special token elsewhere,
                or the weights do not fit it.
        """
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """The number of indices, those of padding and of unknown words included."""
        return self._lookup_layer.vocabulary_size()

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Take the tokens of texts for the vocabulary, the most frequent first and of equals the greater one first.

        Args:
            data: an array or list of texts, or an iterable of batches of them, such as a data set.
            batch_size: taken for Keras' sake.
            steps: how many batches; all by default.

        Raises:
            ValueError: when the vocabulary was given to the constructor.
        """
        self.reset_state()
        for batch in batches_to_adapt_to(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        _, rows = self._tokens_of(data)
        self._lookup_layer.count_documents(rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        self._lookup_layer.reset_state()

    # -- calling ----------------------------------------------------------------------------------------------------

    def forward(self, inputs: Any) -> Tensor:
        """Indices (batch, tokens), or vectors (batch, vocabulary); without the axis of the batch for one text alone."""
        shape, rows = self._tokens_of(inputs)
        indices = [self._lookup_layer.indices_of(row) for row in rows]
        if self.output_mode != "int":
            return self._vectors(shape, indices)
        whole = padded(indices, 0, self.output_sequence_length)
        length = len(whole[0]) if whole else self.output_sequence_length or 0
        return torch.tensor(whole, dtype=torch.int64, device=self.device).reshape(*shape, length)

    def _vectors(self, shape: tuple[int, ...], indices: list[list[int]]) -> Tensor:
        one_hot, lengths = self.output_mode == "one_hot", sorted({len(row) for row in indices})
        if len(shape) > 1 or (one_hot and len(lengths) > 1):
            raise ValueError(
                f"Layer `{self.name}` makes vectors of texts of shape (batch,) or (batch, 1), with 'one_hot' of texts "
                f"with as many tokens each, got shape {shape} and {', '.join(map(str, lengths))} tokens."
            )
        # -1 is no category, so that padding counts nowhere
        tokens = torch.tensor(padded(indices, -1), dtype=torch.int64, device=self.device)
        tokens = tokens.reshape(*shape, lengths[-1] if lengths else 0)
        if one_hot:  # Keras' ragged axis of tokens stays, even if it is of size 1
            return self._lookup_layer.encoded(tokens.reshape(-1)).reshape(*tokens.shape, -1)
        return self._lookup_layer.encoded(tokens)

    def _tokens_of(self, inputs: Any) -> tuple[tuple[int, ...], Rows]:
        """The shape of the texts, and the tokens of each in their order."""
        strings = self._standardized(as_strings(inputs, self._lookup_layer.encoding))
        if self.split is None:
            shape = strings.shape[:-1]
            length = strings.shape[-1] if strings.ndim else 1
            flat = strings.flat()
            rows = [flat[start : start + length] for start in range(0, len(flat), max(length, 1))]
            rows = rows or [[] for _ in range(int(np.prod(shape)))]
        else:
            if strings.ndim > 1:
                if strings.shape[-1] != 1:
                    raise ValueError(
                        f"Layer `{self.name}` splits texts of shape (batch,) or (batch, 1), got shape {strings.shape}: "
                        "with `split=None` each row is taken for the words of a text."
                    )
                strings = strings.reshape(*strings.shape[:-1])
            shape = strings.shape
            rows = self._split_texts(strings)
        return shape, rows if self._widths is None else [_ngrams(row, self._widths) for row in rows]

    def _standardized(self, strings: Strings) -> Strings:
        standard = self.standardize
        if callable(standard):
            return as_strings(standard(self._as_texts(strings)), self._lookup_layer.encoding)
        if standard is None:
            return strings
        lower, strip = standard in _STANDARDS[:2], standard in _STANDARDS[::2]
        values = np.empty(strings.shape, object)
        flat = [text.lower() if lower else text for text in strings.flat()]
        values.reshape(-1)[:] = [_PUNCTUATION.sub(b"", text) if strip else text for text in flat]
        return Strings(values)

    def _split_texts(self, strings: Strings) -> Rows:
        if self.split == "whitespace":
            return [text.split() for text in strings.flat()]
        if self.split == "character":
            return [[char.encode() for char in text.decode("utf-8", "replace")] for text in strings.flat()]
        assert callable(self.split)  # the constructor saw to it
        found = self.split(self._as_texts(strings))
        found = found.tolist() if hasattr(found, "tolist") else found
        return [
            [as_bytes(word, self._lookup_layer.encoding) for word in row]
            for row in (found if strings.ndim else [found])
        ]

    def _as_texts(self, strings: Strings) -> Any:
        return texts(strings.flat(), strings.shape, self._lookup_layer.encoding)

    # -- shapes, masks, configuration -------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, ``output_sequence_length``), or (batch, vocabulary) for vectors."""
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        shape: Shape = tuple(input_shape)
        if self.split is not None:
            shape = (*(shape[:-1] if len(shape) > 1 else shape), None)
        elif len(shape) <= 1:
            shape = (*shape, 1)
        return self._lookup_layer.compute_output_shape(shape)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives: indices and vectors of integers, floats with "tf_idf"."""
        return TensorSpec.of(self.compute_output_shape(args[0].shape), self._lookup_layer.output_dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; a vocabulary that was learned is not among them."""
        lookup = self._lookup_layer.get_config()
        return {
            **super().get_config(),
            "max_tokens": lookup["max_tokens"],
            "standardize": _function(self.standardize),
            "split": _function(self.split),
            "ngrams": self.ngrams,
            "output_mode": self.output_mode,
            "output_sequence_length": self.output_sequence_length,
            "pad_to_max_tokens": lookup["pad_to_max_tokens"],
            "sparse": False,
            "ragged": False,
            **self._lookup_layer.vocabulary_config(),
            "encoding": lookup["encoding"],
            "vocabulary_size": self.vocabulary_size(),
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with the arguments that ``get_config`` gave; functions are found among the custom objects.

        Raises:
            ValueError: when ``vocabulary`` is a path, or a function is not known.
        """
        refuse_path(config)
        functions = {name: _found(config.get(name), name) for name in ("standardize", "split") if name in config}
        return super().from_config({**config, **functions})

    def extra_repr(self) -> str:
        """The size of the vocabulary and the mode."""
        return f"{self.vocabulary_size()} tokens, output_mode={self.output_mode!r}, {super().extra_repr()}"


def _ngrams(words: Sequence[bytes], widths: Sequence[int]) -> list[bytes]:
    return [b" ".join(words[start : start + width]) for width in widths for start in range(len(words) - width + 1)]


def _function(value: Any) -> Any:
    """A function as Keras 3 writes it into a configuration."""
    if not callable(value):
        return value
    name = str(getattr(value, "__name__", type(value).__name__))
    registered = next((full for full, own in REGISTERED.items() if own is value and ">" in full), name)
    return {"module": "builtins", "class_name": "function", "config": registered, "registered_name": "function"}


def _found(value: Any, argument: str) -> Any:
    """What a configuration's entry means, which may be a function of the user's."""
    if not isinstance(value, Mapping):
        return value
    own = {**REGISTERED, **CUSTOM_OBJECTS.get({})}
    names = [value.get("registered_name"), value.get("config")]
    for name in (*names, *(str(one).rpartition(">")[2] for one in names)):
        if isinstance(name, str) and name in own:
            return own[name]
    name = str(names[1]).rpartition(">")[2]
    raise ValueError(f"`{argument}` is a function named {name!r}, which goes into `custom_objects`.")
