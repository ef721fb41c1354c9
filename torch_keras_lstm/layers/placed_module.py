"""Where a layer is, and in which types: its device and type, those of its first parameter, its policy, its path."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from torch_keras_lstm.dtype_policies import DTypePolicy
from torch_keras_lstm.dtype_policies import get as dtype_policy_of
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import current_path, scope


class PlacedModule(nn.Module):
    """A torch module with the name, the path, the types and the device of a Keras layer.


    Type and device are those of its first parameter. So they are right whoever puts another in its place:
    ``torch.func.functional_call``, ``fully_shard`` with a policy of mixed precision, ``load_state_dict(assign=True)``.
    A module without parameters remembers what ``.to()`` gave it, in plain attributes: a buffer for it would be sharded,
    broadcast and counted by tools that look for buffers.
    """

    name: str
    _trainable: bool
    _path: str
    _policy: DTypePolicy
    _leading: str = ""  # the attribute of the first parameter of its own, once that has its shape
    _placed_dtype: torch.dtype  # what `.to()` gave
    _placed_device: torch.device
    _keeps_policy: ClassVar[bool] = False  # whether its policy is that under which it was made, whatever its type
    _follows_parts: bool = True  # whether its type is that of the first parameter of the layers inside it

    def place(self, dtype: torch.dtype) -> None:
        """Be of that type, on the device on which torch makes tensors now, until there is a parameter."""
        self._placed_dtype, self._placed_device = dtype, torch.empty(0).device

    @property
    def _dtype(self) -> torch.dtype:
        """The type of the parameters, and the one that floating inputs are cast to."""
        leading = self._parameters.get(self._leading)
        if leading is not None:
            return leading.dtype
        part = self._leading_part() if self._follows_parts and self._modules else None
        if part is None or not part._is_made_as(self):
            return self._placed_dtype
        return part._parameters[part._leading].dtype  # type: ignore[union-attr]  # which it has

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
        policy: DTypePolicy | None = self.__dict__.get("_policy")
        if policy is not None and (policy.is_mixed or self._keeps_policy):
            return policy
        return DTypePolicy(str(self.dtype))

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
        leading = self._parameters.get(self._leading)
        if leading is not None:
            return leading.device
        part = self._first_part() if self._modules else None
        return self._placed_device if part is None else part.device

    @property
    def _example(self) -> Tensor:
        """An empty tensor of the module's type, where it is."""
        return torch.empty(0, dtype=self._dtype, device=self.device)

    def _first_part(self) -> Tensor | None:
        """The first parameter of the layers inside this one, of those that have their shapes."""
        part = self._leading_part()
        return None if part is None else part._parameters[part._leading]

    def _leading_part(self) -> "PlacedModule | None":
        """The layer inside this one that has that parameter.

        A module of torch's has a type of its own, which says nothing of the layer's.
        """
        for module in _nearest(self):
            leading = module._parameters.get(module._leading)
            found = module if leading is not None else module._leading_part()
            if found is not None and found._parameters[found._leading].is_floating_point():  # type: ignore[union-attr]
                return found
        return None

    def _is_made_as(self, other: "PlacedModule") -> bool:
        """Whether both were made under one policy: else each has a type of its own, whatever became of them."""
        mine, others = self.__dict__.get("_policy"), other.__dict__.get("_policy")
        return mine is others or (mine is not None and others is not None and mine.name == others.name)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch has not annotated it
        probe = torch.empty(0, dtype=self._placed_dtype, device=self._placed_device)
        try:
            placed = fn(probe)
        except NotImplementedError:  # there is nothing on the meta device that could be moved away from it
            placed = fn(torch.empty(0, dtype=self._placed_dtype, device="cpu"))
        self._placed_dtype, self._placed_device = placed.dtype, placed.device
        return self

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


def parts_of(module: nn.Module) -> list[nn.Module]:
    """The module and all those inside it, each once and in the order of ``modules()``, in a fifth of its time."""
    found: dict[nn.Module, None] = {}
    _collect(module, found)
    return [*found]


def _collect(module: nn.Module, found: dict[nn.Module, None]) -> None:
    found[module] = None
    for part in module._modules.values():
        if part is not None and part not in found:
            _collect(part, found)


def _nearest(module: nn.Module) -> Iterator[PlacedModule]:
    """The layers inside a module, those in lists of it too, but none inside another of them."""
    for part in module._modules.values():
        if isinstance(part, PlacedModule):
            yield part
        elif part is not None:
            yield from _nearest(part)
