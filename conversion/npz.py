"""``model.weights.npz`` of ``.keras`` archives: NumPy's archive of a dictionary for each layer, every one pickled.

NumPy would unpickle them, and so run whatever the file says. Here they are recorded as data (:mod:`pickle_record`), and
what looks like an array is one.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.arrays import NUMBER_TYPES, Array, SavedArray, widen_bfloat16
from torch_keras_lstm.conversion.pickle_record import Made, Name, PickleRecorder, made_inside

# NumPy's own reader of headers evaluates them as Python literals; Keras needs one header only.
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)\{'descr': '\|O', 'fortran_order': False, 'shape': \(\), \} *\n",
    re.DOTALL,
)
_ROOT = "__root__"
_SUFFIX = ".npy"


def is_npz(archive: KerasArchive) -> bool:
    """Whether the archive is NumPy's."""
    names = archive.names()
    return bool(names) and all(name.endswith(_SUFFIX) for name in names)


def npz_arrays(archive: KerasArchive) -> dict[str, SavedArray]:
    """The arrays of a NumPy archive that Keras wrote, under the paths that they would have in HDF5.

    ``layers/lstm/cell.npy`` holds ``{"0": ..., "1": ...}``, which is ``layers/lstm/cell/vars/0`` and ``.../1``.

    Raises:
        ValueError: when it is damaged, or holds anything but arrays of numbers in dictionaries.
    """
    recorder = PickleRecorder()
    arrays: dict[str, SavedArray] = {}
    for member in archive.names():
        place = member.removesuffix(_SUFFIX)
        what = f"Member {member!r}"
        record = recorder.record(_pickle(archive.read(member), what), what)
        seen: set[int] = (
            set()
        )  # of a member's weights together, which keeps a web of references from costing its square
        for name, value in _table(record, what).items():
            path = f"vars/{name}" if place == _ROOT else f"{place}/vars/{name}"
            arrays[path] = _saved_array(value, path, seen)
    return arrays


def _pickle(data: bytes, what: str) -> bytes:
    """What stands behind the header of a ``.npy`` file, which must announce one Python object."""
    header = _HEADER.match(data)
    if header is None:
        raise ValueError(f"{what} must be a NumPy file of one Python object, as Keras writes it.")
    return data[header.end() :]


def _table(record: Any, what: str) -> Mapping[str, Any]:
    """The dictionary in the pickled array of one object."""
    if _is_made_by(record, "_reconstruct") and _is_state(record.state) and record.state[1] == ():
        objects = record.state[4]
        if isinstance(objects, list) and len(objects) == 1 and isinstance(objects[0], dict):
            return objects[0]
    raise ValueError(f"{what} must hold one dictionary, as Keras writes it.")


def _saved_array(value: Any, path: str, seen: set[int]) -> SavedArray:
    """The one array in what stands for a weight: itself, or the value of a Keras ``Variable``."""
    if isinstance(value, Made) and isinstance(value.state, dict) and "_value" in value.state:
        value = value.state["_value"]
    found = [fields for made in made_inside(value, seen) if (fields := _array_fields(made)) is not None]
    if len(found) != 1:
        raise ValueError(
            f"Weight `{path}` of `model.weights.npz` must be one NumPy array, but {len(found)} are found in it. Load "
            "the model with the Keras that saved it and save it with weights in HDF5."
        )
    shape, kind, in_columns, data = found[0]
    order, name = _number_type(kind, path)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) and size >= 0 for size in shape):
        raise ValueError(f"Weight `{path}` has the shape {shape!r}, which is none.")
    stored = np.dtype(order + ("u2" if name == "bfloat16" else np.dtype(name).str[1:]))
    if not isinstance(data, bytes | bytearray) or math.prod(shape) * stored.itemsize != len(data):
        raise ValueError(f"Weight `{path}` of shape {shape} does not hold the bytes of {name} numbers.")
    return SavedArray(path, shape, name, _reader(shape, stored, bool(in_columns), data, name == "bfloat16"))


def _reader(
    shape: tuple[int, ...], stored: np.dtype[Any], in_columns: bool, data: bytes | bytearray, bfloat16: bool
) -> Callable[[], Array]:
    def read() -> Array:
        values = np.frombuffer(data, stored).reshape(shape, order="F" if in_columns else "C")
        values = values.astype(stored.newbyteorder("="))
        return widen_bfloat16(values) if bfloat16 else values

    return read


def _array_fields(made: Made) -> tuple[Any, Any, Any, Any] | None:
    """Shape, type, whether columns come first, and bytes, when ``made`` is an array of numbers."""
    state: Any = None
    if _is_made_by(made, "_reconstruct"):
        state = made.state
    elif _is_made_by(made, "_reconstruct_array") and len(made.args) > 2:  # JAX, around NumPy's own
        state = made.args[2]
    elif _is_made_by(made, "_frombuffer") and len(made.args) == 4:
        data, kind, shape, order = made.args
        return shape, kind, order == "F", data
    elif _is_made_by(made, "scalar") and len(made.args) == 2:
        return (), made.args[0], False, made.args[1]
    if not _is_state(state) or isinstance(state[4], list):
        return None
    _, shape, kind, in_columns, data = state
    return shape, kind, in_columns, data


# Where NumPy and JAX have kept the functions by which arrays are pickled.
_MAKERS = {
    "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),
    "scalar": ("numpy.core.multiarray", "numpy._core.multiarray"),
    "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),
    "_reconstruct_array": ("jax._src.array",),
}


def _is_made_by(value: Any, function: str) -> bool:
    modules = _MAKERS[function]
    return (
        isinstance(value, Made)
        and isinstance(value.maker, Name)
        and value.maker.name in {f"{module}.{function}" for module in modules}
    )


def _is_state(state: Any) -> bool:
    return isinstance(state, tuple) and len(state) == 5


def _number_type(kind: Any, path: str) -> tuple[str, str]:
    """The byte order and the name of a recorded ``numpy.dtype``."""
    if isinstance(kind, Made) and isinstance(kind.maker, Name) and kind.maker.name == "numpy.dtype" and kind.args:
        code = kind.args[0]
        order = kind.state[1] if isinstance(kind.state, tuple) and len(kind.state) > 1 else "<"
        if order in ("<", ">", "|", "="):
            if isinstance(code, Name) and code.name == "ml_dtypes.bfloat16":
                return order, "bfloat16"
            if isinstance(code, str) and re.fullmatch(r"[fiub][1248]", code):
                for name in _names_of(code):
                    return order, name
    raise ValueError(f"Weight `{path}` is not an array of numbers of a type that Keras saves.")


def _names_of(code: str) -> Iterator[str]:
    return (name for name in NUMBER_TYPES if np.dtype(name).str[1:] == code)
