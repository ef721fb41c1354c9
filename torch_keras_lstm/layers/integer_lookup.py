"""``keras.layers.IntegerLookup``."""

from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.index_lookup import IndexLookup
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.looked_at import numbers_in
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class IntegerLookup(IndexLookup):
    """Integers as their indices in a vocabulary, vectors of these, or with ``invert`` the integers of indices.

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
        vocabulary_size: of the layer that a configuration describes, where the vocabulary comes later.
        has_input_vocabulary: whether the vocabulary was given, so that ``adapt`` may not change it.
        vocabulary_dtype: "int64".
        oov_method: which of several ``num_oov_indices`` an integer out of vocabulary gets: "floormod" takes the
            remainder of the integer, "farmhash" that of a hash of it.

    Raises:
        ValueError: for another ``vocabulary_dtype``, for ``salt`` without "farmhash", and when ``vocabulary`` holds a
            number twice or a special one at another place.

    Example:
        >>> layer = IntegerLookup(vocabulary=[12, 36, 1138])
        >>> layer(torch.tensor([[12, 36], [7, 1138]]))  # 0 is for what is not in the vocabulary
        tensor([[1, 2],
                [0, 3]])
        >>> IntegerLookup(vocabulary=[12, 36, 1138], output_mode="count")(torch.tensor([[12, 12, 7]]))
        tensor([[1, 2, 0, 0]])
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        if vocabulary_dtype != "int64":
            raise ValueError(f"`vocabulary_dtype` must be 'int64', got {vocabulary_dtype!r}.")
        if salt is not None and oov_method != "farmhash":
            raise ValueError(f"`salt` goes with `oov_method='farmhash'`, got oov_method={oov_method!r}.")
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

    def _as_token(self, value: Any) -> int:
        return int(value)

    def _from_token(self, token: Any) -> int:
        return int(token)

    def _keys(self, inputs: Any) -> tuple[tuple[int, ...], list[Any]]:
        values = inputs if isinstance(inputs, Tensor) else torch.as_tensor(np.asarray(inputs))
        return tuple(values.shape), numbers_in(values.long(), self)

    def _bin(self, token: Any) -> int:
        if self.oov_method == "floormod":
            return int(token) % self.num_oov_indices
        return super()._bin(str(token).encode())

    def _as_result(self, tokens: list[Any], indices: Tensor) -> Tensor:
        return torch.tensor(tokens, dtype=torch.int64, device=self.device).reshape(indices.shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; a vocabulary that was learned is not among them."""
        return {**super().get_config(), "vocabulary_dtype": "int64"}
