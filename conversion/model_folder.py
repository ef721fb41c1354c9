"""A folder of Keras model files: which of them are models, which weights belong to which, and what became of each."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic, Literal, TypeVar

from torch_keras_lstm.conversion import saved_model
from torch_keras_lstm.conversion.archive import KerasArchive
from torch_keras_lstm.conversion.converted_folder import is_converted
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.hdf5_library import open_hdf5
from torch_keras_lstm.conversion.keras_folder import is_keras_folder
from torch_keras_lstm.conversion.loading import PathLike, convert
from torch_keras_lstm.conversion.orbax import is_orbax
from torch_keras_lstm.conversion.python_source import convert_to_source, is_written
from torch_keras_lstm.conversion.report import Report
from torch_keras_lstm.conversion.weight_files import holds_weights

_T = TypeVar("_T")

# A file of such a name counts as a model, whatever is in it: one that is none is damaged.
_MODEL_SUFFIXES = (".h5", ".hdf5", ".keras")
_TEXT_SUFFIXES = (".json", ".yaml", ".yml")


@dataclass(frozen=True)
class ModelFile:
    """A model below a folder.

    Attributes:
        path: the file or folder.
        weights: the weights that belong to an architecture, where they lie beside it.
        problem: why it cannot even be looked into.
    """

    path: Path
    weights: Path | None = None
    problem: str | None = None


@dataclass(frozen=True)
class Done(Generic[_T]):
    """What became of a model.

    Attributes:
        file: the model.
        result: what was made of it; ``None`` when nothing was.
        problem: why nothing was; ``None`` when something was, and of a model that was skipped.
        seconds: how long it took.
    """

    file: ModelFile
    result: _T | None
    problem: str | None
    seconds: float


@dataclass(frozen=True)
class Converted:
    """A converted model.

    Attributes:
        directory: where it is.
        report: on it; ``None`` for one that was there already.
    """

    directory: Path
    report: Report | None


def is_folder_of_models(path: Path) -> bool:
    """Whether ``path`` is a folder that is no model itself."""
    if not path.is_dir() or is_converted(path):
        return False
    try:
        file_kind(path)
    except ValueError:
        return True
    return False


def models_in(folder: PathLike) -> list[ModelFile]:
    """The models below ``folder``, sorted: HDF5 files, ``.keras`` archives, architectures, TF.js', SavedModel folders.

    What a file is, its content tells, not its name. HDF5 files count whatever they hold, and so do damaged archives and
    what has the name of either; other zip archives and other JSON do not, nor what ``convert`` wrote. Weights alone
    that lie beside the one architecture that they can belong to, by their name or because there are no others, are that
    model's.
    """
    found: list[ModelFile] = []

    def refused(error: OSError) -> None:
        found.append(ModelFile(Path(error.filename), problem=error.strerror or str(error)))

    for directory, folders, names in os.walk(folder, onerror=refused):
        here = Path(directory)
        if here != Path(folder) and (saved_model.GRAPH in names or is_keras_folder(here) or is_orbax(here)):
            found.append(ModelFile(here))
            folders.clear()
        elif is_converted(here):
            folders.clear()
        else:
            found += _paired([file for name in names if (file := _model_file(here / name)) is not None])
    return sorted(found, key=lambda file: file.path)


def each(models: Sequence[ModelFile], make: Callable[[ModelFile], _T]) -> Iterator[Done[_T]]:
    """What ``make`` makes of one model after the other; one of which nothing can be made does not stop the others."""
    for file in models:
        start = time.perf_counter()
        result, problem = None, file.problem
        if problem is None:
            try:
                result = make(file)
            except (OSError, ValueError) as error:
                problem = _without_paths(error, file)
        yield Done(file, result, problem, time.perf_counter() - start)


def convert_all(
    folder: PathLike,
    models: Sequence[ModelFile],
    directory: PathLike,
    force: bool = False,
    custom_objects: CustomObjects | None = None,
    skip_existing: bool = False,
    to_source: bool = False,
    dtype_policy: Literal["as saved", "float32"] | None = None,
) -> Iterator[Done[Converted]]:
    """Convert models one after the other; one that cannot be converted does not stop the others.

    Args:
        folder: what ``models`` are below of.
        models: as :func:`models_in` lists them.
        directory: ``folder/a/m.h5`` becomes the folder ``directory/a/m``, with the suffix (``m.h5``) where two
            files would share it.
        force: as in :func:`torch_keras_lstm.conversion.convert`; so are ``custom_objects`` and ``dtype_policy``.
        skip_existing: leave what was converted before as it is.
        to_source: write each as plain PyTorch; see :func:`convert_to_source`.

    Yields:
        What became of each, in the order of ``models``.
    """
    convert_here = partial(convert, dtype_policy=dtype_policy)
    write, is_there = (convert_to_source, is_written) if to_source else (convert_here, is_converted)
    relative = {file.path: file.path.relative_to(folder) for file in models}
    uses = Counter(path.with_suffix("") for path in relative.values())

    def make(file: ModelFile) -> Converted:
        place = relative[file.path]
        target = Path(directory) / (place if uses[place.with_suffix("")] > 1 else place.with_suffix(""))
        if skip_existing and is_there(target):
            return Converted(target, None)
        return Converted(target, write(file.path, target, file.weights, force, custom_objects))

    return each(models, make)


def _without_paths(error: Exception, file: ModelFile) -> str:
    text = " ".join(str(error).split())
    for path in filter(None, (file.path, file.weights)):
        text = text.removeprefix(f"{path}: ")
    return text


def _model_file(path: Path) -> ModelFile | None:
    try:
        return ModelFile(path) if path.is_file() and _is_model(path) else None
    except OSError as error:
        named = path.suffix.lower() in (*_MODEL_SUFFIXES, *_TEXT_SUFFIXES)
        return ModelFile(path, problem=error.strerror or str(error)) if named else None


def _is_model(path: Path) -> bool:
    named = path.suffix.lower() in _MODEL_SUFFIXES
    try:
        kind = file_kind(path)
    except ValueError:
        return named
    if kind == "keras":
        try:
            with KerasArchive(path) as archive:
                return named or "config.json" in archive.names()
        except ValueError:  # damaged: its conversion will say so
            return True
    if kind in ("json", "yaml"):
        return named or b"class_name" in path.read_bytes()
    return kind in ("hdf5", "tfjs")


def _paired(files: Sequence[ModelFile]) -> list[ModelFile]:
    """The models of one folder, with the weights alone among them at the architectures that they belong to."""
    architectures = [file for file in files if file.problem is None and _is_architecture(file.path)]
    alone = [file for file in files if file.problem is None and architectures and _is_weights_alone(file.path)]
    taken: dict[Path, Path] = {}
    for file in architectures:
        stem = file.path.stem
        fits = [weights.path for weights in alone if weights.path.name.startswith(stem)]
        if len(fits) == 1:
            taken[file.path] = fits[0]
        elif not fits and len(architectures) == len(alone) == 1:
            taken[file.path] = alone[0].path
    if len(set(taken.values())) < len(taken):
        return list(files)  # weights of two architectures: nobody knows of which
    weights = set(taken.values())
    return [ModelFile(one.path, taken.get(one.path), one.problem) for one in files if one.path not in weights]


def _is_architecture(path: Path) -> bool:
    return path.suffix.lower() in _TEXT_SUFFIXES and file_kind(path) in ("json", "yaml")


def _is_weights_alone(path: Path) -> bool:
    if path.suffix.lower() in _TEXT_SUFFIXES:
        return False
    try:
        if file_kind(path) != "hdf5":
            return False
        with open_hdf5(path) as file:
            return file.text("model_config") is None and holds_weights(file)
    except (OSError, ValueError):
        return False
