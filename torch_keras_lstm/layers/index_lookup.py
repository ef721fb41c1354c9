"""What ``StringLookup`` and ``IntegerLookup`` share: a vocabulary, and the indices of its tokens."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.fingerprints import fingerprint, keyed_hash
from torch_keras_lstm.layers.category_counts import encode, encoded_shape
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.looked_at import numbers_in
from torch_keras_lstm.layers.vocabularies import (
    LEARNED,
    as_salt,
    batches_to_adapt_to,
    lines_of,
    listed,
    refuse_path,
)
from torch_keras_lstm.operations.tensor_spec import TensorSpec

#: the index that a token gets which is left out: no vector has an entry there
_LEFT_OUT = 2**63 - 1

Rows = Sequence[Sequence[Any]]


class IndexLookup(Layer):
    """A vocabulary, given, learned by :meth:`adapt` or read from a file, and the indices of the tokens in it.

    The first indices are those of the mask token, if there is one and ``output_mode`` is "int", and of tokens out of
    vocabulary. The vocabulary goes with copies, pickles, ``state_dict`` and files.

    Args:
        max_tokens: the most that the vocabulary may hold, those first ones included; ``None`` for any number.
        num_oov_indices: how many indices share the tokens out of vocabulary; with 0 such a token is an error.
        mask_token: the token that means nothing: it has index 0, or is left out of vectors; ``None`` for none.
        oov_token: what ``invert`` gives for an index of a token out of vocabulary.
        vocabulary: a list or an array of tokens, or the path of a text file with one in each line.
        idf_weights: for "tf_idf", how much each token of ``vocabulary`` counts.
        invert: give tokens for indices.
        output_mode: "int" gives indices; "one_hot", "multi_hot" (or "binary"), "count" and "tf_idf" (or "tf-idf") give
            vectors with an entry for each index.
        pad_to_max_tokens: give vectors of ``max_tokens`` entries, however many tokens the vocabulary has.
        sparse: Keras' sparse tensors, which there are none of here.
        salt: a number or two that the hash of tokens out of vocabulary depends on.
        vocabulary_size: of the layer that a configuration describes, where the vocabulary comes later.
        has_input_vocabulary: whether the vocabulary was given, so that ``adapt`` may not change it.

    Raises:
        ValueError: when the arguments do not go together, or ``vocabulary`` holds a token twice, a special token at
            another place, or none at all.
    """

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: Any = None,
        oov_token: Any = None,
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        salt: Any = None,
        oov_method: str = "floormod",
        vocabulary_size: int | None = None,
        has_input_vocabulary: bool | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        check_choice("output_mode", self.output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"))
        check_choice("oov_method", oov_method, ("floormod", "farmhash"))
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = invert, pad_to_max_tokens
        self.oov_method, self.salt = oov_method, as_salt(salt)
        self._check_arguments(sparse, idf_weights)
        self._size = vocabulary_size
        self._given = vocabulary is not None if has_input_vocabulary is None else has_input_vocabulary
        self._given_vocabulary = None if isinstance(vocabulary, str | Path) else listed(vocabulary)
        self._given_idf_weights = listed(idf_weights)
        self._tokens: list[Any] = []
        self._places: dict[Any, int] = {}
        self._keep([])
        self._idf_weights: Tensor | None = None
        self._reset_counts()
        if self.output_mode == "tf_idf" and self._given and idf_weights is None:
            raise ValueError("With `output_mode='tf_idf'` and a `vocabulary`, `idf_weights` must be given too.")
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check_arguments(self, sparse: bool, idf_weights: Any) -> None:
        if self.max_tokens is not None and self.max_tokens <= 1:
            raise ValueError(f"If set, `max_tokens` must be greater than 1, got {self.max_tokens}.")
        if self.pad_to_max_tokens and self.max_tokens is None:
            raise ValueError("With `pad_to_max_tokens=True`, `max_tokens` must be set.")
        if self.num_oov_indices < 0:
            raise ValueError(f"`num_oov_indices` must be at least 0, got {self.num_oov_indices}.")
        if self.invert and self.output_mode != "int":
            raise ValueError(f"`output_mode` must be 'int' when `invert` is true, got {self.output_mode!r}.")
        if sparse:
            raise ValueError("`sparse=True` gives Keras' sparse tensors of TensorFlow; here vectors are dense.")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(f"`idf_weights` go with `output_mode='tf_idf'`, got output_mode={self.output_mode!r}.")

    # -- the vocabulary ---------------------------------------------------------------------------------------------

    def _as_token(self, value: Any) -> Any:
        """A token of the user's as the table has it."""
        raise NotImplementedError

    def _from_token(self, token: Any) -> Any:
        """A token of the table as the user has it."""
        raise NotImplementedError

    @property
    def _first_oov(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first_token(self) -> int:
        return self._first_oov + self.num_oov_indices

    @property
    def idf_weights(self) -> Tensor | None:
        """How much each index counts with "tf_idf"; ``None`` before they are known."""
        return self._idf_weights

    @idf_weights.setter
    def idf_weights(self, value: Any) -> None:
        self._idf_weights = torch.as_tensor(value, dtype=torch.get_default_dtype(), device=self.device)

    def vocabulary_size(self) -> int:
        """The number of indices, those of the mask token and of tokens out of vocabulary included."""
        return self._first_token + len(self._tokens)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: put the mask token, and the one that stands for those out of vocabulary, in front.
        """
        tokens = [self._from_token(token) for token in self._tokens]
        if not include_special_tokens:
            return tokens
        return [*[self.mask_token] * self._first_oov, *[self.oov_token] * self.num_oov_indices, *tokens]

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take another vocabulary.

        Args:
            vocabulary: a list or an array of tokens, or the path of a text file with one in each line. The special
                tokens may stand in front, exactly as :meth:`get_vocabulary` gives them.
            idf_weights: for "tf_idf", how much each of them counts. Special tokens that are not in ``vocabulary`` count
                as much as the others on average.

        Raises:
            ValueError: when it is empty, larger than ``max_tokens``, holds a token twice, or a special token elsewhere,
                or the weights do not fit it.
            RuntimeError: when vectors would get another length than the layer has given.
        """
        if (idf_weights is None) == (self.output_mode == "tf_idf"):
            raise ValueError("`idf_weights` must be given if and only if `output_mode` is 'tf_idf'.")
        from_file = isinstance(vocabulary, str | Path)
        given = lines_of(Path(vocabulary)) if from_file else listed(vocabulary)
        if not given:
            raise ValueError("Cannot set an empty vocabulary.")
        tokens = [self._as_token(token) for token in given]
        special = [*[self.mask_token] * self._first_oov, *[self.oov_token] * self.num_oov_indices]
        known = [None if token is None else self._as_token(token) for token in special]
        has_special = not from_file and tokens[: self._first_token] == known
        ordinary = tokens[self._first_token :] if has_special else tokens
        self._check_vocabulary(ordinary, special)
        weights = None if idf_weights is None else self._weights(idf_weights, len(tokens), has_special)
        self._take(ordinary)
        if weights is not None:
            self._idf_weights = weights

    def _check_vocabulary(self, tokens: list[Any], special: list[Any]) -> None:
        repeated = [self._from_token(token) for token, count in Counter(tokens).items() if count > 1]
        if repeated:
            raise ValueError(f"The vocabulary holds tokens more than once: {repeated}.")
        reserved = {"mask": self.mask_token, **({"out-of-vocabulary": self.oov_token} if self.invert else {})}
        for kind, token in reserved.items():
            if token is not None and self._as_token(token) in tokens:
                raise ValueError(
                    f"The vocabulary holds the {kind} token {token!r} at index {tokens.index(self._as_token(token))}. "
                    f"Special tokens are left out, or stand in front in this order: {special}."
                )
        size = self._first_token + len(tokens)
        if self.max_tokens is not None and size > self.max_tokens:
            raise ValueError(f"The vocabulary has {size} tokens, more than `max_tokens`, which is {self.max_tokens}.")

    def _weights(self, given: Any, tokens: int, has_special: bool) -> Tensor:
        weights = np.asarray(given)
        if weights.shape != (tokens,):
            raise ValueError(f"`idf_weights` must have one number for each of {tokens} tokens, got {weights.shape}.")
        front = 0 if has_special else self._first_token
        behind = self.max_tokens - front - tokens if self.pad_to_max_tokens and self.max_tokens is not None else 0
        whole = np.concatenate([np.full(front, weights.mean()), weights, np.zeros(behind)])
        return torch.tensor(whole.tolist(), dtype=torch.get_default_dtype(), device=self.device)

    def _take(self, tokens: list[Any]) -> None:
        size = self._first_token + len(tokens)
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens
        if fixed and self._size is not None and self._size != size:
            raise RuntimeError(
                f"With `output_mode={self.output_mode!r}` and `pad_to_max_tokens=False` the size of the vocabulary "
                f"cannot change any more: it was {self._size} and would be {size}."
            )
        self._size = size
        self._keep(tokens)

    def _keep(self, tokens: list[Any]) -> None:
        self._tokens = tokens
        self._places = {token: index for index, token in enumerate(tokens, self._first_token)}
        if self.mask_token is not None:
            self._places[self._as_token(self.mask_token)] = 0 if self.output_mode == "int" else _LEFT_OUT

    # -- learning it ------------------------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Take the tokens of ``data`` for the vocabulary, the most frequent first and of equals the greater one first.

        Args:
            data: an array or list of tokens, or an iterable of batches of them, such as a data set.
            steps: how many batches; all by default.

        Raises:
            ValueError: when the vocabulary was given to the constructor.
        """
        self.reset_state()
        for batch in batches_to_adapt_to(data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch (documents, tokens)."""
        shape, rows = self._documents_in(data)
        self._count([[token for row in rows for token in row]] if len(shape) < 2 else rows)

    def count_documents(self, rows: Rows) -> None:
        """Count the tokens of documents."""
        self._count(rows)

    def _count(self, rows: Rows) -> None:
        if self._given:
            raise ValueError(
                f"Cannot adapt layer `{self.name}`: its vocabulary was given by the `vocabulary` argument."
            )
        self._documents += len(rows)
        for row in rows:
            self._counts.update(row)
            if self.output_mode == "tf_idf":
                self._in_documents.update(set(row))

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if self._given or not self._counts:
            self._take(self._tokens)
            return
        for special in (self.mask_token, self.oov_token):
            if special is not None:
                self._counts.pop(self._as_token(special), None)
        tokens = sorted(self._counts, key=lambda token: (self._counts[token], token), reverse=True)
        if self.max_tokens:
            tokens = tokens[: self.max_tokens - self._first_token]
        self._take(tokens)
        if self.output_mode == "tf_idf":
            found = torch.tensor([self._in_documents[token] for token in tokens], dtype=torch.float64, device="cpu")
            weights = torch.log(1 + self._documents / (1 + found)).to(torch.get_default_dtype())
            whole = torch.cat([weights.mean().expand(self._first_token), weights])
            if self.pad_to_max_tokens and self.max_tokens is not None:
                whole = torch.nn.functional.pad(whole, (0, self.max_tokens - len(whole)))
            self._idf_weights = whole.to(self.device)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        if not self._given:
            self._reset_counts()

    def _reset_counts(self) -> None:
        self._counts: Counter[Any] = Counter()
        self._in_documents: Counter[Any] = Counter()
        self._documents = 0

    # -- looking up -------------------------------------------------------------------------------------------------

    def _keys(self, inputs: Any) -> tuple[tuple[int, ...], list[Any]]:
        """The shape of the inputs, and the tokens in them in their order."""
        raise NotImplementedError

    def _documents_in(self, inputs: Any) -> tuple[tuple[int, ...], Rows]:
        shape, keys = self._keys(inputs)
        length = shape[-1] if shape else 1
        return shape, [keys[start : start + length] for start in range(0, len(keys), length)] if length else []

    def indices_of(self, tokens: Iterable[Any]) -> list[int]:
        """The index of each token.

        Raises:
            ValueError: for a token out of vocabulary when ``num_oov_indices`` is 0.
        """
        places = self._places
        if self.num_oov_indices == 1:
            oov = self._first_oov
            return [places.get(token, oov) for token in tokens]
        tokens = list(tokens)
        unknown = {token for token in tokens if token not in places}
        if unknown and not self.num_oov_indices:
            named = sorted(map(repr, map(self._from_token, unknown)))[:5]
            raise ValueError(
                f"With `num_oov_indices=0` all inputs of layer `{self.name}` must be in its vocabulary, which lacks "
                f"{', '.join(named)}. Consider `num_oov_indices=1`."
            )
        bins = {token: self._first_oov + self._bin(token) for token in unknown}
        return [bins[token] if token in unknown else places[token] for token in tokens]

    def _bin(self, token: Any) -> int:
        """Which of several indices a token out of vocabulary gets."""
        data: bytes = token
        hashed = fingerprint(data) if self.salt is None else keyed_hash(data, self.salt)
        return hashed % self.num_oov_indices

    def forward(self, inputs: Any) -> Any:
        """The indices of the inputs, vectors of them, or with ``invert`` the tokens of indices.

        Args:
            inputs: tokens of any shape, or a symbolic tensor of such.

        Raises:
            RuntimeError: when vectors are wanted and the vocabulary is not known.
            ValueError: for tokens out of vocabulary when ``num_oov_indices`` is 0.
        """
        if self.invert:
            return self._tokens_at(inputs)
        shape, keys = self._keys(inputs)
        return self.encoded(torch.tensor(self.indices_of(keys), dtype=torch.int64, device=self.device).reshape(shape))

    def encoded(self, indices: Tensor) -> Tensor:
        """Indices as ``output_mode`` has them."""
        if self.output_mode == "int":
            return indices
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        vectors = encode(indices, mode, self._depth(), torch.int64)
        if self.output_mode != "tf_idf":
            return vectors
        if self._idf_weights is None:
            raise RuntimeError(f"Layer `{self.name}` has no `idf_weights` yet: call `adapt` or `set_vocabulary` first.")
        return vectors.to(self._idf_weights.dtype) * self._idf_weights.to(indices.device)

    def _depth(self) -> int:
        if self.pad_to_max_tokens:
            assert self.max_tokens is not None  # the constructor saw to it
            return self.max_tokens
        if self._size is None:
            raise RuntimeError(
                f"With `output_mode={self.output_mode!r}` and `pad_to_max_tokens=False` the vocabulary of layer "
                f"`{self.name}` must be known before it is called: pass `vocabulary`, or call `adapt` with data."
            )
        return self._size

    def _tokens_at(self, inputs: Any) -> Any:
        values = inputs if isinstance(inputs, Tensor) else torch.as_tensor(np.asarray(inputs))
        first, size = self._first_token, self.vocabulary_size()
        default = None if self.oov_token is None else self._as_token(self.oov_token)
        numbers = numbers_in(values, self)
        found = [self._tokens[i - first] if first <= i < size else default for i in numbers]
        if self.mask_token is not None:
            mask = self._as_token(self.mask_token)
            found = [mask if i == 0 else token for i, token in zip(numbers, found, strict=True)]
        return self._as_result(found, values)

    def _as_result(self, tokens: list[Any], indices: Tensor) -> Any:
        raise NotImplementedError

    # -- shapes, masks, configuration -------------------------------------------------------------------------------

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The input's shape with ``output_mode="int"``, otherwise that of the vectors."""
        if self.output_mode == "int":
            return tuple(input_shape)
        depth = self.max_tokens if self.pad_to_max_tokens else self._size
        return encoded_shape(input_shape, self.output_mode, depth)

    @property
    def output_dtype(self) -> torch.dtype | str:
        """The type of what a call gives."""
        return torch.get_default_dtype() if self.output_mode == "tf_idf" else torch.int64

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives: indices and vectors of integers, floats with "tf_idf"."""
        return TensorSpec.of(self.compute_output_shape(args[0].shape), self.output_dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; a vocabulary that was learned is not among them."""
        return {
            **super().get_config(),
            "invert": self.invert,
            "max_tokens": self.max_tokens,
            "num_oov_indices": self.num_oov_indices,
            "oov_token": self.oov_token,
            "mask_token": self.mask_token,
            "output_mode": self.output_mode,
            "sparse": False,
            "pad_to_max_tokens": self.pad_to_max_tokens,
            **self.vocabulary_config(),
            "vocabulary_size": self._size,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    def vocabulary_config(self) -> dict[str, Any]:
        """The vocabulary that was given, or where :func:`learned_vocabularies` asks for it the one that was learned."""
        if self._given:
            return {"vocabulary": self._given_vocabulary, "idf_weights": self._given_idf_weights}
        if not LEARNED.get() or not self._tokens:
            return {"vocabulary": None, "idf_weights": None}
        weights = None if self._idf_weights is None else self._idf_weights[: self.vocabulary_size()].tolist()
        return {"vocabulary": self.get_vocabulary(), "idf_weights": weights, "has_input_vocabulary": False}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with the arguments that ``get_config`` gave.

        Raises:
            ValueError: when ``vocabulary`` is a path: a configuration opens no files.
        """
        refuse_path(config)
        return super().from_config({key: value for key, value in config.items() if key != "vocabulary_dtype"})

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        if self._tokens:
            text = json.dumps([self._from_token(token) for token in self._tokens]).encode()
            destination[f"{prefix}vocabulary"] = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        if self._idf_weights is not None:
            destination[f"{prefix}idf_weights"] = self._idf_weights

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        text, weights = (state_dict.pop(f"{prefix}{name}", None) for name in ("vocabulary", "idf_weights"))
        if text is not None:
            self._take([self._as_token(token) for token in json.loads(bytes(text.tolist()))])
        if weights is not None:
            self._idf_weights = weights.to(self.device)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def extra_repr(self) -> str:
        """The size of the vocabulary and the mode."""
        return f"{self.vocabulary_size()} tokens, output_mode={self.output_mode!r}, {super().extra_repr()}"
