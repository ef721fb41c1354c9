"""The optimizers by name, for those that hold others too; ``serialization.py`` puts in the classes."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.optimizers.older_configs import in_keras_3s_words
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.registry import Config, Registry

OPTIMIZERS: Registry[Optimizer] = Registry("optimizer", "torch_keras_lstm.optimizers", {})


def serialize(optimizer: object) -> Config | str | None:
    """The configuration of an optimizer as Keras 3 writes it.

    Example:
        >>> serialize(SGD(0.1, momentum=0.9))["config"]["momentum"]
        0.9
    """
    return OPTIMIZERS.serialize(optimizer)


def deserialize(config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Optimizer:
    """The optimizer that :func:`serialize` described as ``config``, or that a Keras from version 1 on wrote.

    Args:
        custom_objects: classes of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its optimizer.

    Example:
        >>> deserialize({"class_name": "Adam", "config": {"learning_rate": 0.1}}).beta_2
        0.999
    """
    entry = {"class_name": config, "config": {}} if isinstance(config, str) else in_keras_3s_words(config)
    name = entry.get("class_name")
    if isinstance(name, str) and name.lower() in OPTIMIZERS.builders and name not in (custom_objects or {}):
        entry["class_name"] = name.lower()
    return OPTIMIZERS.deserialize(entry, custom_objects, "optimizer")
