"""HDF5 files as named, lazily read arrays. Only this module and write_hdf5 import h5py.

Groups and datasets are reached through hard links alone: soft and external links, virtual datasets and external storage
would let a model file read other files of the machine (CVE-2026-1669), and are refused. An array's bytes
are read only when somebody who knows the shape it must have asks for them (CVE-2026-0897).
"""

import io
import math
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from torch_keras_lstm.conversion import global_heap
from torch_keras_lstm.conversion.arrays import NUMBER_TYPES, Array, SavedArray, widen_bfloat16

MAX_OBJECTS = 100_000
MAX_DEPTH = 64
# Weights hardly compress. An array may claim this much out of however few bytes ...
FREE_BYTES = 16 * 2**20
# ... and beyond it this many times what the file stores of it.
MAX_RATIO = 100


class Hdf5File:
    """An HDF5 file open for reading; a context manager.

    Args:
        source: a path, or the whole file as bytes (a member of an archive).

    Raises:
        OSError: when it cannot be opened, is not HDF5, or is truncated or damaged.
    """

    def __init__(self, source: Path | bytes) -> None:
        self._bytes = _check_heaps(source)
        with _without_h5py_errors("open the file"):
            self._file = h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def groups(self, group: str = "/") -> list[str]:
        """Names of the groups and arrays directly inside ``group``, in HDF5's alphabetical order."""
        return [name for name, _ in self._children(self._group(group))]

    def has(self, path: str) -> bool:
        """Whether something stands at ``path``, reached through hard links."""
        return self._find(path) is not None

    def text(self, attribute: str, group: str = "/") -> str | None:
        """A string attribute, stored as bytes or as text; ``None`` when the group has none of that name."""
        value = self._attribute(group, attribute)
        if value is None:
            return None
        return _as_text(value, f"Attribute `{attribute}` of `{group}`")

    def names(self, attribute: str, group: str = "/") -> list[str] | None:
        """A list of strings in an attribute, or in ``attribute0``, ``attribute1``, ... where Keras splits a long one.

        ``None`` when neither is there.
        """
        whole = self._attribute(group, attribute)
        chunks = [] if whole is None else [whole]
        if whole is None:
            while (chunk := self._attribute(group, f"{attribute}{len(chunks)}")) is not None:
                chunks.append(chunk)
        if not chunks:
            return None
        where = f"Attribute `{attribute}` of `{group}`"
        names: list[str] = []
        for chunk in chunks:
            if not isinstance(chunk, np.ndarray) or chunk.ndim != 1:
                raise ValueError(f"{where} must be a list of names.")
            names += [_as_text(name, where) for name in chunk.tolist()]
        return names

    def number(self, attribute: str, group: str = "/") -> int | None:
        """A count in an attribute; ``None`` when the group has none of that name."""
        value = self._attribute(group, attribute)
        if value is None:
            return None
        count = value.item() if isinstance(value, np.generic | np.ndarray) and value.size == 1 else value
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MAX_OBJECTS:
            raise ValueError(f"Attribute `{attribute}` of `{group}` must count up to {MAX_OBJECTS}, got {value!r}.")
        return count

    def arrays(self, group: str = "/") -> dict[str, SavedArray]:
        """Every array below ``group`` by its path relative to it, none of them read.

        Raises:
            ValueError: for links that are not hard, virtual or external storage, types that are not numbers.
        """
        found: dict[str, SavedArray] = {}
        pending = [("", self._group(group), 0)]
        objects = 0
        while pending:
            prefix, parent, depth = pending.pop()
            if depth > MAX_DEPTH:
                raise ValueError(f"Groups in the HDF5 file are nested more than {MAX_DEPTH} deep at `{prefix}`.")
            for name, child in self._children(parent):
                objects += 1
                if objects > MAX_OBJECTS:
                    raise ValueError(f"The HDF5 file has more than {MAX_OBJECTS} objects; at most that many are read.")
                if isinstance(child, h5py.Group):
                    pending.append((f"{prefix}{name}/", child, depth + 1))
                else:
                    found[prefix + name] = _saved_array(child, self._bytes)
        return found

    def _group(self, path: str) -> h5py.Group:
        found = self._find(path)
        if not isinstance(found, h5py.Group):
            raise ValueError(f"The HDF5 file has no group `{path}`.")
        return found

    def _find(self, path: str) -> Any:
        with _without_h5py_errors("read the root group"):
            found: Any = self._file["/"]
        for name in filter(None, path.split("/")):
            if not isinstance(found, h5py.Group):
                return None
            with _without_h5py_errors(f"read `{path}`"):
                link = found.get(name, getlink=True)
            if link is None:
                return None
            found = _follow(found, name, link)
        return found

    def _children(self, group: h5py.Group) -> Iterator[tuple[str, Any]]:
        with _without_h5py_errors("list a group"):
            links = [(name, group.get(name, getlink=True)) for name in group]
        for name, link in links:
            yield name, _follow(group, name, link)

    def _attribute(self, group: str, attribute: str) -> Any:
        attributes = self._group(group).attrs
        with _without_h5py_errors(f"read attribute `{attribute}` of `{group}`"):
            return attributes.get(attribute)


