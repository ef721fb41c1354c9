"""Keras' regularizers: a weight in Keras' layout -> the term that it adds to the loss, a scalar tensor of its type.

TensorFlow holds the coefficients in single precision, so that a float64 model sees 0.01 as 0.009999999776; so do these.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, check_non_negative
from torch_keras_lstm.array_arguments import ArrayLike, as_tensor
from torch_keras_lstm.registry import Config, Configured, Registry, both_spellings
from torch_keras_lstm.single_precision import to_single

_EPSILON = 1e-7  # keras.backend.epsilon()


class Regularizer(Configured):
    """Base of all regularizers."""

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The loss term of ``weight``: a scalar."""
        raise NotImplementedError


class L1(Regularizer):
    """``l1 * sum(|weight|)``; ``l1`` is 0.01 when ``None``.

    Raises:
        ValueError: when the coefficient is negative or not finite.
    """

    def __init__(self, l1: float | None = 0.01) -> None:
        self.l1 = _coefficient("l1", l1, 0.01)

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The loss term of ``weight``: a scalar."""
        weight = as_tensor(weight)
        return to_single(self.l1) * weight.abs().sum()


class L2(Regularizer):
    """``l2 * sum(weight**2)``; ``l2`` is 0.01 when ``None``.

    Raises:
        ValueError: when the coefficient is negative or not finite.
    """

    def __init__(self, l2: float | None = 0.01) -> None:
        self.l2 = _coefficient("l2", l2, 0.01)

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The loss term of ``weight``: a scalar."""
        weight = as_tensor(weight)
        return to_single(self.l2) * weight.square().sum()


class L1L2(Regularizer):
    """``l1 * sum(|weight|) + l2 * sum(weight**2)``; a coefficient that is not given, or ``None``, is 0.

    Raises:
        ValueError: when a coefficient is negative or not finite.
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0) -> None:
        self.l1 = _coefficient("l1", l1, 0.0)
        self.l2 = _coefficient("l2", l2, 0.0)

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The loss term of ``weight``: a scalar."""
        weight = as_tensor(weight)
        return to_single(self.l1) * weight.abs().sum() + to_single(self.l2) * weight.square().sum()


class OrthogonalRegularizer(Regularizer):
    """``factor`` times the mean absolute cosine between the rows of a matrix, or between its columns.

    Args:
        factor: at least 0.
        mode: "rows" or "columns".

    Raises:
        ValueError: for another factor or mode; at the call, for a weight that is not a matrix.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        check_non_negative("factor", factor)
        check_choice("mode", mode, ("rows", "columns"))
        self.factor = factor
        self.mode = mode

    def __call__(self, weight: ArrayLike) -> Tensor:
        """The loss term of ``weight``: a scalar."""
        weight = as_tensor(weight)
        if weight.dim() != 2:
            raise ValueError(f"OrthogonalRegularizer takes matrices: expected 2 axes, got shape {tuple(weight.shape)}.")
        vectors = F.normalize(weight if self.mode == "rows" else weight.T, dim=1, eps=_EPSILON)
        cosines = vectors @ vectors.T
        pairs = len(vectors) * (len(vectors) - 1) / 2
        return to_single(self.factor) * torch.triu(cosines, diagonal=1).abs().sum() / pairs


def _coefficient(name: str, value: float | None, default: float) -> float:
    value = default if value is None else value
    check_non_negative(name, value)
    return float(value)


# Keras exports each class under a function's name too.
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def _l1_l2_by_name(arguments: Mapping[str, Any]) -> L1L2:
    """Keras 1 and 2: the name ``l1_l2`` alone means 0.01 for both, unlike the class. Keras 3 has no such name."""
    return L1L2.from_config({"l1": 0.01, "l2": 0.01, **arguments})


_REGISTRY: Registry[Callable[[Tensor], Tensor]] = Registry(
    "regularizer", __name__, {**both_spellings(L1, L2, L1L2, OrthogonalRegularizer), "l1_l2": _l1_l2_by_name}
)


def get(identifier: object, argument: str = "regularizer") -> Callable[[Tensor], Tensor] | None:
    """The regularizer that ``identifier`` means: a Keras name, a configuration, a class, a callable, or ``None``.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its regularizer.
        TypeError: for an identifier of any other type.
    """
    return None if identifier is None else _REGISTRY.get(identifier, argument)


def serialize(regularizer: object) -> Config | str | None:
    """The configuration of ``regularizer`` as Keras 3 writes it."""
    return _REGISTRY.serialize(regularizer)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Callable[[Tensor], Tensor] | None:
    """The regularizer that :func:`serialize` described.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "regularizer")


def is_known(config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> bool:
    """Whether :func:`deserialize` knows the name of a regularizer; its configuration is not looked at."""
    return _REGISTRY.knows(config, custom_objects)
