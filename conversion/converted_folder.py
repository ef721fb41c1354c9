"""The folder that ``convert`` writes: ``config.json`` with the description, ``model.safetensors`` with the weights.

``model.save`` writes one too, with how the model is compiled, and its optimizer's arrays in ``optimizer.safetensors``.
"""

import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from torch_keras_lstm.conversion.arrays import Array, SavedArray
from torch_keras_lstm.conversion.build import assemble, build_as, build_layers, shaped_layers
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.keras_3_config import KERAS_VERSION, keras_version
from torch_keras_lstm.conversion.saved_config import ModelDescription, describe
from torch_keras_lstm.conversion.shared_layers import Group, join, repeated
from torch_keras_lstm.conversion.sources import naming
from torch_keras_lstm.conversion.strict_json import decode, parse_object
from torch_keras_lstm.conversion.type_policies import SAVED_BY, with_policies
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import weights_are_given
from torch_keras_lstm.models import Model

FORMAT = "torch_keras_lstm"
FORMAT_VERSION = 1
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
OPTIMIZER = "optimizer.safetensors"

# the types that an optimizer's arrays have, and some that they must not have, as safetensors and as NumPy call them
_DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "I32": "int32", "I64": "int64", "BOOL": "bool"}

# The description is written in Keras 3's terms, and so is read back as Keras 3's words: those of 3.16 where all layers
# go by its rules, so that layers which the code of a class of somebody's own makes do so too.
_DIALECT = "3.15"
_DIALECT_OF_3_16 = "3.16"


def is_converted(path: Path) -> bool:
    """Whether ``path`` is a folder laid out as ``convert`` does it."""
    return path.is_dir() and (path / CONFIG).is_file() and (path / WEIGHTS).is_file()


def is_ours_alone(path: Path) -> bool:
    """Whether ``path`` is a converted model and nothing else, so that replacing it loses nothing of anybody's."""
    if not is_converted(path) or {entry.name for entry in path.iterdir()} - {OPTIMIZER} != {CONFIG, WEIGHTS}:
        return False
    try:
        _read_document(path)
    except ValueError:
        return False
    return True


def write(
    directory: Path,
    model: Model,
    description: ModelDescription,
    shared: Sequence[Group],
    source: Mapping[str, Any],
    training: Mapping[str, Any] | None = None,
    optimizer: Sequence[Array] = (),
) -> None:
    """Write the folder, wholly or not at all: under another name first, which is then changed.

    Args:
        directory: does not exist, is empty, or is an earlier converted model, which is replaced.
        model: the converted model.
        description: what it was built from.
        shared: the places of each layer that stands in the model at several.
        source: facts about the file, kept for the reader.
        training: how the model is compiled.
        optimizer: the arrays that its optimizer keeps, in Keras' order.

    Raises:
        OSError: when the folder cannot be written.
    """
    with whole_folder(directory) as part:
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "source": dict(source),
            **({"dialect": _DIALECT_OF_3_16} if _goes_by_3_16(model) else {}),
            "model": description.to_config(),
            "shared_layers": shared,
            **({} if training is None else {"training": training}),
        }
        (part / CONFIG).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        # Clones: the layers may keep their parameters in one block of memory, which the format does not allow.
        state = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in model.state_dict().items()}
        _save(state, part / WEIGHTS)
        if optimizer:
            arrays = {
                str(number): torch.from_numpy(np.array(array, order="C")) for number, array in enumerate(optimizer)
            }
            _save(arrays, part / OPTIMIZER)


