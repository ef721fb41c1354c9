"""What ``compile`` was told, as Keras 3 writes it into a file."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from torch_keras_lstm import losses, metrics, optimizers
from torch_keras_lstm.optimizers import TorchOptimizer
from torch_keras_lstm.registry import Config


def compile_config(optimizer: Any, arguments: Mapping[str, Any]) -> Config:
    """The configuration of a model's training.

    A loss or a metric of the user's own, or of torch's, is its name: whoever reads the file gives what is meant as
    ``custom_objects``.

    Args:
        optimizer: the compiled one.
        arguments: those of ``compile``, by name.

    Raises:
        ValueError: for an optimizer of torch's, which has no configuration, or an argument that JSON cannot hold.
    """
    if isinstance(optimizer, TorchOptimizer):
        raise ValueError(f"torch's {optimizer.name} has no configuration from which it could be made anew")
    config = {
        "optimizer": optimizers.serialize(optimizer),
        "loss": _each(losses.serialize, arguments["loss"]),
        "loss_weights": arguments["loss_weights"],
        "metrics": _each(metrics.serialize, arguments["metrics"]),
        "weighted_metrics": _each(metrics.serialize, arguments["weighted_metrics"]),
        **{name: arguments[name] for name in ("run_eagerly", "steps_per_execution", "jit_compile")},
    }
    return {name: _plain(value, name) for name, value in config.items()}


def _each(serialize: Callable[[object], Any], given: Any) -> Any:
    """Losses or metrics as they were given, each object in its place by its configuration."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Mapping):
        return given if "class_name" in given else {name: _each(serialize, one) for name, one in given.items()}
    if isinstance(given, list | tuple):
        return [_each(serialize, one) for one in given]
    return serialize(given() if isinstance(given, type) else given)


def _plain(value: Any, place: str) -> Any:
    """``value`` in the types that JSON has."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(one, f"{place}.{name}") for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, place) for one in value]
    if isinstance(value, np.ndarray | np.generic | Tensor):
        return value.tolist()
    raise ValueError(f"`{place}` is {value!r}, for which a file has no words")
