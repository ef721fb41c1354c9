"""From a path to a model, or to a report on it: the walk over reading, describing, building and copying."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch_keras_lstm.conversion import converted_folder
from torch_keras_lstm.conversion.arrays import Weights
from torch_keras_lstm.conversion.build import assemble, build_as, build_layers, shaped_layers
from torch_keras_lstm.conversion.containers import SavedModel, open_parts, open_saved_model, understood
from torch_keras_lstm.conversion.converted_folder import ConvertedFolder, is_converted
from torch_keras_lstm.conversion.custom_layers import CustomObjects, with_custom_layers
from torch_keras_lstm.conversion.filling import fill
from torch_keras_lstm.conversion.hdf5_library import Library, hdf5_by
from torch_keras_lstm.conversion.layer_order import in_model_names
from torch_keras_lstm.conversion.matching import match, shared_layers
from torch_keras_lstm.conversion.own_models import load_own_model, make_own_model
from torch_keras_lstm.conversion.quantized import notes_on
from torch_keras_lstm.conversion.report import Report, report_on, report_on_converted, report_on_weights
from torch_keras_lstm.conversion.saved_config import (
    ModelDescription,
    OwnModelClass,
    describe,
    producer_of,
)
from torch_keras_lstm.conversion.saved_training import (
    KeptTraining,
    compile_as_kept,
    kept_in,
    kept_in_folder,
    missing_of,
)
from torch_keras_lstm.conversion.shared_layers import Group, join
from torch_keras_lstm.conversion.sources import WithoutArchitecture, brief, in_brief, naming
from torch_keras_lstm.conversion.strict_json import parse_object
from torch_keras_lstm.conversion.training_description import Training, describe_training
from torch_keras_lstm.conversion.type_policies import check_choice, root_with_policies
from torch_keras_lstm.conversion.weight_files import open_weights
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import weights_are_given
from torch_keras_lstm.models import Model

PathLike = str | Path


@dataclass(frozen=True)
class Conversion:
    """A converted model and what it was made of.

    Attributes:
        model: in evaluation mode.
        description: its layers, those of one's own under their places in ``custom_objects``.
        shaped: its layers without memory.
        shared: the places of each layer that stands in it at several.
        notes: what of its weights was read differently from how it stands.
    """

    model: Model
    description: ModelDescription
    shaped: list[Layer]
    shared: list[Group]
    notes: list[str]


def load_model(
    path: PathLike,
    weights: PathLike | Literal[False] | None = None,
    custom_objects: CustomObjects | None = None,
    compile: bool = False,
    dtype_policy: Literal["as saved", "float32"] | None = None,
    mmap: bool = False,
    hdf5: Library = None,
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode. Neither Keras nor TensorFlow is needed.

    Args:
        path: a whole model, ``.h5`` of Keras 1 to 3, ``.keras``, a SavedModel folder with Keras' metadata,
            TF.js' ``model.json`` beside its shards, or a checkpoint of ``OrbaxCheckpoint``; an architecture, ``.json``
            or ``.yaml``; or a folder that ``torch-keras-lstm convert`` wrote.
        weights: the weights file or TensorFlow checkpoint that belongs to an architecture; with a whole model, weights
            to use in place of its own. ``False`` asks for fresh weights.
        custom_objects: what the file names and only you have, by that name: layer classes derived from
            :class:`torch_keras_lstm.layers.Layer` or its subclasses, functions that make such a layer, activation
            functions, initializers, regularizers and constraints; and for each ``Lambda``, by the name of its layer, a
            function or torch module to compute it. See ``docs/custom_layers.md``.
        compile: compile the model as it was when it was saved, its optimizer's state too, where the weights are the
            file's own; ``model.compile_error`` says what of it could not be had.
        dtype_policy: ``"as saved"`` computes in mixed precision where the file has such policies, as Keras does;
            ``"float32"`` does not. By default a model that this package saved comes back as it was, and all others are
            read as float32.
        mmap: leave the weights in the file, as :func:`torch_keras_lstm.models.load_model` has it.
        hdf5: ``"h5py"`` has the HDF5 library read HDF5 files, as inside of :func:`hdf5_by`, for files that you trust.

    Returns:
        A ``Sequential``, or a ``Functional`` for a functional model, that computes what the Keras that saved the file
        computed: where the versions of Keras disagree, it follows that one.

    Raises:
        OSError: when a file is missing, or truncated or damaged HDF5.
        ValueError: when it is not a Keras model, has layers that are not supported (all are named), or weights that
            do not fit (layer, weight and both shapes are named).
    """
    path, custom_objects = Path(path), custom_objects or {}
    with hdf5_by(hdf5):
        check_choice(dtype_policy)
        if is_converted(path):
            if weights is not None:
                raise ValueError(f"{path}: a converted model has its weights beside it; `weights` cannot be given.")
            folder = ConvertedFolder(path)
            model = folder.model(custom_objects, dtype_policy)
            if compile:
                with _noting(model), kept_in_folder(folder) as kept:
                    compile_as_kept(model, kept, custom_objects)
            return model
        if weights is False:
            return _with_fresh_weights(path, custom_objects, dtype_policy)
        weights = None if weights is None else Path(weights)
        with open_parts(path, mmap) as parts:
            try:
                with understood(parts, weights, dtype_policy, mmap) as saved:
                    model = _converted(saved, custom_objects, mmap).model
            except WithoutArchitecture:
                typed = replace(parts, root=root_with_policies(parts.root, dtype_policy))
                own = load_own_model(typed, weights, custom_objects)
                if own is None:
                    raise
                model = own.eval()
            if compile and weights is None:
                with _noting(model), naming(path):
                    compile_as_kept(model, kept_in(parts), custom_objects)
        return model


