"""Pickled weights in ``model.weights.npz``; those of Keras' own are in tests/parity."""

import pickle
import sys
import types
import zipfile
from collections import UserDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversion.handmade import Array
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.npz import is_npz, npz_arrays


def npz(path: Path, **members: Any) -> KerasArchive:
    np.savez(path, **members)
    return KerasArchive(path)


def with_pickle(
    path: Path, data: bytes, header: str = "{'descr': '|O', 'fortran_order': False, 'shape': (), }"
) -> Path:
    """An archive of one member, a NumPy file with ``data`` behind its header."""
    text = header.encode() + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("layers/d.npy", b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data)
    return path


def pickled(table: Any, protocol: int = 4) -> bytes:
    """What NumPy makes of ``np.array(table, object)``."""
    holder = np.empty((), object)
    holder[()] = table
    return pickle.dumps(holder, protocol)


KINDS = ["float16", "float32", "float64", "int8", "int64", "uint8", "uint32", "bool"]


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_of_every_type_and_layout(tmp_path: Path, kind: str) -> None:
    values = (np.random.default_rng(3).normal(size=(3, 4, 5)) * 9).astype(kind)
    table: dict[str, Array] = {
        "rows": values,
        "columns": np.asfortranarray(values),
        "part": values[::2, 1:],
        "big": values.astype(values.dtype.newbyteorder(">")),
        "number": values[0, 0, 0],
        "empty": values[:0],
    }
    with npz(tmp_path / "m.npz", **{"layers/d": table, "__root__": {}}) as archive:
        assert is_npz(archive)
        found = npz_arrays(archive)
    assert found.keys() == {f"layers/d/vars/{name}" for name in table}
    for name, array in table.items():
        saved = found[f"layers/d/vars/{name}"]
        assert (saved.shape, saved.dtype) == (array.shape, kind)
        read = saved.read(array.shape)
        assert np.array_equal(read, array)
        assert read.dtype.isnative


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_arrays_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    values = np.random.default_rng(3).normal(size=(3, 4))
    table: dict[str, Any] = {"0": values, "1": values.T.copy(order="F"), "2": np.float32(2.5)}
    with KerasArchive(with_pickle(tmp_path / "m.npz", pickled(table, protocol))) as archive:
        found = npz_arrays(archive)
    for name, array in table.items():
        assert np.array_equal(found[f"layers/d/vars/{name}"].read(np.shape(array)), array)


def test_arrays_of_jax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAX puts a function of its own around what NumPy's arrays are made of."""
    for name in ("jax", "jax._src", "jax._src.array"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setattr(sys.modules["jax._src.array"], "_reconstruct_array", _reconstruct_array, raising=False)
    monkeypatch.setattr(_reconstruct_array, "__module__", "jax._src.array")
    values = np.random.default_rng(3).normal(size=(3, 4))
    path = with_pickle(tmp_path / "m.npz", pickled({"0": Variable(JaxArray(values))}))
    with KerasArchive(path) as archive:
        assert np.array_equal(npz_arrays(archive)["layers/d/vars/0"].read((3, 4)), values)


def _reconstruct_array(*args: Any) -> None:
    raise AssertionError(args)


@dataclass
class JaxArray:
    values: Array

    def __reduce__(self) -> Any:
        return _reconstruct_array, (*self.values.__reduce__(), {"weak_type": False})


class Variable:
    """As Keras' own: its state is a dictionary, the array in ``_value``, and other arrays may stand beside it."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._initializer = np.zeros(3)


def test_a_variable_of_keras_is_its_value(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=(3, 4))
    with KerasArchive(with_pickle(tmp_path / "m.npz", pickled({"0": Variable(values)}))) as archive:
        assert np.array_equal(npz_arrays(archive)["layers/d/vars/0"].read((3, 4)), values)


def never_called(text: str) -> None:
    raise AssertionError(text)


class Call:
    def __reduce__(self) -> Any:
        return never_called, ("a pickle's call was made",)


@pytest.mark.parametrize("where", ["table", "weight", "shape"])
def test_a_call_is_not_made(tmp_path: Path, where: str) -> None:
    call = Call()
    table: Any = {"table": call, "weight": {"0": call}, "shape": {"0": Variable([call, np.zeros(2)])}}[where]
    with KerasArchive(with_pickle(tmp_path / "m.npz", pickled(table))) as archive:
        if where == "shape":
            assert npz_arrays(archive)["layers/d/vars/0"].shape == (2,)
        else:
            with pytest.raises(ValueError, match=r"must hold one dictionary|must be one NumPy array, but 0 are"):
                npz_arrays(archive)


class Claim:
    """An array's pickle with a shape and a type of one's own choice."""

    def __init__(self, shape: Any, kind: Any = None, data: Any = bytes(16)) -> None:
        self.state = (1, shape, np.dtype("f8") if kind is None else kind, False, data)

    def __reduce__(self) -> Any:
        reduced: Any = np.zeros(2).__reduce__()
        function, args, _ = reduced
        return function, args, self.state


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (Claim((2**40,)), r"`layers/d/vars/0` of shape \(1099511627776,\) does not hold the bytes of float64 numbers"),
        (Claim((2**62, 2**62, 0)), "does not hold the bytes"),
        (Claim((-1, -2)), r"has the shape \(-1, -2\), which is none"),
        (Claim("ab"), "has the shape 'ab', which is none"),
        (Claim((2,), data="x" * 16), "does not hold the bytes"),
        (Claim((2,), np.dtype("V8")), "is not an array of numbers of a type that Keras saves"),
        (Claim((2,), np.dtype("M8[s]")), "is not an array of numbers"),
        (Claim((2,), "f8"), "is not an array of numbers"),
        (Claim((2,), data=[1.0, 2.0]), "must be one NumPy array, but 0 are found"),
        ([np.zeros(2), np.zeros(3)], "must be one NumPy array, but 2 are found"),
        (3.5, "must be one NumPy array, but 0 are found in it. Load the model with the Keras that saved it"),
        (UserDict(a=1), "must be one NumPy array"),
    ],
)
def test_what_is_no_array_is_refused(tmp_path: Path, weight: Any, message: str) -> None:
    archive = KerasArchive(with_pickle(tmp_path / "m.npz", pickled({"0": weight})))
    with archive, pytest.raises(ValueError, match=message):
        npz_arrays(archive)


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
        "{'descr': '|O', 'shape': (), }",
        "dict(descr='|O', fortran_order=False, shape=())",
        "(" * 300,
    ],
)
def test_headers_that_keras_does_not_write(tmp_path: Path, header: str) -> None:
    archive = KerasArchive(with_pickle(tmp_path / "m.npz", pickled({}), header))
    with archive, pytest.raises(ValueError, match=r"Member 'layers/d\.npy' must be a NumPy file of one Python object"):
        npz_arrays(archive)


def test_a_truncated_pickle_is_refused_at_every_length(tmp_path: Path) -> None:
    good = pickled({"0": np.arange(4.0)})
    for length in range(len(good)):
        archive = KerasArchive(with_pickle(tmp_path / "m.npz", good[:length]))
        with archive, pytest.raises(ValueError, match=r"^Member 'layers/d\.npy' is "):
            npz_arrays(archive)
