"""What ``model.save(folder, zipped=False)`` of Keras 3 writes: the members of a ``.keras`` archive as files."""

import os
from pathlib import Path

from torch_keras_lstm.conversion.archive import MAX_TEXT_BYTES
from torch_keras_lstm.conversion.mapped_file import MappedFile

_MEMBERS = ("metadata.json", "config.json")


class KerasFolder:
    """A folder with the members of a ``.keras`` archive, read as :class:`KerasArchive` is; links are not followed."""

    def __init__(self, path: Path) -> None:
        self._members = {entry.name: entry for entry in path.iterdir()}

    def names(self) -> list[str]:
        """The names of what stands in the folder."""
        return list(self._members)

    def read_text(self, name: str) -> bytes:
        """The bytes of a member that holds JSON, which is never large."""
        size = self._file(name).stat().st_size
        if size > MAX_TEXT_BYTES:
            raise ValueError(f"Member {name!r} has {size} bytes; at most {MAX_TEXT_BYTES} are read.")
        return self.read(name)

    def view(self, name: str) -> MappedFile:
        """The bytes of a member, mapped; errors as :meth:`read`."""
        return MappedFile(self._file(name))

    def read(self, name: str) -> bytes:
        """The bytes of a member.

        Raises:
            ValueError: when it is missing, or no file.
        """
        return self._file(name).read_bytes()

    def vocabularies(self) -> dict[str, bytes]:
        """The files that hold the vocabularies of text layers, by their names in an archive."""
        assets = self._members.get("assets")
        if assets is None or assets.is_symlink():
            return {}
        found = {}
        for folder, _, files in os.walk(assets):  # which follows no links
            path = Path(folder) / "vocabulary.txt"
            if path.name in files and path.is_file() and not path.is_symlink():
                if path.stat().st_size > MAX_TEXT_BYTES:
                    raise ValueError(f"{path.relative_to(assets.parent)} has more than {MAX_TEXT_BYTES} bytes.")
                found[path.relative_to(assets.parent).as_posix()] = path.read_bytes()
        return found

    def _file(self, name: str) -> Path:
        path = self._members.get(name)
        if path is None or path.is_symlink() or not path.is_file():
            raise ValueError(f"The folder has no file {name!r}, or a link in its place, and links are not followed.")
        return path


def is_keras_folder(path: Path) -> bool:
    """Whether the folder is a model that Keras did not zip."""
    return all((path / name).is_file() for name in _MEMBERS)
