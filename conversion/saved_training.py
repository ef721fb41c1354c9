"""What a file remembers of the training: what ``compile`` was told, and how far the optimizer has come."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from torch_keras_lstm import losses, metrics, optimizers
from torch_keras_lstm.conversion.absent import absent_loss, absent_metric, is_absent, name_in
from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray, Weights
from torch_keras_lstm.conversion.containers import SavedModel, SavedParts, open_parts
from torch_keras_lstm.conversion.converted_folder import ConvertedFolder, is_converted
from torch_keras_lstm.conversion.dialects import exchanged_tversky
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.model_weights import weights_for
from torch_keras_lstm.conversion.named_state import state_in_order
from torch_keras_lstm.conversion.optimizer_state import Order, OtherWeights, order_of, restore
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.sources import brief, naming
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


@dataclass(frozen=True)
class KeptTraining:
    """What a file keeps of the training, not understood yet; arrays can be read while the file is open.

    Attributes:
        told: what ``compile`` was told, in the file's words.
        producer: who wrote it.
        arrays: the optimizer's.
        fault: why these cannot be used; empty when they can.
        named: the weights of a file that has the optimizer's arrays by their names; else ``None``.
    """

    told: Mapping[str, Any]
    producer: Producer
    arrays: Sequence[SavedArray] = ()
    fault: str = ""
    named: Weights | None = None


def kept_in(parts: SavedParts) -> KeptTraining | None:
    """What an open file keeps of the training; ``None`` when the model was not compiled."""
    if parts.training is None:
        return None
    if parts.weights is None:
        return KeptTraining(parts.training, parts.producer)
    weights, producer = parts.weights, parts.producer
    named = weights if weights.optimizer_by_name else None
    return KeptTraining(parts.training, producer, weights.optimizer, _fault(producer, weights), named)


@contextmanager
def kept_in_folder(folder: ConvertedFolder) -> Iterator[KeptTraining | None]:
    """What a converted folder keeps of the training, in the words of Keras 3; ``None`` when it does not say."""
    with folder.training() as found, naming(folder.directory):
        yield None if found is None else KeptTraining(found[0], _OURS, found[1])


@contextmanager
def _opened(path: Path) -> Iterator[KeptTraining | None]:
    if is_converted(path):
        with kept_in_folder(ConvertedFolder(path)) as kept:
            yield kept
    elif file_kind(path) in ("hdf5", "keras", "keras folder", "orbax", "tfjs"):
        with open_parts(path) as parts:
            yield kept_in(parts)
    else:
        yield None


def compile_as_saved(model: Model, path: str | Path, custom_objects: Mapping[str, Any] | None = None) -> None:
    """Compile ``model`` as its file says it was; ``compile_error`` says what of that could not be had, and why."""
    try:
        with _opened(Path(path)) as kept:
            compile_as_kept(model, kept, custom_objects)
    except (ValueError, TypeError) as error:
        model.compile_error = brief(str(error))


def compile_as_kept(model: Model, kept: KeptTraining | None, custom_objects: Mapping[str, Any] | None) -> None:
    """Compile ``model`` as an open file says it was, if it does.

    Raises:
        ValueError, TypeError: when that cannot be.
    """
    if kept is None:
        return
    if has_compile_of_its_own(model):
        _compile_by_the_class(model, kept)
        return
    saved = training_of(kept, model, custom_objects)
    model.compile(**saved.arguments)
    model.compile_error = " ".join(saved.missing)


def has_compile_of_its_own(model: Model) -> bool:
    """Whether the class of a model overrides ``compile``, whose arguments only its author knows."""
    return type(model).compile is not Model.compile


def _compile_by_the_class(model: Model, kept: KeptTraining) -> None:
    """Compile a model by its ``compile_from_config`` if the class has one for its ``compile``, else warn, as Keras."""
    if type(model).compile_from_config is Model.compile_from_config:
        model.compile_error = (
            "`compile()` was not called as part of model loading because the model's `compile()` method is custom. "
            "All subclassed Models that have `compile()` overridden should also override `get_compile_config()` and "
            "`compile_from_config(config)`. Alternatively, you can call `compile()` manually after loading."
        )
        warnings.warn(model.compile_error, stacklevel=5)
        return
    if kept.fault:
        raise ValueError(kept.fault)
    model.compile_from_config(kept.told)
    optimizer, parameters = model.optimizer, trainable_weights(model)
    if not isinstance(optimizer, Optimizer) or not parameters:
        return
    optimizer.build(parameters)
    entry = {"class_name": type(optimizer).__name__, "config": optimizer.get_config()}
    _put_state(optimizer, model, kept, order_of(entry, kept.producer))


def _put_state(optimizer: Optimizer, model: Layer, kept: KeptTraining, order: Order) -> None:
    try:
        arrays = kept.arrays
        if kept.named is not None:
            layers, _, rows = weights_for(model, kept.named)
            arrays = state_in_order(optimizer, model, kept.named, layers, rows)
        restore(optimizer, model, arrays, order)
    except OtherWeights as error:
        warnings.warn(f"{error} The optimizer begins anew.", stacklevel=7)


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
    with _opened(Path(path)) as kept:
        return None if kept is None else training_of(kept, model, custom_objects)


# names of several losses or metrics, one of which the shapes of the first batch choose
_BY_SHAPES = ("acc", "accuracy", "ce", "crossentropy")
# a folder is written in the words of Keras 3, and its optimizer's arrays in the order of Keras 3
_OURS = Producer(Generation.KERAS_3, "3.15")


def missing_of(saved: SavedModel, custom_objects: Mapping[str, Any] | None = None) -> tuple[str, ...]:
    """What of an open model's training is not known: the ``missing`` of :class:`SavedTraining`."""
    told = saved.parts.training
    return () if told is None else training_of(KeptTraining(told, saved.parts.producer), None, custom_objects).missing


