"""Keras' constraints: a weight in Keras' layout -> the nearest one allowed, put in its place after an optimizer's step.

A weight is a tensor, an array or numbers.

Norms run along ``axis``, an integer or a list of integers; with 0 a kernel (in, out) has one norm for each unit.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_axes, check_integer, check_number
from torch_keras_lstm.array_arguments import ArrayLike, as_tensor
from torch_keras_lstm.registry import Config, Configured, Registry, both_spellings

Axes = int | list[int] | tuple[int, ...]

_EPSILON = 1e-7  # keras.backend.epsilon()


class Constraint(Configured):
    """Base of all constraints, which allows every weight; one of your own overrides the call."""

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The constrained weight, of the same shape and type."""
        return as_tensor(weight)


class NonNeg(Constraint):
    """Negative weights become 0."""

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The constrained weight, of the same shape and type."""
        weight = as_tensor(weight)
        return weight.clamp(min=0.0)


class MaxNorm(Constraint):
    """Norms above ``max_value`` are reduced to it."""

    def __init__(self, max_value: float = 2, axis: Axes = 0) -> None:
        check_number("max_value", max_value)
        _check_axis(axis)
        self.max_value = max_value
        self.axis = axis

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The constrained weight, of the same shape and type."""
        weight = as_tensor(weight)
        norms = _norms(weight, self.axis)
        return weight * (norms.clamp(0.0, self.max_value) / (_EPSILON + norms))


class UnitNorm(Constraint):
    """Norms become 1."""

    def __init__(self, axis: Axes = 0) -> None:
        _check_axis(axis)
        self.axis = axis

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The constrained weight, of the same shape and type."""
        weight = as_tensor(weight)
        return weight / (_EPSILON + _norms(weight, self.axis))


class MinMaxNorm(Constraint):
    """Norms move into the range from ``min_value`` to ``max_value``, or the fraction ``rate`` of the way there."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axes = 0) -> None:
        for name, value in (("min_value", min_value), ("max_value", max_value), ("rate", rate)):
            check_number(name, value)
        _check_axis(axis)
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The constrained weight, of the same shape and type."""
        weight = as_tensor(weight)
        norms = _norms(weight, self.axis)
        desired = self.rate * norms.clamp(self.min_value, self.max_value) + (1 - self.rate) * norms
        return weight * (desired / (_EPSILON + norms))


def _norms(weight: Tensor, axis: Axes) -> Tensor:
    return torch.sqrt(weight.square().sum(dim=axis, keepdim=True))


def _check_axis(axis: object) -> None:
    (check_axes if isinstance(axis, list | tuple) else check_integer)("axis", axis)


# Keras exports each class under a function's name too.
max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm

_KERAS_1 = {"maxnorm": MaxNorm.from_config, "nonneg": NonNeg.from_config, "unitnorm": UnitNorm.from_config}
_REGISTRY: Registry[Callable[[Tensor], Tensor]] = Registry(
    "constraint", __name__, {**both_spellings(MaxNorm, NonNeg, UnitNorm, MinMaxNorm), **_KERAS_1}
)


def get(identifier: object, argument: str = "constraint") -> Callable[[Tensor], Tensor] | None:
    """The constraint that ``identifier`` means: a Keras name, a configuration, a class, a callable, or ``None``.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its constraint.
        TypeError: for an identifier of any other type.
    """
    return None if identifier is None else _REGISTRY.get(identifier, argument)


def serialize(constraint: object) -> Config | str | None:
    """The configuration of ``constraint`` as Keras 3 writes it."""
    return _REGISTRY.serialize(constraint)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Callable[[Tensor], Tensor] | None:
    """The constraint that :func:`serialize` described.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "constraint")


def is_known(config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> bool:
    """Whether :func:`deserialize` knows the name of a constraint; its configuration is not looked at."""
    return _REGISTRY.knows(config, custom_objects)