@contextmanager
def whole_folder(directory: Path) -> Iterator[Path]:
    """A new folder to write into, which takes the place of ``directory`` when all is written, and not before.

    Raises:
        OSError: when something cannot be written.
    """
    part = directory.with_name(f".{directory.name}.{uuid.uuid4().hex}")
    try:
        part.mkdir(parents=True)
        yield part
        if directory.exists():
            old = part.with_name(part.name + ".old")
            directory.rename(old)
            try:
                part.rename(directory)
            except BaseException:
                old.rename(directory)
                raise
            shutil.rmtree(old)
        else:
            part.rename(directory)
    except OSError as error:
        raise type(error)(f"{directory}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _save(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    path.touch()
    mode = path.stat().st_mode  # as the umask has it, where safetensors makes a file for its owner alone
    try:
        save_file(dict(tensors), path)
    except SafetensorError as error:
        raise OSError(f"{path.name} could not be written: {error}") from None
    path.chmod(mode)


class ConvertedFolder:
    """A folder that :func:`write` wrote.

    Raises:
        ValueError: when ``config.json`` is not one of ours.
        OSError: when it cannot be read.
    """

    def __init__(self, directory: Path) -> None:
        with naming(directory / CONFIG):
            self._document = _read_document(directory)
        self.directory = directory

    def model(self, custom_objects: CustomObjects, dtype_policy: str | None = None) -> Model:
        """The model in the folder, in evaluation mode; ``dtype_policy`` as :func:`with_policies` takes it.

        Raises:
            ValueError: when the description is broken, or the two files do not fit together.
            OSError: when a file cannot be read.
        """
        with naming(self.directory / CONFIG):
            description = self.description(dtype_policy)
            shaped = shaped_layers(description, custom_objects)
            expected = assemble(description, shaped).state_dict()
            with weights_are_given():
                layers = build_layers(description, custom_objects)
                build_as(shaped, layers)
            join(layers, self._shared_layers(shaped))
        with naming(self.directory / WEIGHTS):
            tensors = _read_state(self.directory / WEIGHTS, expected)
            # The tensors lie where the file is mapped, each number read when it is first used. They are never written
            # back, and `write` never changes a file that is there.
            nn.ModuleDict({"layers": nn.ModuleList(layers)}).load_state_dict(tensors, assign=True)
        return assemble(description, layers).eval()

    def description(self, dtype_policy: str | None = None) -> ModelDescription:
        """The description in ``config.json``."""
        dialect = self._document.get("dialect", _DIALECT)
        if dialect not in (_DIALECT, _DIALECT_OF_3_16):
            raise ValueError(f"`dialect` must be {_DIALECT!r} or {_DIALECT_OF_3_16!r}, got {dialect!r}.")
        return with_policies(describe(self._document["model"], dialect, own=True), SAVED_BY, dtype_policy)

    @contextmanager
    def training(self) -> Iterator[tuple[Mapping[str, Any], list[SavedArray]] | None]:
        """How the model was compiled, and its optimizer's arrays; ``None`` when the folder does not say.

        Raises:
            ValueError: when either is not as :func:`write` writes it.
            OSError: when a file cannot be read.
        """
        with naming(self.directory / CONFIG):
            training = self._document.get("training")
            if training is not None and not isinstance(training, dict):
                raise ValueError(f"`training` must be an object, got {training!r}.")
        if training is None or not (self.directory / OPTIMIZER).exists():
            yield None if training is None else (training, [])
            return
        with ExitStack() as opened:
            with naming(self.directory / OPTIMIZER):
                try:
                    file: Any = opened.enter_context(safe_open(self.directory / OPTIMIZER, "np"))
                except SafetensorError as error:
                    raise ValueError(f"The file is not in the safetensors format, or is truncated ({error}).") from None
                names = sorted(file.keys(), key=lambda name: (len(name), name))
                if names != [str(number) for number in range(len(names))]:
                    raise ValueError(f"The arrays must be called 0, 1, 2 and so on, but are {', '.join(names)}.")
                arrays = [_saved_array(file, name) for name in names]
            yield training, arrays

    def _shared_layers(self, shaped: Sequence[Layer]) -> list[Group]:
        """The places of each layer that stands in the model at several, as :func:`write` was given them."""
        listed = self._document.get("shared_layers", [])
        possible = [{json.dumps(place): place for place in group} for group in repeated(shaped)]
        groups = []
        for entry in listed if isinstance(listed, list) else [listed]:
            names = [json.dumps(place) for place in entry] if isinstance(entry, list) else []
            group = next((group for group in possible if group.keys() >= set(names)), {})
            if not group or len(set(names)) < 2:
                raise ValueError(f"`shared_layers` must list places at which the model has one layer, got {entry!r}.")
            groups.append(tuple(group[name] for name in names))
        return groups


def _goes_by_3_16(model: Model) -> bool:
    try:
        return keras_version(model) != KERAS_VERSION
    except ValueError:  # some of its layers do, and their descriptions say so
        return False


def _saved_array(file: Any, name: str) -> SavedArray:
    found = file.get_slice(name)
    dtype = found.get_dtype()
    if dtype not in _DTYPES:
        raise ValueError(f"Array `{name}` has type {dtype}, in which no optimizer's are written.")
    path = f"{OPTIMIZER}/{name}"
    return SavedArray(path, tuple(found.get_shape()), _DTYPES[dtype], lambda: np.asarray(file.get_tensor(name)))


def _read_document(directory: Path) -> dict[str, Any]:
    document = parse_object(decode((directory / CONFIG).read_bytes(), "The file"), "The file")
    found = (document.get("format"), document.get("format_version"))
    if found != (FORMAT, FORMAT_VERSION):
        raise ValueError(
            f"The file must say `format` {FORMAT!r} and `format_version` {FORMAT_VERSION}, as `torch-keras-lstm "
            f"convert` writes it; it says {found[0]!r} and {found[1]!r}."
        )
    if not isinstance(document.get("model"), dict):
        raise ValueError("The file must hold the model's configuration under `model`.")
    return document


def _read_state(path: Path, expected: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    try:
        state = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"The file is not in the safetensors format, or is truncated ({error}).") from None
    found, wanted = _shapes(state), _shapes(expected)
    problems = [f"`{name}` is missing" for name in wanted.keys() - found.keys()]
    problems += [f"`{name}` belongs to no layer" for name in found.keys() - wanted.keys()]
    problems += [
        f"`{name}` needs {wanted[name]}, but has {found[name]}"
        for name in wanted.keys() & found.keys()
        if wanted[name] != found[name]
    ]
    if problems:
        raise ValueError(f"The tensors do not fit `{CONFIG}`: {'; '.join(sorted(problems))}.")
    device = torch.get_default_device()
    return {name: tensor.to(device, expected[name].dtype) for name, tensor in state.items()}


def _shapes(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}
