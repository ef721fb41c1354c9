"""The arrays of a file, under the names that the file gives them; none is read before its shape is known."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.sources import naming

NUMBER_TYPES = frozenset(
    [
        *("float16", "float32", "float64", "bool"),
        *("int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64"),
    ]
)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class SavedArray:
    """An array of the file that has not been read yet.

    Attributes:
        path: where it stands in the file, ``/model_weights/lstm/lstm/kernel:0``.
        shape: as the file declares it.
        dtype: NumPy's name of its type; "bfloat16" for the two-byte voids that Keras 3 writes.
        _read: gives the values.
        _pieces: gives them in pieces, from a file that can.
        kept_as: what the file has in place of these values, such as "int4"; empty for the values themselves.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    _read: Callable[[], Array]
    _pieces: Callable[[], Iterable[Array]] | None = None
    kept_as: str = ""

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    def read(self, shape: Sequence[int]) -> Array:
        """The values: floating-point as stored, bfloat16 widened to float32.

        Args:
            shape: what the model's configuration says the array must have.

        Raises:
            ValueError: when the file declares another shape; nothing is read then.
            OSError: when the file does not hold the bytes.
        """
        self._check(shape)
        return self._read()

    def pieces(self, shape: Sequence[int]) -> Iterable[Array]:
        """The values, some of the first axis after the others, where that takes less memory than :meth:`read`.

        Arguments and errors as there.
        """
        self._check(shape)
        return (self._read(),) if self._pieces is None else self._pieces()

    def as_another(self, read: Callable[[], Array], shape: tuple[int, ...] | None = None) -> "SavedArray":
        """The array with what ``read`` makes of its values, and another shape if that changes."""
        return SavedArray(self.path, self.shape if shape is None else shape, self.dtype, read)

    def _check(self, shape: Sequence[int]) -> None:
        if self.shape != tuple(shape):
            raise ValueError(f"Array `{self.path}` must have shape {tuple(shape)}, but has {self.shape}.")


def widen_bfloat16(halves: Array) -> Array:
    """The values of bfloat16 numbers, given as uint16: the upper halves of float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


class LayerOrder(Enum):
    """In which order a file lists the layers, which matters where it does not have their names."""

    MODEL = "that of the model"
    NAMES = "sorted by the names that they have in the model"
    UNKNOWN = "none that tells anything"


@dataclass(frozen=True)
class ArraysByLayer:
    """Arrays under the name of their layer, as in legacy HDF5.

    Attributes:
        layers: for each layer in the file's order, its arrays by the names that Keras gave its variables.
        unnamed: arrays that no list of names mentions.
        flipped_kernels: whether Keras ran on Theano, whose convolutions flip their kernels along the axes of space.
        order: that of the layers.
    """

    layers: Mapping[str, Mapping[str, SavedArray]]
    unnamed: tuple[SavedArray, ...]
    flipped_kernels: bool = False
    order: LayerOrder = LayerOrder.MODEL


@dataclass(frozen=True)
class ArraysByPath:
    """Arrays under a path of attributes, ``layers/lstm_1/cell/vars/0``, as in ``.keras`` and ``.weights.h5``.

    Attributes:
        root: the first part of every layer's path.
        paths: the arrays by path.
    """

    root: str
    paths: Mapping[str, SavedArray]


Arrays = ArraysByLayer | ArraysByPath


@dataclass(frozen=True)
class Weights:
    """The arrays of a file.

    Attributes:
        container: the kind of file, for the report.
        arrays: those of the model, not read yet.
        left: how many there are of what else a training run leaves behind, such as ``{"optimizer": 13}``.
        keras_version: as the file gives it, which few do.
        optimizer: the arrays that an optimizer kept, in its order.
        optimizer_fault: why they are not in an order; empty where they are.
        optimizer_by_name: the same of a file that has no order, by their names without that of the optimizer.
        vocabularies: the members of an archive that hold the tokens of text layers, by their names.
        idf_weights: how much each token counts, by path.
        source: the file.
    """

    container: str
    arrays: Arrays
    left: Mapping[str, int]
    keras_version: str | None = None
    optimizer: Sequence[SavedArray] = ()
    optimizer_fault: str = ""
    optimizer_by_name: Mapping[str, SavedArray] = field(default_factory=dict)
    vocabularies: Mapping[str, bytes] = field(default_factory=dict)
    idf_weights: Mapping[str, SavedArray] = field(default_factory=dict)
    source: Path | None = None

    def naming(self) -> AbstractContextManager[None]:
        """Inside, errors begin with the name of the file that the arrays stand in."""
        return nullcontext() if self.source is None else naming(self.source)
