"""HDF5 files as named, lazily read arrays, in pure Python: no native code sees a stranger's bytes.

Groups and datasets are reached through hard links alone: soft and external links, virtual datasets and external storage
would let a model file read other files of the machine, and are refused. An array's bytes are read only when somebody
who knows the shape it must have asks for them.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from torch_keras_lstm.conversion.arrays import NUMBER_TYPES, Array, SavedArray, widen_bfloat16
from torch_keras_lstm.conversion.hdf5_blocks import Blocks, Link, Message, Unread
from torch_keras_lstm.conversion.hdf5_values import Dataset, attributes, dataset
from torch_keras_lstm.conversion.mapped_file import MappedFile

MAX_OBJECTS = 100_000
MAX_DEPTH = 64
# Weights hardly compress. An array may claim this much out of however few bytes ...
FREE_BYTES = 16 * 2**20
# ... and beyond it this many times what the file stores of it.
MAX_RATIO = 100

_LIBRARY = (
    "The HDF5 library may read it, where you trust the file: `load_model(..., hdf5='h5py')`, on the command line "
    "`--hdf5 h5py`."
)

_GROUP_MESSAGES = (0x02, 0x06, 0x11)


class Hdf5File:
    """An HDF5 file open for reading; a context manager.

    Args:
        source: a path, or the whole file (a member of an archive) as bytes or mapped.

    Raises:
        OSError: when it cannot be opened, is not HDF5, or is truncated or damaged.
    """

    def __init__(self, source: Path | bytes | MappedFile) -> None:
        data = MappedFile(source) if isinstance(source, Path) else source
        self._blocks = Blocks(data)
        self._size = len(data)
        self._objects: dict[int, list[Message]] = {}
        self._groups: dict[int, dict[str, Link]] = {}
        with _told("open the file"):
            self._root = self._blocks.root()
            self._messages(self._root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The map lives as long as arrays that lie in it.
        self._blocks = Blocks(b"")

    def groups(self, group: str = "/") -> list[str]:
        """Names of the groups and arrays directly inside ``group``, in HDF5's alphabetical order."""
        return [name for name, _ in self._children(self._group(group), group)]

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
            for name, child in self._children(parent, f"{group}/{prefix}"):
                objects += 1
                if objects > MAX_OBJECTS:
                    raise ValueError(f"The HDF5 file has more than {MAX_OBJECTS} objects; at most that many are read.")
                path = f"{group.rstrip('/')}/{prefix}{name}"
                values = self._dataset(child, path)
                if values is None:
                    self._check_is_group(child, name)
                    pending.append((f"{prefix}{name}/", child, depth + 1))
                else:
                    found[prefix + name] = self._saved_array(values, child, f"/{path.lstrip('/')}")
        return found

    def _group(self, path: str) -> int:
        """The address of a group."""
        found = self._find(path)
        if found is None or not self._is_group(found):
            raise ValueError(f"The HDF5 file has no group `{path}`.")
        return found

    def _find(self, path: str) -> int | None:
        found = self._root
        for name in filter(None, path.split("/")):
            if not self._is_group(found):
                return None
            link = self._links(found, path).get(name)
            if link is None:
                return None
            found = _follow(name, link)
        return found

    def _children(self, group: int, path: str) -> Iterator[tuple[str, int]]:
        for name, link in sorted(self._links(group, path).items()):
            yield name, _follow(name, link)

    def _messages(self, address: int) -> list[Message]:
        if address not in self._objects:
            self._objects[address] = self._blocks.messages(address)
        return self._objects[address]

    def _is_group(self, address: int) -> bool:
        with _told("read a header"):
            return any(message.kind in _GROUP_MESSAGES for message in self._messages(address))

    def _check_is_group(self, address: int, name: str) -> None:
        if not self._is_group(address):
            raise ValueError(f"`{name}` is neither a group nor an array.")

    def _links(self, address: int, path: str) -> dict[str, Link]:
        if address not in self._groups:
            with _told(f"list the group `{path}`"):
                self._groups[address] = dict(self._blocks.links(self._messages(address)))
        return self._groups[address]

    def _attribute(self, group: str, attribute: str) -> Any:
        address = self._group(group)
        with _told(f"read attribute `{attribute}` of `{group}`"):
            return attributes(self._blocks, self._messages(address)).get(attribute)

    def _dataset(self, address: int, path: str) -> Dataset | None:
        with _told(f"read the header of `{path}`"):
            return dataset(self._blocks, self._messages(address))

    def _saved_array(self, values: Dataset, address: int, path: str) -> SavedArray:
        shape, kind = values.shape, values.type
        if values.is_elsewhere:
            raise ValueError(f"Array `{path}` keeps its values in other files, which are not opened.")
        if shape is None:
            raise ValueError(f"Array `{path}` is empty: it has a type, but no shape.")
        with _told(f"read the attributes of `{path}`"):
            mark = attributes(self._blocks, self._messages(address)).get("dtype")
        # Keras 3 marks bfloat16 with an attribute in its own formats, and leaves it bare in legacy files.
        bfloat16 = kind.numpy == np.dtype("V2") and (mark is None or _as_text(mark, "Attribute `dtype`") == "bfloat16")
        native = None if kind.numpy is None else kind.numpy.newbyteorder("=")
        if native is None or (not bfloat16 and native.name not in NUMBER_TYPES):
            raise ValueError(f"Array `{path}` holds {kind.name}, not numbers of a type that Keras saves.")
        claimed, stored = math.prod(shape) * kind.size, values.stored
        if stored > self._size or claimed > max(FREE_BYTES * bool(stored), MAX_RATIO * stored):
            held = min(stored, self._size)
            raise ValueError(
                f"Array `{path}` claims {claimed} bytes, but the file holds at most {held} of them; refused."
            )

        def numbers(found: Array) -> Array:
            return widen_bfloat16(found.view(np.uint16)) if bfloat16 else found.astype(native, copy=False)

        def read() -> Array:
            with _told(f"read array `{path}`"):
                found = values.read()
            return numbers(found)

        def pieces() -> Iterator[Array]:
            with _told(f"read array `{path}`"):
                yield from map(numbers, values.pieces())

        return SavedArray(path, shape, "bfloat16" if bfloat16 else native.name, read, pieces)


def _follow(name: str, link: Link) -> int:
    if link.kind != "hard":
        article = "an" if link.kind[0] in "ae" else "a"
        raise ValueError(f"`{name}` is {article} {link.kind} link, and links are not followed.")
    return link.address


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
def _told(action: str) -> Iterator[None]:
    # What the bytes of a damaged file lead to, where they are taken for what they are not.
    try:
        yield
    except Unread as error:
        raise ValueError(f"Cannot {action}: {error}. {_LIBRARY}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error) as error:
        raise OSError(f"Cannot {action}: it is not HDF5, or is truncated or damaged ({error}).") from None
