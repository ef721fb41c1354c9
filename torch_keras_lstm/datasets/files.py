"""Where the files of data sets are, and what is in them. Pickles are read as arrays and numbers, of nothing else."""

import io
import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.utils.file_cache import keras_home

Array = np.ndarray[Any, np.dtype[Any]]
Pair = tuple[Any, Any]

_TF_KERAS = "https://storage.googleapis.com/tensorflow/tf-keras-datasets"

# all that NumPy's arrays in pickles are made of
_ALLOWED = {
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "scalar"),
    ("_codecs", "encode"),
    ("builtins", "list"),
}


def find(path: str | Path, origin: str = "", folder: str = "datasets") -> Path:
    """The file of that name in Keras' folder, or at that path.

    Args:
        path: a name, or a path that is taken as it is.
        origin: where it can be had; by default from Keras' own address.
        folder: under Keras' home.

    Raises:
        FileNotFoundError: when it is not there, saying where to put it.
    """
    given = Path(path).expanduser()
    place = keras_home() / folder / given
    for candidate in (place, given) if given.name == str(given) else (given,):
        if candidate.exists():
            return candidate
    place = place if given.name == str(given) else given
    raise FileNotFoundError(
        f"{place} is missing: nothing is downloaded here. Get it from {origin or f'{_TF_KERAS}/{given.name}'} and put "
        "it there."
    )


def arrays_of(path: Path) -> Mapping[str, Array]:
    """The arrays in an ``.npz`` file; those of lists are read without running what a pickle names.

    Raises:
        ValueError: when it is damaged, or holds anything but arrays, numbers and lists.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".npy")]
            return {name.removesuffix(".npy"): _array(io.BytesIO(archive.read(name))) for name in names}
    except (zipfile.BadZipFile, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: is no file of arrays, or damaged ({error}).") from None


def _array(file: io.BytesIO) -> Array:
    version = np.lib.format.read_magic(file)
    read: Callable[[Any], Any] = (
        np.lib.format.read_array_header_1_0 if version == (1, 0) else (np.lib.format.read_array_header_2_0)
    )
    shape, fortran_order, dtype = read(file)
    if dtype.hasobject:
        found: Array = unpickled(file)
        return found.reshape(shape)
    values = np.frombuffer(file.read(), dtype).copy()
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return super().find_class(module, name)


def unpickled(file: Any) -> Any:
    """What a pickle holds, if it is arrays, numbers, strings, and lists and dictionaries of them.

    Raises:
        UnpicklingError: when it names anything else.
    """
    return _Unpickler(file, encoding="bytes").load()


def parted(path: Path, test_split: float, seed: int, samples: int | None = None) -> tuple[Pair, Pair]:
    """``x`` and ``y`` of a file in an order drawn from ``seed``, in a part to train on and one to test on.

    Raises:
        ValueError: unless ``test_split`` lies in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"`test_split` must be at least 0 and less than 1, got {test_split}.")
    arrays = arrays_of(path)
    x, y = arrays["x"][:samples], arrays["y"][:samples]
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    first = int(len(x) * (1 - test_split))
    return (x[:first], y[:first]), (x[first:], y[first:])


def shuffled(x: Array, y: Array, generator: np.random.RandomState) -> tuple[Any, Any]:
    """Both in one order."""
    order = np.arange(len(x))
    generator.shuffle(order)
    return x[order], y[order]
