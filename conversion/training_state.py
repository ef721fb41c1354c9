"""What a file remembers of the training: what ``compile`` was told, and how far the optimizer has come."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch_keras_lstm import losses, metrics, optimizers
from torch_keras_lstm.conversion import converted_folder
from torch_keras_lstm.conversion.absent import absent_loss, absent_metric, is_absent, name_in
from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray, Weights
from torch_keras_lstm.conversion.containers import SavedModel, naming, open_parts
from torch_keras_lstm.conversion.dialects import Generation, Producer, exchanged_tversky
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.optimizer_state import Order, OtherWeights, order_of, restore
from torch_keras_lstm.conversion.saved_config import producer_of
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Model
from torch_keras_lstm.optimizers import Optimizer
from torch_keras_lstm.optimizers.rules_of_old import by_the_legacy_rule
from torch_keras_lstm.registry import CUSTOM_OBJECTS, with_registered
from torch_keras_lstm.training.trainable_weights import trainable_weights


@dataclass(frozen=True)
class SavedTraining:
    """The arguments of ``compile``.

    Attributes:
        optimizer: with its state, bound to the model's parameters; ``None`` for a model compiled without, and for an
            optimizer that is not known.
        loss: as the file has it: a name, a loss, or a list or dictionary of them; ``None`` for none.
        metrics: the same of the metrics; so are ``weighted_metrics``.
        loss_weights: a number, or a list or dictionary of them; ``None`` for 1.
        steps_per_execution: after how many batches callbacks are called.
        missing: what of the training is its author's own and was not given, or is not supported: a sentence each. A
            loss or metric among them stands in its place, and raises when it is used.
        told: all of it in the file's words.
    """

    optimizer: Optimizer | None
    loss: Any
    metrics: Any
    weighted_metrics: Any
    loss_weights: Any
    steps_per_execution: Any = 1
    missing: tuple[str, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """What ``compile`` is called with."""
        return {name: value for name, value in vars(self).items() if name not in ("missing", "told")}


def compile_as_saved(model: Model, path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> None:
    """Compile ``model`` as its file says it was; ``compile_error`` says what of that could not be had, and why."""
    try:
        saved = load_training(path, model, custom_objects)
        if saved is not None and has_compile_of_its_own(model):
            _compile_by_the_class(model, saved, Path(path))
        elif saved is not None:
            model.compile(**saved.arguments)
            model.compile_error = " ".join(saved.missing)
    except (ValueError, TypeError) as error:
        model.compile_error = str(error)


def has_compile_of_its_own(model: Model) -> bool:
    """Whether the class of a model overrides ``compile``, whose arguments only its author knows."""
    return type(model).compile is not Model.compile


def _compile_by_the_class(model: Model, saved: SavedTraining, path: Path) -> None:
    """Compile a model by its ``compile_from_config`` if the class has one for its ``compile``, else warn, as Keras."""
    if type(model).compile_from_config is Model.compile_from_config:
        model.compile_error = (
            "`compile()` was not called as part of model loading because the model's `compile()` method is custom. "
            "All subclassed Models that have `compile()` overridden should also override `get_compile_config()` and "
            "`compile_from_config(config)`. Alternatively, you can call `compile()` manually after loading."
        )
        warnings.warn(model.compile_error, stacklevel=4)
        return
    model.compile_from_config(saved.told)
    optimizer, parameters = model.optimizer, trainable_weights(model)
    if not isinstance(optimizer, Optimizer) or not parameters:
        return
    optimizer.build(parameters)
    with naming(path), open_parts(path) as parts:
        entry = {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}
        kept = () if parts.weights is None else parts.weights.optimizer
        _put_state(optimizer, model, kept, order_of(entry, producer_of(parts.root, parts.version)))


def _put_state(optimizer: Optimizer, model: Layer, arrays: Sequence[SavedArray], order: Order) -> None:
    try:
        restore(optimizer, model, arrays, order)
    except OtherWeights as error:
        warnings.warn(f"{error} The optimizer begins anew.", stacklevel=6)


def load_training(
    path: str | Path, model: Layer, custom_objects: Mapping[str, Any] | None = None
) -> SavedTraining | None:
    """What a whole model was compiled with; ``None`` when it was not, or its file tells nothing of it.

    As in Keras a state that is not of as many weights as the model trains is left aside with a warning: the optimizer
    then begins anew.

    Args:
        path: a ``.keras`` or ``.h5`` file, or a folder that ``model.save`` wrote.
        model: what :func:`load_model` made of it. Layers that were frozen when Keras trained must be frozen.
        custom_objects: optimizers, schedules, losses and metrics of the user's own by the names that the file gives
            them.

    Raises:
        OSError: when the file is missing, or truncated or damaged.
        ValueError: when the configuration of the optimizer, of a loss or of a metric is broken, or the optimizer's
            state is damaged. One that is not known is no error, but ``missing``.
    """
    path = Path(path)
    if converted_folder.is_converted(path):
        with converted_folder.open_training(path) as found, naming(path):
            return None if found is None else _training(*found, model, custom_objects, _OURS)
    if file_kind(path) not in ("hdf5", "keras", "keras folder"):
        return None
    with naming(path), open_parts(path) as saved:
        if saved.training is None:
            return None
        weights, producer = saved.weights, producer_of(saved.root, saved.version)
        if weights is not None and (weights.optimizer or weights.optimizer_fault):
            _check_order(producer, weights)
        arrays = () if weights is None else weights.optimizer
        return _training(saved.training, arrays, model, custom_objects, producer)


# names of several losses or metrics, one of which the shapes of the first batch choose
_BY_SHAPES = ("acc", "accuracy", "ce", "crossentropy")
# a folder is written in the words of Keras 3, and its optimizer's arrays in the order of Keras 3
_OURS = Producer(Generation.KERAS_3, "3.15")


def missing_of(saved: SavedModel, custom_objects: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """What of an open model's training is not known: the ``missing`` of :class:`SavedTraining`."""
    if saved.training is None:
        return ()
    return _training(saved.training, (), None, custom_objects, saved.description.producer).missing


