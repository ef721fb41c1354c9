"""Schedules and their configurations."""

from collections.abc import Callable, Mapping
from typing import Any

from torch_keras_lstm.optimizers.schedules.cosine_decay import CosineDecay
from torch_keras_lstm.optimizers.schedules.cosine_decay_restarts import CosineDecayRestarts
from torch_keras_lstm.optimizers.schedules.exponential_decay import ExponentialDecay
from torch_keras_lstm.optimizers.schedules.inverse_time_decay import InverseTimeDecay
from torch_keras_lstm.optimizers.schedules.piecewise_constant_decay import PiecewiseConstantDecay
from torch_keras_lstm.optimizers.schedules.polynomial_decay import PolynomialDecay
from torch_keras_lstm.registry import Config, Registry

_SCHEDULES = (
    CosineDecay, CosineDecayRestarts, ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay,
)  # fmt: skip
_REGISTRY: Registry[Callable[..., float]] = Registry(
    "learning rate schedule",
    "torch_keras_lstm.optimizers.schedules",
    {cls.__name__: cls.from_config for cls in _SCHEDULES},
    "optimizers.schedules",
)


def serialize(learning_rate_schedule: object) -> Config | str | None:
    """The configuration of ``learning_rate_schedule`` as Keras 3 writes it.

    Example:
        >>> serialize(PolynomialDecay(0.1, decay_steps=100))["config"]["decay_steps"]
        100
    """
    return _REGISTRY.serialize(learning_rate_schedule)


def deserialize(
    config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., float]:
    """The schedule that :func:`serialize` described as ``config``.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its schedule.

    Example:
        >>> config = {"initial_learning_rate": 0.1, "decay_steps": 9}
        >>> deserialize({"class_name": "CosineDecay", "config": config}).decay_steps
        9
    """
    return _REGISTRY.deserialize(config, custom_objects, "learning_rate")
