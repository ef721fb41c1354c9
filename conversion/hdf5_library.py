"""HDF5 files through the HDF5 library, for what ``hdf5.py`` does not read: only where the caller asks for it.

The library is native code, which is not proof against damaged files. It reads the file, and what it has read is written
into a plain file in memory, which is then read as any other.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from torch_keras_lstm.conversion.hdf5 import Hdf5File
from torch_keras_lstm.conversion.mapped_file import MappedFile

Library = Literal["h5py"] | None
MAX_DEPTH = 64
_ASKED: ContextVar[bool] = ContextVar("h5py reads HDF5", default=False)


@contextmanager
def hdf5_by(library: Library) -> Iterator[None]:
    """Inside, ``"h5py"`` has the HDF5 library read HDF5 files, with ``hdf5plugin``'s filters where that is installed.

    For filters such as scale and offset, n-bit or Blosc, and types shared between objects, in files that you trust.
    ``None`` changes nothing.

    Raises:
        ValueError: for anything else.
    """
    if library not in (None, "h5py"):
        raise ValueError(f"`hdf5` must be 'h5py', for files that you trust, or None, got {library!r:.200}.")
    token = _ASKED.set(library is not None or _ASKED.get())
    try:
        yield
    finally:
        _ASKED.reset(token)


def open_hdf5(source: Path | bytes | MappedFile) -> Hdf5File:
    """The file, as :class:`Hdf5File` opens it; errors are the same."""
    return Hdf5File(_plain(source) if _ASKED.get() else source)


def _plain(source: Path | bytes | MappedFile) -> bytes:
    import h5py

    if find_spec("hdf5plugin") is not None:
        import hdf5plugin  # noqa: F401 - makes its filters known

    into = io.BytesIO()
    try:
        with (
            h5py.File(source if isinstance(source, Path) else io.BytesIO(source[:])) as file,
            h5py.File(into, "w", libver="v110") as plain,
        ):
            _copy(file, plain, MAX_DEPTH)
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        raise OSError(f"The HDF5 library cannot read the file: {' '.join(str(error).split())}.") from None
    return into.getvalue()


def _copy(group: Any, into: Any, depth: int) -> None:
    import h5py

    if depth == 0:
        raise ValueError(f"Groups are nested more than {MAX_DEPTH} deep.")
    for name, value in group.attrs.items():
        into.attrs[name] = value
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"`{group.name.rstrip('/')}/{name}` is a link, and links are not followed.")
        inner = group[name]
        if isinstance(inner, h5py.Group):
            _copy(inner, into.create_group(name), depth - 1)
        elif isinstance(inner, h5py.Dataset):
            if inner.is_virtual or inner.external:
                raise ValueError(f"The numbers of `{inner.name}` stand in another file, which is not opened.")
            copied = into.create_dataset(name, data=inner[()], dtype=inner.dtype)
            for attribute, value in inner.attrs.items():
                copied.attrs[attribute] = value
