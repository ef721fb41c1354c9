"""Arrays of strings, which torch has none of: what stands in the place of a tensor where a layer takes text."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[Any]]

#: the type of such an array, beside torch's types
STRING = "string"


class Strings:
    """Strings (as UTF-8 bytes, as TensorFlow has them) of any shape, with as much of a tensor's face as models need.

    They stay on the CPU. ``numpy()`` gives an array of ``bytes`` objects, ``tolist()`` Python strings.
    """

    dtype = STRING
    device = torch.device("cpu")

    def __init__(self, values: Array) -> None:
        self._values = values

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        shape: tuple[int, ...] = self._values.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._values.ndim

    def is_floating_point(self) -> bool:
        """They are no numbers."""
        return False

    def to(self, *args: Any, **kwargs: Any) -> "Strings":
        """These strings: they have no device and one type."""
        return self

    detach = cpu = to

    def numpy(self) -> Array:
        """An array of ``bytes`` objects."""
        return self._values

    def tolist(self) -> Any:
        """Nested lists of Python strings, one string when there are no axes."""
        texts = np.empty(self.shape, object)
        texts.reshape(-1)[:] = [value.decode("utf-8", "replace") for value in self.flat()]
        return texts.tolist()

    def flat(self) -> list[bytes]:
        """All strings in their order."""
        found: list[bytes] = self._values.reshape(-1).tolist()
        return found

    def reshape(self, *shape: int) -> "Strings":
        """The same strings in another shape."""
        return Strings(self._values.reshape(shape))

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> "Strings":
        chosen = self._values[index.cpu().numpy() if isinstance(index, torch.Tensor) else index]
        return Strings(chosen if isinstance(chosen, np.ndarray) else _objects(chosen))

    def __iter__(self) -> Iterator["Strings"]:
        return (self[index] for index in range(len(self)))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self._values if dtype is None else self._values.astype(dtype)

    def __str__(self) -> str:
        return str(self.tolist())

    def __repr__(self) -> str:
        return f"Strings({self.tolist()!r}, shape={self.shape})"


def is_strings(value: object) -> bool:
    """Whether ``value`` is a string, an array of strings, or a list of such, by its first entry."""
    if isinstance(value, torch.Tensor):
        return False
    while isinstance(value, list | tuple) and value:
        value = value[0]
    if isinstance(value, str | bytes | Strings):
        return True
    dtype = getattr(value, "dtype", None)
    if getattr(dtype, "name", None) == STRING:  # a tensor of TensorFlow's
        return True
    if not isinstance(value, np.ndarray):
        return False
    first = value.reshape(-1)[:1].tolist() if value.dtype.kind == "O" else []
    return value.dtype.kind in "SUT" or (bool(first) and isinstance(first[0], str | bytes))


def as_strings(value: Any, encoding: str = "utf-8") -> Strings:
    """``value`` as an array of strings.

    Args:
        value: strings or bytes: one, nested lists of them, or an array.
        encoding: of the Python strings in it.

    Raises:
        TypeError: when there is something else in it, or nothing yet, in a graph of TensorFlow's.
        ValueError: for lists of different lengths.
    """
    if isinstance(value, Strings):
        return value
    if isinstance(value, str | bytes):
        return Strings(_objects(as_bytes(value, encoding)))
    try:
        array = (
            np.array([one.numpy() if isinstance(one, Strings) else one for one in value], object)
            if (isinstance(value, list | tuple))
            else np.asarray(value)
        )
    except ValueError:
        raise ValueError("Texts in lists must have one length along each axis.") from None
    except NotImplementedError:  # TensorFlow's of a tensor without numbers, in a graph that it traces
        raise TypeError(
            "Texts inside a graph of TensorFlow's, such as in `map` of a `tf.data.Dataset`, cannot be read: iterate "
            "over the data set, or use `torch_keras_lstm.preprocessing.Dataset.from_tensor_slices(...).map(...)`."
        ) from None
    array = array.astype(object)
    flat = np.empty(array.size, object)
    for index, one in enumerate(array.reshape(-1).tolist()):
        if isinstance(one, list | tuple):
            raise ValueError("Texts in lists must have one length along each axis: pad them with empty ones.")
        flat[index] = as_bytes(one, encoding)
    return Strings(flat.reshape(array.shape))


def as_bytes(value: object, encoding: str = "utf-8") -> bytes:
    """A string as bytes.

    Raises:
        TypeError: for anything else.
    """
    if isinstance(value, bytes):
        return bytes(value)
    if isinstance(value, str):
        return str(value).encode(encoding)
    raise TypeError(f"Expected strings, got {value!r:.100} of type {type(value).__name__}.")


def texts(values: Sequence[bytes] | Array, shape: tuple[int, ...], encoding: str = "utf-8") -> Array:
    """Strings as NumPy's own, of a shape, for functions of the user's."""
    decoded = [value.decode(encoding) if isinstance(value, bytes) else str(value) for value in values]
    return np.array(decoded, dtype=np.str_).reshape(shape)


def _objects(value: bytes) -> Array:
    array = np.empty((), object)
    array[()] = value
    return array
