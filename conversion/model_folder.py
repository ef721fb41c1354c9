"""A folder of Keras model files: which of them are models, and what became of each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch_keras_lstm.conversion import saved_model
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.build import CustomObjects
from torch_keras_lstm.conversion.converted_folder import is_converted
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.keras_folder import is_keras_folder
from torch_keras_lstm.conversion.loading import PathLike, convert
from torch_keras_lstm.conversion.report import Report


@dataclass(frozen=True)
class FileConversion:
    """What became of a model file.

    Attributes:
        path: the file.
        directory: where the converted model is, or would be.
        report: on the converted model; ``None`` when there is none.
        problem: why there is none; ``None`` when there is one.
    """

    path: Path
    directory: Path
    report: Report | None
    problem: str | None


def model_files(folder: PathLike) -> list[Path]:
    """The models below ``folder``, sorted: HDF5 files, ``.keras`` archives, architectures, and SavedModel folders.

    What a file is, its content tells, not its name. HDF5 files count whatever they hold, and so do damaged archives;
    other zip archives and other JSON do not.
    """
    found = []
    for path in sorted(Path(folder).rglob("*")):
        if path.name == saved_model.GRAPH or is_keras_folder(path):
            found.append(path.parent if path.name == saved_model.GRAPH else path)
        elif path.is_file() and not is_keras_folder(path.parent) and _is_model(path):
            found.append(path)
    return found


def convert_all(
    folder: PathLike,
    paths: Sequence[Path],
    directory: PathLike,
    force: bool = False,
    custom_objects: CustomObjects | None = None,
) -> Iterator[FileConversion]:
    """Convert models one after the other; one that cannot be converted does not stop the others.

    Args:
        folder: what ``paths`` are below of.
        paths: as :func:`model_files` lists them.
        directory: ``folder/a/m.h5`` becomes the folder ``directory/a/m``, with the suffix (``m.h5``) where two
            files would share it.
        force: as in :func:`torch_keras_lstm.conversion.convert`; so are ``custom_objects``.

    Yields:
        What became of each, in the order of ``paths``.
    """
    relative = [path.relative_to(folder) for path in paths]
    uses = Counter(path.with_suffix("") for path in relative)
    for path, place in zip(paths, relative, strict=True):
        shared = uses[place.with_suffix("")] > 1
        target = Path(directory) / (place if shared else place.with_suffix(""))
        try:
            yield FileConversion(path, target, convert(path, target, None, force, custom_objects), None)
        except (OSError, ValueError) as error:
            yield FileConversion(path, target, None, str(error).removeprefix(f"{path}: "))


def _is_model(path: Path) -> bool:
    try:
        kind = file_kind(path)
    except ValueError:
        return False
    if kind == "keras":
        try:
            with KerasArchive(path) as archive:
                return "config.json" in archive.names()
        except ValueError:  # damaged: its conversion will say so
            return True
    if kind in ("json", "yaml"):
        return b"class_name" in path.read_bytes() and not is_converted(path.parent)
    return kind == "hdf5"
