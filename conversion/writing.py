"""From a model to a file that Keras 3.15 loads, or to a folder of our own."""

import io
import json
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from torch import nn

from torch_keras_lstm.conversion import converted_folder, shared_layers, write_hdf5
from torch_keras_lstm.conversion.arrays import Array
from torch_keras_lstm.conversion.attribute_paths import attribute_places, is_of_ones_own
from torch_keras_lstm.conversion.dialects import exchanged_tversky
from torch_keras_lstm.conversion.keras_3_config import KERAS_VERSION, keras_layers, keras_version, model_config
from torch_keras_lstm.conversion.replacing import replace_file, replace_files
from torch_keras_lstm.conversion.saved_config import describe
from torch_keras_lstm.conversion.training_description import Training
from torch_keras_lstm.conversion.type_policies import SAVED_BY
from torch_keras_lstm.conversion.written_weights import Value, values, variable_groups
from torch_keras_lstm.layers import Layer, TorchModuleWrapper, serialize
from torch_keras_lstm.layers.vocabularies import learned_vocabularies
from torch_keras_lstm.models import Functional, Model, Sequential
from torch_keras_lstm.optimizers.rules_of_old import LEGACY

_DATE = (1980, 1, 1, 0, 0, 0)  # the same model is the same file
# Members begin at a multiple of it, so that weights can be mapped; an extra field, Android's zipalign's, fills the gap.
_ALIGNMENT, _PADDING = 64, 0xD935


def save_model(
    model: Model, path: str | Path, training: Training | None = None, overwrite: bool = True, zipped: bool = True
) -> None:
    """Save a whole model.

    Args:
        model: a ``Sequential`` or a functional model, built.
        path: ``.keras`` or ``.h5``, as Keras 3.15 writes and reads them; without a suffix a folder as ``convert`` makes
            it, which holds what Keras 3 has no words for as well.
        training: how it is trained, to go on from there.
        overwrite: replace what is at ``path``; an earlier file stays whole until the new one is.
        zipped: ``False`` writes what a ``.keras`` file holds into a folder of that name, whatever its suffix.

    Raises:
        ValueError: for another suffix; when Keras 3 cannot express the model.
        OSError: when the file cannot be written, or is there and ``overwrite`` is false.
    """
    path, training = Path(path), training or Training()
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: is there already. Pass `overwrite=True` to replace it.")
    if path.name.endswith(".weights.h5"):
        raise ValueError(f"{path}: is the name of a file of weights alone: `model.save_weights` writes it.")
    if path.suffix in (".keras", ".h5", ".hdf5"):
        training = _as_keras_3_can(model, training)
        if keras_version(model) != KERAS_VERSION:
            training = _in_words_of_3_16(training)
    if path.suffix in (".h5", ".hdf5"):
        path.parent.mkdir(parents=True, exist_ok=True)  # as Keras does, for these alone
    if not zipped:
        members = _members(model, training)
        path.mkdir(parents=True, exist_ok=True)
        for name, content in members.items():
            replace_file(path / name, content)
        return
    if path.suffix in (".h5", ".hdf5") and not isinstance(model, Functional | Sequential):
        raise NotImplementedError(
            f"{path}: an `.h5` file holds a Sequential or a functional model, not a model class of one's own, which is "
            f"`{type(model).__name__}`: save it as `.keras`, or its weights with `save_weights`."
        )
    if path.suffix == ".keras":
        replace_file(path, _archive(model, training))
    elif path.suffix in (".h5", ".hdf5"):
        replace_file(path, _legacy(model, training))
    elif path.suffix:
        raise ValueError(f"{path}: a model is saved as `.keras`, as `.h5`, or without a suffix as a folder.")
    else:
        _folder(model, path, training)


def save_weights(
    model: Model,
    path: str | Path,
    training: Training | None = None,
    overwrite: bool = True,
    max_shard_size: float | None = None,
) -> None:
    """Save a model's weights alone.

    Args:
        model: a model, built.
        path: the file, ``.weights.h5``; of shards the list, ``.weights.json``, beside which they are written.
        training: how it is trained, to go on from there.
        overwrite: replace what is at ``path``; an earlier file stays whole until the new one is.
        max_shard_size: how many GB (of 2**30 bytes) of arrays a file may hold; ``None`` for one file.

    Raises:
        ValueError: for another suffix, and for an array larger than a shard.
        OSError: when the file cannot be written, or is there and ``overwrite`` is false.
    """
    path, training = Path(path), training or Training()
    suffix = ".weights.h5" if max_shard_size is None else ".weights.json"
    if max_shard_size is not None and path.name.endswith(".weights.h5"):
        path = path.with_suffix(".json")
        warnings.warn(f"The list of sharded weights is `{path.name}`.", stacklevel=4)
    if not path.name.endswith(suffix):
        shards = "" if max_shard_size is None else " in shards, which `max_shard_size` asks for,"
        raise ValueError(f"{path}: weights{shards} are saved as `{suffix}`.")
    if max_shard_size is not None and not max_shard_size > 0:
        raise ValueError(f"`max_shard_size` must be a positive number of GB, got {max_shard_size}.")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path}: is there already. Pass `overwrite=True` to replace it.")
    if not model.built or not keras_layers(model):
        raise ValueError(
            f"Model `{model.name}` has no weights to be saved yet: call it once, or `build(input_shape)`, first."
        )
    if max_shard_size is None:
        replace_file(path, _weights(model, training))
    else:
        _write_shards(path, *_groups(model, training), max_shard_size * 2**30)