@contextmanager
def _noting(model: Model) -> Iterator[None]:
    """Whatever keeps a model from being compiled as it was, ``fit`` will say."""
    try:
        yield
    except (ValueError, TypeError) as error:
        model.compile_error = brief(str(error))


def model_from_config(text: str, custom_objects: CustomObjects) -> Model:
    """The model that a JSON text describes, with weights drawn anew, compiled as it was if the text says so.

    What of that cannot be had, ``model.compile_error`` says.

    Raises:
        ValueError: when it describes no model, or one that is not supported.
    """
    root = parse_object(text, "The JSON")
    version = root.get("keras_version")
    model: Model
    with in_brief():
        try:
            description = with_custom_layers(describe(root, version), custom_objects)
        except OwnModelClass:
            model = make_own_model(root, custom_objects, producer_of(root, version))
        else:
            model = assemble(description, build_layers(description, custom_objects, needs_shape=False))
    training = root.get("compile_config")
    if not isinstance(training, dict | None):
        raise ValueError(f"`compile_config` must be an object, got {training!r:.200}.")
    if training:
        with _noting(model):
            compile_as_kept(model, KeptTraining(training, producer_of(root, version)), custom_objects)
    return model


def _with_fresh_weights(path: Path, custom_objects: CustomObjects, dtype_policy: str | None) -> Model:
    with open_saved_model(path, dtype_policy=dtype_policy) as saved:
        description = with_custom_layers(saved.description, custom_objects)
        shaped_layers(description, custom_objects)  # so that a size that cannot be is refused before memory is taken
        return assemble(description, build_layers(description, custom_objects)).eval()


def _converted(saved: SavedModel, custom_objects: CustomObjects, mapped: bool = False) -> Conversion:
    """The model of an open file, its weights ``mapped`` where they can be; errors as :func:`load_model`."""
    description = with_custom_layers(saved.description, custom_objects)
    shaped = shaped_layers(description, custom_objects)
    stored = _weights_of(saved)
    with stored.naming():
        arrays = in_model_names(shaped, stored.arrays)
        rows = match(shaped, arrays, description.producer, lora_alphas=description.lora_alphas)
        groups = shared_layers(shaped, rows, arrays)
    with weights_are_given():
        layers = build_layers(description, custom_objects)
        build_as(shaped, layers)
    with stored.naming():
        join(layers, groups)
        fill(layers, rows, mapped)
    return Conversion(assemble(description, layers).eval(), description, shaped, groups, notes_on(rows))


def inspect(
    path: PathLike,
    weights: PathLike | None = None,
    custom_objects: CustomObjects | None = None,
    dtype_policy: Literal["as saved", "float32"] | None = None,
) -> Report:
    """What is in a model file, and whether it can be converted.

    Args:
        path: a whole model, an architecture, weights alone, or a folder that ``torch-keras-lstm convert`` wrote.
        weights: the weights file or TensorFlow checkpoint that belongs to an architecture.
        custom_objects: what the file names and only you have, by that name; for a ``Lambda`` by the name of its layer.
        dtype_policy: as of :func:`load_model`.

    Raises:
        OSError, ValueError: when the file is not a Keras model, or broken. A sound model that cannot be converted is
            no error: the report's ``problem`` says why. Of weights alone the report says which layers they look like.
    """
    path, custom_objects = Path(path), custom_objects or {}
    if is_converted(path):
        if weights is not None:
            raise ValueError(f"{path}: a converted model has its weights beside it; `weights` cannot be given.")
        folder = ConvertedFolder(path)
        return report_on_converted(folder.description(dtype_policy), folder.model(custom_objects, dtype_policy))
    try:
        return _inspect_model(path, None if weights is None else Path(weights), custom_objects, dtype_policy)
    except WithoutArchitecture as error:
        with ExitStack() as opened, naming(path):
            return report_on_weights(open_weights(path, opened), str(error))


