"""What a path holds, told by its first bytes and by what stands beside it; its name is not trusted."""

from pathlib import Path

from torch_keras_lstm.conversion.keras_folder import is_keras_folder
from torch_keras_lstm.conversion.orbax import is_orbax
from torch_keras_lstm.conversion.tfjs import is_tfjs

MAX_TEXT_BYTES = 64 * 2**20

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ZIP_SIGNATURE = b"PK\x03\x04"
_TABLE_SIGNATURE = bytes.fromhex("57fb808b247547db")  # the last bytes of a TensorFlow checkpoint's index
_LFS_POINTER = b"version https://git-lfs"
_PAGE = (b"<!doctype", b"<html", b"<head", b"<?xml")
_YAML_SUFFIXES = (".yaml", ".yml")


def file_kind(path: Path) -> str:
    """One of "hdf5", "keras", "keras folder", "json", "tfjs", "yaml", "savedmodel", "orbax" and "checkpoint".

    Args:
        path: a file, a folder, or the prefix that TensorFlow gives a checkpoint's files.

    Raises:
        ValueError: when it is none of them.
        OSError: when it cannot be opened.
    """
    if path.is_dir():
        return _folder_kind(path)
    # TensorFlow keeps a note of the last checkpoint in a file `checkpoint`, which may be the prefix as well.
    if (not path.exists() or path.name == "checkpoint") and path.with_name(f"{path.name}.index").is_file():
        return "checkpoint"
    with path.open("rb") as file:
        start = file.read(64)
        if not start:
            raise ValueError("The file is empty.")
        file.seek(-min(path.stat().st_size, len(_TABLE_SIGNATURE)), 2)
        end = file.read()
    if start.startswith(_HDF5_SIGNATURE):
        return "hdf5"
    if start.startswith(_ZIP_SIGNATURE):
        return "keras"
    if end == _TABLE_SIGNATURE:
        return "checkpoint"
    return _text_kind(path, start)


def checkpoint_prefix(path: Path) -> Path:
    """The prefix of a TensorFlow checkpoint, given by it, by the index file, or by the folder that holds only this one.

    Raises:
        ValueError: when the folder holds several.
    """
    if not path.is_dir():
        return path.with_suffix("") if path.is_file() else path
    found = sorted(path.glob("*.index"))
    if len(found) > 1:
        listed = ", ".join(repr(str(index.with_suffix(""))) for index in found)
        raise ValueError(f"The folder holds {len(found)} checkpoints. Give the prefix of one: {listed}.")
    return found[0].with_suffix("")


def _folder_kind(path: Path) -> str:
    if (path / "saved_model.pb").exists():
        return "savedmodel"
    if is_keras_folder(path):
        return "keras folder"
    if is_orbax(path):
        return "orbax"
    if any(path.glob("*.index")):
        return "checkpoint"
    raise ValueError(
        "The folder is not a model: one that `torch-keras-lstm convert` wrote has a `config.json`, a SavedModel has a "
        "`saved_model.pb`. Of a model of TF.js' give the `model.json`."
    )


def _text_kind(path: Path, start: bytes) -> str:
    if start.startswith(_LFS_POINTER):
        raise ValueError("This is a pointer of Git LFS in the place of the file itself: `git lfs pull` brings that.")
    if start.lstrip().lower().startswith(_PAGE):
        raise ValueError("This is a page of a web site, such as the error that a download ended in, not a model.")
    kind = "json" if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b'"{')) else "yaml"
    if kind == "yaml" and path.suffix not in _YAML_SUFFIXES:
        raise ValueError(
            "This is not a Keras model: it is neither HDF5 (`.h5`), nor a zip archive (`.keras`), nor JSON, nor a "
            "SavedModel folder or TensorFlow checkpoint."
        )
    if path.stat().st_size > MAX_TEXT_BYTES:
        raise ValueError(f"A model's {kind.upper()} has at most {MAX_TEXT_BYTES} bytes.")
    return "tfjs" if kind == "json" and is_tfjs(path.read_bytes()) else kind
