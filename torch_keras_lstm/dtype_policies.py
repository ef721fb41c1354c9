"""``keras.dtype_policies``: in which type a layer keeps its weights, and in which it computes.

With ``mixed_bfloat16`` and ``mixed_float16`` the weights are float32; inputs and weights are cast to half precision at
each call, and so is what comes out. Normalizations compute in float32 in between, as Keras' do.
"""

from collections.abc import Mapping
from typing import Any, Self

import torch

from torch_keras_lstm.half_precision import HALF
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.registry import Config

_MIXED = ("mixed_float16", "mixed_bfloat16")
_GLOBAL: "list[DTypePolicy]" = []  # the mixed one that was set, if one was


class DTypePolicy:
    """The types of a layer.

    Args:
        name: "mixed_float16", "mixed_bfloat16", or one type for everything.

    Raises:
        ValueError: for another name.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"`name` of a policy must be a string such as 'mixed_bfloat16', got {name!r:.200}.")
        self.is_mixed = name in _MIXED
        self._compute = dtypes.any_type(name.removeprefix("mixed_") if self.is_mixed else name)
        self.is_half = self._compute in HALF
        self._name = str(name)

    @property
    def name(self) -> str:
        """The policy's name."""
        return self._name

    @property
    def compute_dtype(self) -> str:
        """What a layer computes in, and what it gives."""
        return dtypes.name(self._compute)

    @property
    def variable_dtype(self) -> str:
        """What a layer keeps its weights in."""
        return "float32" if self.is_mixed else self.compute_dtype

    @property
    def quantization_mode(self) -> None:
        """There is none here."""
        return None

    def get_config(self) -> Config:
        """The constructor's argument."""
        return {"name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The policy that :meth:`get_config` described."""
        return cls(**config)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


FloatDTypePolicy = DTypePolicy


def get(identifier: object) -> DTypePolicy:
    """The policy that ``identifier`` means: a name, a type, a configuration, a policy, or ``None`` for the present one.

    Raises:
        ValueError: for another name.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, Mapping):
        told = identifier.get("config")
        identifier = told.get("name") if isinstance(told, Mapping) else identifier
    return DTypePolicy(identifier if isinstance(identifier, str) else dtypes.name(dtypes.get(identifier)))


def serialize(policy: DTypePolicy) -> Config:
    """The configuration of a policy as Keras 3 writes it."""
    return {"module": "keras", "class_name": "DTypePolicy", "config": policy.get_config(), "registered_name": None}


def deserialize(config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> DTypePolicy:
    """The policy that :func:`serialize` described.

    Raises:
        ValueError: when it is none.
    """
    told = config.get("config")
    if config.get("class_name") not in ("DTypePolicy", "FloatDTypePolicy", "Policy") or not isinstance(told, Mapping):
        raise ValueError(f"Expected the configuration of a DTypePolicy, got {dict(config)!r:.200}.")
    return DTypePolicy(told.get("name"))  # type: ignore[arg-type]  # the constructor says what is wrong


def dtype_policy() -> DTypePolicy:
    """That of layers that are given none: the one that was set, otherwise torch's default type for everything."""
    return _GLOBAL[-1] if _GLOBAL else DTypePolicy(dtypes.name(torch.get_default_dtype()))


def set_dtype_policy(policy: object) -> None:
    """Make ``policy``, or the one of that name, that of all layers from now on that are given none.

    Raises:
        ValueError: for another name.
    """
    found = get(policy)
    _GLOBAL[:] = [found] if found.is_mixed else []
    torch.set_default_dtype(dtypes.get(found.variable_dtype))
