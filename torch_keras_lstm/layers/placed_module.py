"""Where a layer is, and in which types: its device, the type of its weights, its policy, its path in the model."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from torch_keras_lstm.dtype_policies import DTypePolicy
from torch_keras_lstm.dtype_policies import get as dtype_policy_of
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import current_path, scope


class PlacedModule(nn.Module):
    """A torch module with the name, the path, the types and the device of a Keras layer."""

    name: str
    _trainable: bool
    _placement: Tensor  # of no numbers, but with the type and the device that `.to()` gives
    _path: str

    @property
    def _dtype(self) -> torch.dtype:
        """The type of the parameters, and the one that floating inputs are cast to."""
        return self._buffers["_placement"].dtype  # type: ignore[union-attr]  # not by way of Module.__getattr__, which is slow

    @property
    def dtype(self) -> dtypes.DTypeName:
        """The name of the type of the weights, which floating inputs are cast to; ``.to(dtype)`` changes it.

        It is a string, as in Keras, and equal to torch's type of that name; ``layer.dtype.torch`` is that type.
        """
        return dtypes.DTypeName(dtypes.name(self._dtype))

    @property
    def variable_dtype(self) -> dtypes.DTypeName:
        """Keras' other name of :attr:`dtype`."""
        return self.dtype

    @property
    def compute_dtype(self) -> dtypes.DTypeName:
        """The type that the layer computes in; ``torch.autocast`` may choose another."""
        policy = self.__dict__.get("_policy")
        return dtypes.DTypeName(policy.compute_dtype) if policy is not None and policy.is_mixed else self.dtype

    @property
    def dtype_policy(self) -> DTypePolicy:
        """Which types the layer has. It can be set by name; one type for everything is as ``.to(dtype)``."""
        policy = self.__dict__.get("_policy")
        return policy if policy is not None and policy.is_mixed else DTypePolicy(str(self.dtype))

    @dtype_policy.setter
    def dtype_policy(self, value: object) -> None:
        policy = dtype_policy_of(value)
        self.to(dtypes.get(policy.variable_dtype))
        self.__dict__["_policy"] = policy
        self._follow_policy()

    def _follow_policy(self) -> None:
        """Compute in the type that the policy says."""

    @property
    def device(self) -> torch.device:
        """Where the parameters are; arrays that are not tensors yet are put there."""
        return self._buffers["_placement"].device  # type: ignore[union-attr]

    @property
    def trainable(self) -> bool:
        """Whether the parameters get gradients. Setting it sets ``requires_grad`` of all, sublayers included."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for module in self.modules():
            if isinstance(module, PlacedModule):
                module._trainable = value
        self.requires_grad_(value)

    @property
    def path(self) -> str:
        """The name, behind those of the layers that were being built around it when it was built."""
        found: str = self.__dict__.get("_path") or self.name
        return found

    @contextmanager
    def building(self) -> Iterator[None]:
        """Inside, layers that are built are part of this one."""
        self.__dict__.setdefault("_path", current_path(self.name))
        with scope(self.name):
            yield