def _check_heaps(source: Path | bytes) -> int:
    """The size of the file, once its heaps are known to be sound."""
    if isinstance(source, bytes):
        global_heap.check(source)
        return len(source)
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                global_heap.check(data)
    return size


def _follow(group: h5py.Group, name: str, link: object) -> Any:
    if not isinstance(link, h5py.HardLink):
        kind = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(link).__name__).lower()
        raise ValueError(f"`{name}` is {'an' if kind[0] in 'aeiou' else 'a'} {kind}, and links are not followed.")
    with _without_h5py_errors(f"read `{name}`"):
        child = group[name]
    if not isinstance(child, h5py.Group | h5py.Dataset):
        raise ValueError(f"`{name}` is neither a group nor an array.")
    return child


def _saved_array(dataset: h5py.Dataset, file_bytes: int) -> SavedArray:
    with _without_h5py_errors("read the header of an array"):
        path, shape, kind = dataset.name, dataset.shape, dataset.dtype
        virtual, external = dataset.is_virtual, dataset.external
        stored = dataset.id.get_storage_size()
        mark = dataset.attrs.get("dtype")
    if virtual or external:
        raise ValueError(f"Array `{path}` keeps its values in other files, which are not opened.")
    if shape is None:
        raise ValueError(f"Array `{path}` is empty: it has a type, but no shape.")
    # Keras 3 marks bfloat16 with an attribute in its own formats, and leaves it bare in legacy files.
    bfloat16 = kind == np.dtype("V2") and (mark is None or _as_text(mark, "Attribute `dtype`") == "bfloat16")
    if not bfloat16 and kind.newbyteorder("=").name not in NUMBER_TYPES:
        raise ValueError(f"Array `{path}` holds {kind}, not numbers of a type that Keras saves.")
    claimed = math.prod(shape) * kind.itemsize
    if stored > file_bytes or claimed > max(FREE_BYTES * bool(stored), MAX_RATIO * stored):
        held = min(stored, file_bytes)
        raise ValueError(f"Array `{path}` claims {claimed} bytes, but the file holds at most {held} of them; refused.")

    def read() -> Array:
        with _without_h5py_errors(f"read array `{path}`"):
            values: Array = np.asarray(dataset[()])
        if bfloat16:
            return widen_bfloat16(values.view(np.uint16))
        return values.astype(kind.newbyteorder("="), copy=False)

    return SavedArray(path, shape, "bfloat16" if bfloat16 else kind.newbyteorder("=").name, read)


def _as_text(value: object, where: str) -> str:
    if isinstance(value, np.ndarray) and value.shape in ((), (1,)):
        value = value.item()
    if isinstance(value, np.bytes_ | bytes):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError(f"{where} is not UTF-8 text.") from None
    if isinstance(value, str):
        return str(value)
    raise ValueError(f"{where} must be text, got {type(value).__name__}.")


@contextmanager
def _without_h5py_errors(action: str) -> Iterator[None]:
    # Damage surfaces in h5py as almost any exception, depending on the structure it hits; nothing else runs inside.
    try:
        yield
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise OSError(f"Cannot {action}: it is not HDF5, or is truncated or damaged ({reason[:200]}).") from None
