"""What a file remembers of the training: what ``compile`` was told, and how far the optimizer has come."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_keras_lstm import losses, metrics, optimizers
from torch_keras_lstm.conversion import converted_folder
from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray, Weights
from torch_keras_lstm.conversion.containers import naming, open_parts
from torch_keras_lstm.conversion.dialects import Producer
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.optimizer_state import OtherWeights, restore
from torch_keras_lstm.conversion.saved_config import producer_of
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.optimizers import Optimizer
from torch_keras_lstm.registry import CUSTOM_OBJECTS
from torch_keras_lstm.training.trainable_weights import trainable_weights


@dataclass(frozen=True)
class SavedTraining:
    """The arguments of ``compile``.

    Attributes:
        optimizer: with its state, bound to the model's parameters; ``None`` for a model compiled without.
        loss: as the file has it: a name, a loss, or a list or dictionary of them; ``None`` for none.
        metrics: the same of the metrics; so are ``weighted_metrics``.
        loss_weights: a number, or a list or dictionary of them; ``None`` for 1.
        steps_per_execution: after how many batches callbacks are called.
    """

    optimizer: Optimizer | None
    loss: Any
    metrics: Any
    weighted_metrics: Any
    loss_weights: Any
    steps_per_execution: Any = 1


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
        ValueError: when the optimizer, a loss or a metric is not known, or the optimizer's state is damaged.
    """
    path = Path(path)
    if converted_folder.is_converted(path):
        with converted_folder.open_training(path) as found, naming(path):
            return None if found is None else _training(*found, model, custom_objects)
    if path.is_dir() or file_kind(path) not in ("hdf5", "keras"):
        return None
    with naming(path), open_parts(path) as saved:
        if saved.training is None:
            return None
        weights = saved.weights
        if weights is not None and (weights.optimizer or weights.optimizer_fault):
            _check_order(producer_of(saved.root, saved.version), weights)
        return _training(saved.training, () if weights is None else weights.optimizer, model, custom_objects)


def _training(
    told: Mapping[str, Any], arrays: Sequence[SavedArray], model: Layer, custom_objects: Mapping[str, Any] | None
) -> SavedTraining:
    own = custom_objects or {}
    token = CUSTOM_OBJECTS.set(own)  # so that an error tells of them
    try:
        return SavedTraining(
            _optimizer(told.get("optimizer_config", told.get("optimizer")), arrays, model, own),
            _each(losses.deserialize, told.get("loss"), own),
            _of_the_only_output(_each(metrics.deserialize, told.get("metrics"), own)),
            _of_the_only_output(_each(metrics.deserialize, told.get("weighted_metrics"), own)),
            told.get("loss_weights"),
            told.get("steps_per_execution", 1),
        )
    finally:
        CUSTOM_OBJECTS.reset(token)


def _optimizer(
    entry: Any, arrays: Sequence[SavedArray], model: Layer, custom_objects: Mapping[str, Any]
) -> Optimizer | None:
    if entry is None:
        return None
    optimizer = optimizers.deserialize(entry, custom_objects)
    parameters = trainable_weights(model)
    if parameters:
        optimizer.build(parameters)
        try:
            restore(optimizer, model, arrays, entry["config"] if isinstance(entry, Mapping) else {})
        except OtherWeights as error:
            warnings.warn(f"{error} The optimizer begins anew.", stacklevel=5)
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
        return deserialize(told, custom_objects) if told in custom_objects else told
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
