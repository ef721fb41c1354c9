"""From a path to a model: the walk over reading, describing, building and copying."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from torch_keras_lstm.conversion import converted_folder
from torch_keras_lstm.conversion.arrays import Weights
from torch_keras_lstm.conversion.build import assemble, build_as, build_layers, shaped_layers
from torch_keras_lstm.conversion.containers import SavedModel, WithoutArchitecture, naming, open_saved_model
from torch_keras_lstm.conversion.custom_layers import CustomObjects, with_custom_layers
from torch_keras_lstm.conversion.keras_3_config import KERAS_VERSION
from torch_keras_lstm.conversion.layer_order import in_model_names
from torch_keras_lstm.conversion.own_models import load_own_model, make_own_model
from torch_keras_lstm.conversion.report import Report, report_on, report_on_converted, report_on_weights
from torch_keras_lstm.conversion.saved_config import ModelDescription, OwnModelClass, describe
from torch_keras_lstm.conversion.shared_layers import Group, join
from torch_keras_lstm.conversion.strict_json import parse_object
from torch_keras_lstm.conversion.training_description import Training, describe_training
from torch_keras_lstm.conversion.training_state import compile_as_saved, missing_of
from torch_keras_lstm.conversion.weight_files import open_weights
from torch_keras_lstm.conversion.weights import fill, match, shared_layers
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.weight import weights_are_given
from torch_keras_lstm.models import Model

PathLike = str | Path


@dataclass(frozen=True)
class Conversion:
    """A converted model and where it came from."""

    model: Model
    description: ModelDescription
    shared: list[Group]
    report: Report


def load_model(
    path: PathLike, weights: PathLike | Literal[False] | None = None, custom_objects: CustomObjects | None = None
) -> Model:
    """The PyTorch model for a Keras model file, in evaluation mode. Neither Keras nor TensorFlow is needed.

    Args:
        path: a whole model, ``.h5`` of Keras 1 to 3, ``.keras`` or a SavedModel folder with Keras' metadata; an
            architecture, ``.json`` or ``.yaml``; or a folder that ``torch-keras-lstm convert`` wrote.
        weights: the weights file or TensorFlow checkpoint that belongs to an architecture; with a whole model, weights
            to use in place of its own. ``False`` asks for fresh weights.
        custom_objects: what the file names and only you have, by that name: layer classes derived from
            :class:`torch_keras_lstm.layers.Layer` or its subclasses, functions that make such a layer, activation
            functions, initializers, regularizers and constraints; and for each ``Lambda``, by the name of its layer, a
            function or torch module to compute it. See ``docs/custom_layers.md``.

    Returns:
        A ``Sequential``, or a ``Functional`` for a graph of layers, that computes what the Keras that saved the file
        computed: where the versions of Keras disagree, it follows that one.

    Raises:
        OSError: when a file is missing, or truncated or damaged HDF5.
        ValueError: when it is not a Keras model, has layers that are not supported (all are named), or weights that
            do not fit (layer, weight and both shapes are named).
    """
    path = Path(path)
    if converted_folder.is_converted(path):
        if weights is not None:
            raise ValueError(f"{path}: a converted model has its weights beside it; `weights` cannot be given.")
        return converted_folder.read(path, custom_objects or {})
    if weights is False:
        return _with_fresh_weights(path, custom_objects or {})
    weights = None if weights is None else Path(weights)
    try:
        return load(path, weights, custom_objects or {}).model
    except WithoutArchitecture:
        own = load_own_model(path, weights, custom_objects or {})
        if own is None:
            raise
        return own.eval()


def model_from_config(text: str, custom_objects: CustomObjects) -> tuple[Model, Mapping[str, Any] | None]:
    """The model that a JSON text describes, with weights drawn anew, and how it is compiled if the text says so.

    Raises:
        ValueError: when it describes no model, or one that is not supported.
    """
    root = parse_object(text, "The JSON")
    version = root.get("keras_version", KERAS_VERSION if "module" in root else None)
    training = root.get("compile_config") or None
    try:
        description = with_custom_layers(describe(root, version), custom_objects)
    except OwnModelClass:
        return make_own_model(root, custom_objects), training
    layers = build_layers(description, custom_objects, needs_shape=False)
    return assemble(description, layers), training


def _with_fresh_weights(path: Path, custom_objects: CustomObjects) -> Model:
    with open_saved_model(path) as saved, naming(path):
        return _fresh(with_custom_layers(saved.description, custom_objects), custom_objects)


def _fresh(description: ModelDescription, custom_objects: CustomObjects) -> Model:
    shaped_layers(description, custom_objects)  # so that a size that cannot be is refused before memory is asked for
    return assemble(description, build_layers(description, custom_objects)).eval()


def load(path: Path, weights: Path | None, custom_objects: CustomObjects) -> Conversion:
    """The model of a Keras file with the report on it; arguments and errors as :func:`load_model`."""
    with open_saved_model(path, weights) as saved:
        description = with_custom_layers(saved.description, custom_objects)
        with naming(path):
            shaped = shaped_layers(description, custom_objects)
            stored = _weights_of(saved)
        with naming(weights or path):
            arrays = in_model_names(shaped, stored.arrays)
            rows = match(shaped, arrays, description.producer)
            groups = shared_layers(shaped, rows, arrays)
        with naming(path), weights_are_given():
            layers = build_layers(description, custom_objects)
            build_as(shaped, layers)
        with naming(weights or path):
            join(layers, groups)
            fill(layers, rows)
        report = report_on(saved, shaped, None, custom_objects)
    return Conversion(assemble(description, layers).eval(), description, groups, report)


def inspect(path: PathLike, weights: PathLike | None = None, custom_objects: CustomObjects | None = None) -> Report:
    """What is in a model file, and whether it can be converted; arguments as :func:`load_model`.

    Raises:
        OSError, ValueError: when the file is not a Keras model, or broken. A sound model that cannot be converted is
            no error: the report's ``problem`` says why. Of weights alone the report says which layers they look like.
    """
    path = Path(path)
    if converted_folder.is_converted(path):
        model = load_model(path, weights, custom_objects)
        return report_on_converted(converted_folder.read_description(path), model)
    try:
        return _inspect_model(path, None if weights is None else Path(weights), custom_objects or {})
    except WithoutArchitecture as error:
        with ExitStack() as opened, naming(path):
            return report_on_weights(open_weights(path, opened), str(error))


def _inspect_model(path: Path, weights: Path | None, custom_objects: CustomObjects) -> Report:
    with open_saved_model(path, weights) as saved:
        built: list[Layer] | None = None
        problem = None
        try:
            described = with_custom_layers(saved.description, custom_objects)
            built = shaped_layers(described, custom_objects)
            match(built, in_model_names(built, _weights_of(saved).arrays), saved.description.producer)
        except ValueError as error:
            problem = str(error)
        report = report_on(saved, built, problem, custom_objects)
        return replace(report, notes=(*report.notes, *missing_of(saved, custom_objects)))


def convert(
    path: PathLike,
    directory: PathLike,
    weights: PathLike | None = None,
    force: bool = False,
    custom_objects: CustomObjects | None = None,
) -> Report:
    """Convert a Keras model file into a folder of ``config.json`` and ``model.safetensors``, for :func:`load_model`.

    As ``model.save`` does, it keeps how the model was compiled and what its optimizer had come to.

    Args:
        path: as in :func:`load_model`; so are ``weights`` and ``custom_objects``.
        directory: the folder to write, wholly or not at all.
        force: replace a model that was converted into ``directory`` before.

    Raises:
        FileExistsError: when ``directory`` is not empty, and ``force`` is not given or it is no converted model.
        OSError, ValueError: as :func:`load_model`.
    """
    path, directory = Path(path), Path(directory)
    if converted_folder.is_converted(path):
        raise ValueError(f"{path}: is a model that was converted already: `load_model` reads it as it is.")
    _check_target(directory, force)
    conversion = load(path, None if weights is None else Path(weights), custom_objects or {})
    source: Mapping[str, object] = {
        "file": path.name,
        "container": conversion.report.container,
        "keras_version": conversion.description.producer.version,
        "written_by": conversion.report.written_by,
    }
    model, report = conversion.model, conversion.report
    training = Training()
    if weights is None:
        compile_as_saved(model, path, custom_objects)
        training = describe_training(model) or training
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
