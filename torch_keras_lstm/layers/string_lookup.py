"""``keras.layers.StringLookup``."""

from typing import Any, ClassVar, Unpack

import numpy as np
from torch import Tensor

from torch_keras_lstm.layers.index_lookup import IndexLookup
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.strings import STRING, Strings, as_bytes, as_strings


@register("keras.layers")
class StringLookup(IndexLookup):
    """Strings as their indices in a vocabulary, vectors of these, or with ``invert`` the strings of indices.

    Inputs are strings or bytes, nested lists or NumPy arrays of them, in a model ``Input(shape, dtype="string")``.
    Which of several ``num_oov_indices`` a string gets follows from a hash, as in TensorFlow.

    Args:
        max_tokens: the most that the vocabulary may hold, those of mask and unknown tokens included; ``None`` for any
            number.
        num_oov_indices: how many indices share the tokens out of vocabulary; with 0 such a token is an error.
        mask_token: the token that means nothing: it has index 0, or is left out of vectors; ``None`` for none.
        oov_token: what ``invert`` gives for an index of a token out of vocabulary.
        vocabulary: a list or an array of tokens, or the path of a text file with one in each line; without it
            :meth:`adapt` learns one.
        idf_weights: for "tf_idf", how much each token of ``vocabulary`` counts.
        invert: give tokens for indices.
        output_mode: "int" gives indices; "one_hot", "multi_hot" (or "binary"), "count" and "tf_idf" (or "tf-idf") give
            vectors with an entry for each index.
        pad_to_max_tokens: give vectors of ``max_tokens`` entries, however many tokens the vocabulary has.
        sparse: Keras' sparse tensors, which there are none of here.
        salt: a number or two that the hash of tokens out of vocabulary depends on.
        oov_method: "floormod" or "farmhash", which strings make no difference to; ``salt`` asks for another hash.
        vocabulary_size: of the layer that a configuration describes, where the vocabulary comes later.
        has_input_vocabulary: whether the vocabulary was given, so that ``adapt`` may not change it.
        encoding: of strings as bytes.

    Raises:
        ValueError: when the arguments do not go together, or ``vocabulary`` holds a token twice, a special token at
            another place, or none at all.

    Example:
        >>> layer = StringLookup(vocabulary=["a", "b"])
        >>> layer([["a", "b"], ["z", "a"]])
        tensor([[1, 2],
                [0, 1]])
        >>> StringLookup(vocabulary=["a", "b"], invert=True)(torch.tensor([1, 2, 0])).tolist()
        ['a', 'b', '[UNK]']
    """

    #: the type of what a model takes whose first layer this is
    entry_dtype: ClassVar[str | None] = STRING

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        salt: Any = None,
        oov_method: str = "floormod",
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        self.encoding: str = encoding  # before the constructor, which encodes the vocabulary
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            pad_to_max_tokens,
            sparse,
            salt,
            oov_method,
            vocabulary_size,
            has_input_vocabulary,
            **kwargs,
        )

    def _as_token(self, value: Any) -> bytes:
        return as_bytes(value, self.encoding)

    def _from_token(self, token: Any) -> str:
        text: str = token.decode(self.encoding)
        return text

    def _keys(self, inputs: Any) -> tuple[tuple[int, ...], list[Any]]:
        strings = as_strings(inputs, self.encoding)
        return strings.shape, strings.flat()

    def _as_result(self, tokens: list[Any], indices: Tensor) -> Strings:
        values = np.empty(len(tokens), object)
        values[:] = tokens
        return Strings(values.reshape(indices.shape))

    @property
    def output_dtype(self) -> Any:
        """Strings with ``invert``."""
        return STRING if self.invert else super().output_dtype

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; a vocabulary that was learned is not among them."""
        return {**super().get_config(), "encoding": self.encoding}
