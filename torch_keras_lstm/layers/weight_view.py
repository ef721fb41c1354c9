"""A weight that torch lays out in its own way, as Keras' users know it: ``layer.kernel``."""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.variable import Variable, variable_of
from torch_keras_lstm.layers.weight import WeightRow


class _Owner(Protocol):
    """What a view needs of the layer that has the weight."""

    _rows: tuple[WeightRow, ...]

    def own_weights(self, rows: Iterable[WeightRow] | None = None) -> Iterator[tuple[WeightRow, Tensor]]: ...
    def assign(self, row: WeightRow, array: Tensor) -> None: ...
    def replace_row(self, row: WeightRow, **changes: Any) -> None: ...
    def _tensor_at(self, attribute: str) -> Tensor: ...
    def _weight_path(self, name: str) -> str: ...


class WeightView(Variable):
    """The variable of a weight whose parameter has another name, or another layout, than in Keras.

    It is a tensor in Keras' layout through which gradients pass to the parameter. What is assigned is written into the
    parameter; ``numpy()``, ``value`` and ``grad`` are those of the parameter as it is now.
    """

    _layer: _Owner
    _row: WeightRow

    @classmethod
    def of(cls, layer: _Owner, row: WeightRow) -> Self:
        """The weight of a built layer."""
        ((_, tensor),) = layer.own_weights([row])
        view = tensor.as_subclass(cls)
        view._layer, view._row = layer, row
        return view

    @property
    def name(self) -> str:
        """As of every variable."""
        return self._row.name

    @property
    def path(self) -> str:
        """As of every variable."""
        return self._layer._weight_path(self._row.name)

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """What holds it: parameters, or a buffer."""
        return tuple(map(self._layer._tensor_at, self._row.parameters))

    @property
    def trainable(self) -> bool:
        """As of every variable."""
        return all(one.requires_grad for one in self.parameters)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and not self._row.trainable:
            raise ValueError(f"Variable `{self.path}` holds what is not trained, such as a moving average.")
        for one in self.parameters:
            one.requires_grad = bool(value)

    @property
    def regularizer(self) -> Any:
        """As of every variable; one set here is the layer's from then on."""
        return self._now().regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._layer.replace_row(self._now(), regularizer=value)

    @property
    def constraint(self) -> Any:
        """As of every variable; one set here is the layer's from then on."""
        return self._now().constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._layer.replace_row(self._now(), constraint=value)

    def _now(self) -> WeightRow:
        """The row as it is in the layer's table."""
        return next(row for row in self._layer._rows if row.parameters == self._row.parameters)

    @property
    def value(self) -> Self:
        """The weight as it is now."""
        return type(self).of(self._layer, self._row)

    @property
    def grad(self) -> Tensor | None:
        """The gradient in Keras' layout; ``None`` before there is one."""
        gradients = [one.grad for one in self.parameters]
        known = [one for one in gradients if one is not None]
        return self._row.to_keras(*known) if len(known) == len(gradients) else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        parts = {} if value is None else self._row.to_torch(value.detach())
        for attribute, parameter in zip(self._row.parameters, self.parameters, strict=True):
            parameter.grad = parts[attribute].contiguous() if parts else None

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """A copy of the weight as it is now."""
        ((_, tensor),) = self._layer.own_weights([self._row])
        plain = tensor.detach().cpu()
        return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy().copy()

    def assign_add(self, value: Any) -> Self:
        """Add ``value`` to it."""
        return self.assign(self.value.detach() + self.beside(value))

    def assign_sub(self, value: Any) -> Self:
        """Subtract ``value`` from it."""
        return self.assign(self.value.detach() - self.beside(value))

    def _write(self, value: Tensor) -> None:
        self._layer.assign(self._row, value)
        self.detach().copy_(value)  # where the layout is torch's own, this is a copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return variable_of(self.detach().clone(), trainable=self.trainable, name=self.name, path=self.path)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return self.__deepcopy__({}).__reduce_ex__(protocol)  # type: ignore[no-any-return]


class KerasWeight:
    """An attribute of a layer class that is Keras' name of a weight: ``kernel = KerasWeight()``.

    It reads as the weight in Keras' layout, or ``None`` where the layer has no such weight, and can be set to values.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        return self if layer is None else layer.weight_named(self.name)

    def __set__(self, layer: Any, value: Any) -> None:
        layer.set_weight_named(self.name, value)
