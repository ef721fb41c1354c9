"""What a Keras file remembers of the training: what ``compile`` was told, and how far the optimizer has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch_keras_lstm import optimizers
from torch_keras_lstm.conversion.arrays import ArraysByLayer
from torch_keras_lstm.conversion.containers import SavedModel, naming, open_saved_model
from torch_keras_lstm.conversion.file_kind import file_kind
from torch_keras_lstm.conversion.optimizer_state import restore
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.optimizers import Optimizer
from torch_keras_lstm.training.trainable_weights import trainable_weights


@dataclass(frozen=True)
class SavedTraining:
    """The arguments of ``compile``.

    Attributes:
        optimizer: with its state, bound to the model's parameters; ``None`` for a model compiled without.
        loss: as the file has it: a name, a configuration, or a list or dictionary of them; ``None`` for none. A
            function of the user's own is its name.
        metrics: the same of the metrics; so are ``weighted_metrics``.
        loss_weights: a number, or a list or dictionary of them; ``None`` for 1.
    """

    optimizer: Optimizer | None
    loss: Any
    metrics: Any
    weighted_metrics: Any
    loss_weights: Any


def load_training(
    path: str | Path, model: Layer, custom_objects: Mapping[str, Any] | None = None
) -> SavedTraining | None:
    """What a whole model, ``.keras`` or ``.h5``, was compiled with; ``None`` when it was not, or tells nothing of it.

    Args:
        path: the file.
        model: what :func:`load_model` made of it. Layers that were frozen when Keras trained must be frozen.
        custom_objects: optimizers and schedules of the user's own by the names that the file gives them.

    Raises:
        OSError: when the file is missing, or truncated or damaged.
        ValueError: when the optimizer is not known, or its state does not fit the model.
    """
    path = Path(path)
    if path.is_dir() or file_kind(path) not in ("hdf5", "keras"):
        return None
    with open_saved_model(path) as saved, naming(path):
        if saved.training is None:
            return None
        told = saved.training
        optimizer = _optimizer(saved, told.get("optimizer_config", told.get("optimizer")), model, custom_objects)
        return SavedTraining(
            optimizer,
            _known_form(told.get("loss")),
            _of_the_only_output(_known_form(told.get("metrics"))),
            _of_the_only_output(_known_form(told.get("weighted_metrics"))),
            told.get("loss_weights"),
        )


def _optimizer(
    saved: SavedModel, entry: Any, model: Layer, custom_objects: Mapping[str, Any] | None
) -> Optimizer | None:
    if entry is None:
        return None
    optimizer = optimizers.deserialize(entry, custom_objects)
    parameters = trainable_weights(model)
    if parameters:
        optimizer.build(parameters)
        arrays = () if saved.weights is None else saved.weights.optimizer
        if arrays:
            _check_order(saved)
        restore(optimizer, model, arrays, entry["config"] if isinstance(entry, Mapping) else {})
    return optimizer


def _check_order(saved: SavedModel) -> None:
    """Raise where the optimizer's arrays are in another order than the weights, or in layouts that are converted."""
    flipped = (
        saved.weights is not None
        and isinstance(saved.weights.arrays, ArraysByLayer)
        and saved.weights.arrays.flipped_kernels
    )
    if flipped or saved.description.producer.sorts_trained_weights:
        raise ValueError(
            f"The state of the optimizer is not read from files of {saved.description.producer}, only from those of "
            "Keras 2.1.6 and later, not on Theano: compile the model anew to train it."
        )


def _known_form(value: Any) -> Any:
    """Losses or metrics as tf.keras wrote them, in Keras 3's form."""
    if isinstance(value, list):
        return [_known_form(one) for one in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if "class_name" not in value or not isinstance(config, dict):
        return {key: _known_form(one) for key, one in value.items()}
    if value["class_name"] == "MeanMetricWrapper" and isinstance(config.get("fn"), str):
        return config.get("name", config["fn"])  # what `compile` was given: "accuracy" for a function that it chose
    arguments = {key: one for key, one in config.items() if key != "fn"}
    if arguments.get("reduction") == "auto":
        arguments["reduction"] = "sum_over_batch_size"
    return {**value, "config": arguments}


def _of_the_only_output(metrics: Any) -> Any:
    """tf.keras' list for each output, where there is one output, as Keras 3 has it."""
    return metrics[0] if isinstance(metrics, list) and len(metrics) == 1 and isinstance(metrics[0], list) else metrics