def _write_shards(path: Path, arrays: write_hdf5.Groups, names: Mapping[str, str], limit: float) -> None:
    """As Keras does: the shards beside the list, which says where each group stands; the list comes last."""
    shards = write_hdf5.shards_of(arrays, limit)
    files = [f"{path.name.removesuffix('.weights.json')}_{number:05}.weights.h5" for number in range(len(shards))]
    weight_map: dict[str, list[str]] = {}
    total = 0
    for file, shard in zip(files, shards, strict=True):
        for group, named in shard.items():
            weight_map.setdefault(f"/{group}", []).append(file)
            total += sum(array.nbytes for array in named.values())
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=4)
    contents = (write_hdf5.by_path(shard, names) for shard in shards)
    pairs = zip(files, contents, strict=True)
    replace_files(chain(((path.with_name(file), content) for file, content in pairs), [(path, text.encode())]))


def _outside_layers(module: nn.Module, place: str = "") -> Iterator[str]:
    """Where torch modules with weights, which are no part of a layer, stand in a model of one's own."""
    for name, child in module.named_children():
        at = f"{place}.{name}" if place else name
        if not isinstance(child, Layer) and any(True for _ in child.named_parameters(recurse=False)):
            yield at
        if not isinstance(child, TorchModuleWrapper):
            yield from _outside_layers(child, at)


def _as_keras_3_can(model: Model, training: Training) -> Training:
    """``training``, or none when the optimizer goes by a rule that Keras 3 has not."""
    if not isinstance(model.optimizer, LEGACY):
        return training
    warnings.warn(
        f"Model `{model.name}` is saved without how it is compiled: its optimizer {type(model.optimizer).__name__} "
        "goes by the rule of an older Keras, which Keras 3 has not. `model.save('folder')` keeps it.",
        stacklevel=4,
    )
    return Training()


def _in_words_of_3_16(training: Training) -> Training:
    configs = (training.compile_config, training.training_config)
    compiled, legacy = (config and {**config, "loss": exchanged_tversky(config.get("loss"))} for config in configs)
    return replace(training, compile_config=compiled, training_config=legacy)


def _members(model: Model, training: Training) -> dict[str, bytes]:
    """The files that a ``.keras`` archive holds, by name."""
    config = {**model_config(model), **SAVED_BY}
    if training.compile_config is not None:
        config["compile_config"] = training.compile_config
    return {
        "metadata.json": json.dumps({"keras_version": keras_version(model)}).encode(),
        "config.json": json.dumps(config).encode(),
        "model.weights.h5": _weights(model, training),
    }


def _archive(model: Model, training: Training) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in _members(model, training).items():
            member = zipfile.ZipInfo(name, _DATE)
            start = buffer.tell() + 30 + len(name) + struct.calcsize("<HHH")  # after the header, its name, and this
            padding = struct.pack("<H", _ALIGNMENT) + bytes(-start % _ALIGNMENT)
            member.extra = struct.pack("<HH", _PADDING, len(padding)) + padding
            archive.writestr(member, content)
    return buffer.getvalue()


def _weights(model: Model, training: Training) -> bytes:
    return write_hdf5.by_path(*_groups(model, training))


def _groups(model: Model, training: Training) -> tuple[write_hdf5.Groups, dict[str, str]]:
    """The arrays of a model and its optimizer by the paths of their groups, and the names of what has these."""
    if is_of_ones_own(model) and (outside := next(_outside_layers(model), None)):
        raise ValueError(
            f"Model `{model.name}`: `{outside}` is a module of torch's, whose weights Keras' files have no place for. "
            "Put `layers.TorchModuleWrapper(module)` around it, or save with `torch.save(model.state_dict(), path)`."
        )
    groups = variable_groups(keras_layers(model), attribute_places(model) if is_of_ones_own(model) else None)
    arrays = {path: owned for path, (_, owned) in groups.items()}
    names = {path: name for path, (name, _) in groups.items()}
    states = {"optimizer": training.optimizer} if training.optimizer else {}
    states |= {f"optimizer/{path}": state for path, state in training.inner_optimizers.items()}
    for path, state in states.items():
        arrays[f"{path}/vars"] = [value for _, value in state]
        names[f"{path}/vars"] = state[0][0].split("/")[0]
    return arrays, names


def _legacy(model: Model, training: Training) -> bytes:
    version = keras_version(model)
    attributes = {
        "keras_version": version,
        "backend": "tensorflow",
        "model_config": json.dumps({**model_config(model), **SAVED_BY}),
    }
    if training.training_config is not None:
        attributes["training_config"] = json.dumps(training.training_config)
    layers = {layer.name: [*_trainable_first(values([layer]))] for layer in keras_layers(model)}
    versions = {"backend": "tensorflow", "keras_version": version}
    return write_hdf5.by_layer(layers, attributes, versions, training.optimizer)


def _trainable_first(weights: Sequence[Value]) -> Iterator[tuple[str, Array]]:
    """Names and arrays in Keras' order of a layer's weights: those that are trained before the others."""
    for value in sorted(weights, key=lambda value: not value.trainable):
        yield value.path, value.array


def _folder(model: Model, path: Path, training: Training) -> None:
    if path.exists() and not converted_folder.is_ours_alone(path) and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path}: holds something else than a converted model, so it is not overwritten.")
    if not isinstance(model, Functional | Sequential) or not model.built:
        raise ValueError(f"Model `{model.name}` must be a built Sequential or functional model to be saved.")
    with learned_vocabularies():
        description = describe(serialize(model), KERAS_VERSION)
    shared = shared_layers.one_module([layer for layer in model.layers if isinstance(layer, Layer)])
    source = {"container": "a model of torch_keras_lstm"}
    optimizer = [array for _, array in training.optimizer]
    converted_folder.write(path, model, description, shared, source, training.compile_config, optimizer)