def _training(
    told: Mapping[str, Any],
    arrays: Sequence[SavedArray],
    model: Layer | None,
    custom_objects: Mapping[str, Any] | None,
    producer: Producer,
) -> SavedTraining:
    own = with_registered(custom_objects)
    missing: list[str] = []
    loss = told.get("loss")
    token = CUSTOM_OBJECTS.set(own)  # so that an error tells of them
    try:
        of_loss = partial(_loss, missing)
        of_metric = partial(_metric, missing)
        return SavedTraining(
            _optimizer(told.get("optimizer_config", told.get("optimizer")), arrays, model, own, producer, missing),
            _each(of_loss, exchanged_tversky(loss) if producer.has_rules_of_3_16 else loss, own),
            _of_the_only_output(_each(of_metric, told.get("metrics"), own)),
            _of_the_only_output(_each(of_metric, told.get("weighted_metrics"), own)),
            told.get("loss_weights"),
            1 if told.get("steps_per_execution") is None else told["steps_per_execution"],  # null in tf.keras
            tuple(dict.fromkeys(missing)),
            told,
        )
    finally:
        CUSTOM_OBJECTS.reset(token)


def _loss(missing: list[str], entry: Any, custom_objects: Mapping[str, Any]) -> Any:
    try:
        return losses.deserialize(entry, custom_objects)
    except (TypeError, ValueError) as error:
        missing.append(f"The loss cannot be had: {error}")
        return absent_loss(entry, missing[-1])


def _metric(missing: list[str], entry: Any, custom_objects: Mapping[str, Any]) -> Any:
    try:
        return metrics.deserialize(entry, custom_objects)
    except (TypeError, ValueError) as error:
        missing.append(f"A metric cannot be had: {error}")
        return absent_metric(entry, missing[-1])


def _optimizer(
    entry: Any,
    arrays: Sequence[SavedArray],
    model: Layer | None,
    custom_objects: Mapping[str, Any],
    producer: Producer,
    missing: list[str],
) -> Optimizer | None:
    if entry is None:
        return None
    order = order_of(entry, producer)
    if order is Order.LEGACY and isinstance(entry, Mapping) and name_in(entry) not in custom_objects:
        entry = by_the_legacy_rule(entry)
    try:
        optimizer = optimizers.deserialize(entry, custom_objects)
    except (TypeError, ValueError) as error:
        missing.append(f"The optimizer cannot be had: {error}")
        return None
    if model is None:
        return optimizer
    parameters = trainable_weights(model)
    if parameters:
        optimizer.build(parameters)
        _put_state(optimizer, model, arrays, order)
    return optimizer


def _check_order(producer: Producer, weights: Weights) -> None:
    """Raise where the optimizer's arrays are in another order than the weights, or in layouts that are converted."""
    if weights.optimizer_fault:
        raise ValueError(weights.optimizer_fault)
    flipped = isinstance(weights.arrays, ArraysByLayer) and weights.arrays.flipped_kernels
    if flipped or producer.sorts_trained_weights:
        raise ValueError(
            f"The state of the optimizer is not read from files of {producer}, only from those of "
            "Keras 2.1.6 and later, not on Theano: compile the model anew to train it."
        )


def _each(deserialize: Callable[[Any, Mapping[str, Any]], Any], told: Any, custom_objects: Mapping[str, Any]) -> Any:
    """Losses or metrics with each configuration, and each name of the user's own, made into what it means."""
    if isinstance(told, list):
        return [_each(deserialize, one, custom_objects) for one in told]
    if isinstance(told, str):
        made = None if told.lower() in _BY_SHAPES else deserialize(told, custom_objects)
        own = {told, told.rpartition(">")[2]} & custom_objects.keys()
        return made if own or is_absent(made) else told  # a name of Keras' stays one, for logs are named by it
    if not isinstance(told, dict):
        return told
    if "class_name" not in told:
        return {key: _each(deserialize, one, custom_objects) for key, one in told.items()}
    known = _known_form(told)
    return _each(deserialize, known, custom_objects) if isinstance(known, str) else deserialize(known, custom_objects)


def _known_form(entry: dict[str, Any]) -> Any:
    """A loss or metric as tf.keras wrote it, in Keras 3's form."""
    config = entry.get("config")
    if not isinstance(config, dict):
        return entry
    if entry["class_name"] == "MeanMetricWrapper" and isinstance(config.get("fn"), str):
        return config.get("name", config["fn"])  # what `compile` was given: "accuracy" for a function that it chose
    wraps = entry["class_name"] in ("LossFunctionWrapper", "MeanMetricWrapper")
    arguments = {key: one for key, one in config.items() if key != "fn" or wraps}
    if arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"
    return {**entry, "config": arguments}


def _of_the_only_output(metrics: Any) -> Any:
    """tf.keras' list for each output, where there is one output, as Keras 3 has it."""
    return metrics[0] if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list) else metrics