def training_of(
    kept: KeptTraining, model: Layer | None, custom_objects: Mapping[str, Any] | None = None
) -> SavedTraining:
    """What a file keeps of the training, understood; errors as :func:`load_training`.

    Args:
        kept: what the file keeps.
        model: that the optimizer is for; ``None`` for an optimizer without weights.
        custom_objects: as of :func:`load_training`.
    """
    if kept.fault and model is not None:
        raise ValueError(kept.fault)
    told, own = kept.told, with_registered(custom_objects)
    missing: list[str] = []
    loss = told.get("loss")
    token = CUSTOM_OBJECTS.set(own)  # so that an error tells of them
    try:
        of_loss = partial(_loss, missing)
        of_metric = partial(_metric, missing)
        return SavedTraining(
            _optimizer(kept, model, own, missing),
            _each(of_loss, exchanged_tversky(loss) if kept.producer.has_rules_of_3_16 else loss, own),
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
        missing.append(f"The loss cannot be had: {brief(str(error))}")
        return absent_loss(entry, missing[-1])


def _metric(missing: list[str], entry: Any, custom_objects: Mapping[str, Any]) -> Any:
    try:
        return metrics.deserialize(entry, custom_objects)
    except (TypeError, ValueError) as error:
        missing.append(f"A metric cannot be had: {brief(str(error))}")
        return absent_metric(entry, missing[-1])


def _optimizer(
    kept: KeptTraining, model: Layer | None, custom_objects: Mapping[str, Any], missing: list[str]
) -> Optimizer | None:
    entry = kept.told.get("optimizer_config", kept.told.get("optimizer"))
    if entry is None:
        return None
    if not isinstance(entry, str | Mapping):
        missing.append(f"The optimizer cannot be had: expected a name or a configuration, got {entry!r:.200}.")
        return None
    order = order_of(entry, kept.producer)
    if order is Order.LEGACY and isinstance(entry, Mapping) and name_in(entry) not in custom_objects:
        entry = by_the_legacy_rule(entry)
    try:
        optimizer = optimizers.deserialize(entry, custom_objects)
    except (TypeError, ValueError) as error:
        missing.append(f"The optimizer cannot be had: {brief(str(error))}")
        return None
    if model is None:
        return optimizer
    parameters = trainable_weights(model)
    if parameters:
        optimizer.build(parameters)
        _put_state(optimizer, model, kept, order)
    return optimizer


def _fault(producer: Producer, weights: Weights) -> str:
    """Why an optimizer's arrays are of no use: in another order than the weights, or in layouts that are converted."""
    if weights.optimizer_fault or not weights.optimizer:
        return weights.optimizer_fault
    flipped = isinstance(weights.arrays, ArraysByLayer) and weights.arrays.flipped_kernels
    if flipped or producer.sorts_trained_weights:
        return (
            f"The state of the optimizer is not read from files of {producer}, only from those of "
            "Keras 2.1.6 and later, not on Theano: compile the model anew to train it."
        )
    return ""


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