def _inspect_model(path: Path, weights: Path | None, custom_objects: CustomObjects, dtype_policy: str | None) -> Report:
    with open_saved_model(path, weights, dtype_policy) as saved:
        built: list[Layer] | None = None
        problem, notes = None, []
        try:
            described = with_custom_layers(saved.description, custom_objects)
            built = shaped_layers(described, custom_objects)
            arrays = in_model_names(built, _weights_of(saved).arrays)
            rows = match(built, arrays, described.producer, lora_alphas=described.lora_alphas)
            notes = notes_on(rows)
        except ValueError as error:
            problem = brief(str(error))
        report = report_on(saved, built, problem, custom_objects)
        return replace(report, notes=(*report.notes, *notes, *missing_of(saved, custom_objects)))


def convert(
    path: PathLike,
    directory: PathLike,
    weights: PathLike | None = None,
    force: bool = False,
    custom_objects: CustomObjects | None = None,
    dtype_policy: Literal["as saved", "float32"] | None = None,
) -> Report:
    """Convert a Keras model file into a folder of ``config.json`` and ``model.safetensors``, for :func:`load_model`.

    As ``model.save`` does, it keeps how the model was compiled and what its optimizer had come to.

    Args:
        path: a whole model, an architecture, or a folder that this wrote.
        directory: the folder to write, wholly or not at all.
        weights: the weights file or TensorFlow checkpoint that belongs to an architecture.
        force: replace a model that was converted into ``directory`` before.
        custom_objects: what the file names and only you have, by that name; for a ``Lambda`` by the name of its layer.
        dtype_policy: as of :func:`load_model`.

    Raises:
        FileExistsError: when ``directory`` is not empty, and ``force`` is not given or it is no converted model.
        OSError: when a file is missing, or truncated or damaged HDF5.
        ValueError: when it is not a Keras model, has layers that are not supported, or weights that do not fit.
    """
    path, directory, custom_objects = Path(path), Path(directory), custom_objects or {}
    check_choice(dtype_policy)
    if is_converted(path):
        raise ValueError(f"{path}: is a model that was converted already: `load_model` reads it as it is.")
    _check_target(directory, force)
    training = Training()
    with open_saved_model(path, None if weights is None else Path(weights), dtype_policy) as saved:
        # The weights are written at once, and need no memory of their own before.
        conversion = _converted(saved, custom_objects, mapped=True)
        model, report = conversion.model, report_on(saved, conversion.shaped, None, custom_objects)
        report = replace(report, notes=(*report.notes, *conversion.notes))
        if weights is None:
            with _noting(model), naming(path):
                compile_as_kept(model, kept_in(saved.parts), custom_objects)
            training = describe_training(model) or training
    source: Mapping[str, object] = {
        "file": path.name,
        "container": report.container,
        "keras_version": conversion.description.producer.version,
        "written_by": report.written_by,
    }
    if training.optimizer:
        report = replace(report, left={kind: count for kind, count in report.left.items() if kind != "optimizer"})
    if model.compile_error:
        report = replace(report, notes=(*report.notes, f"How it was compiled is not all kept: {model.compile_error}"))
    optimizer = [array for _, array in training.optimizer]
    converted_folder.write(
        directory, model, conversion.description, conversion.shared, source, training.compile_config, optimizer
    )
    return report


def _weights_of(saved: SavedModel) -> Weights:
    if saved.weights is None:
        raise ValueError(
            "This is an architecture without weights. Give its weights file as well: `weights='model.h5'`, or "
            "`--weights model.h5` on the command line; `weights=False` gives it fresh ones."
        )
    return saved.weights


def _check_target(directory: Path, force: bool) -> None:
    if not directory.exists() or (directory.is_dir() and not any(directory.iterdir())):
        return
    if not converted_folder.is_ours_alone(directory):
        raise FileExistsError(f"{directory}: holds something else than a converted model, so it is not overwritten.")
    if not force:
        raise FileExistsError(f"{directory}: holds a model already. Pass `--force` (`force=True`) to replace it.")
