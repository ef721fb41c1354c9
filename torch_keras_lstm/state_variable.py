"""The variables that metrics and optimizers keep: what ``keras.Variable`` is to their users."""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.variable_face import VariableFace


class StateVariable(VariableFace):
    """A tensor under a name, without a gradient, that :meth:`assign` writes into.

    It stands wherever a tensor does: what an operation makes of it is a plain tensor.

    Args:
        values: not copied.
        name: as Keras has it.
        owner: the name of what it belongs to, the first part of ``path``.
        write: called with the new value by :meth:`assign`, where the values are not kept in this tensor alone.

    Attributes:
        trainable: ``False``.
        constraint, regularizer: ``None``.
    """

    trainable = False
    constraint = regularizer = None

    _owner: str
    _elsewhere: Callable[[Tensor], None] | None

    def __new__(cls, values: Tensor, name: str, owner: str = "", write: Callable[[Tensor], None] | None = None) -> Self:
        """Note what the values are called."""
        made: Any = Tensor._make_subclass(cls, values.detach(), False)
        made._given_name, made._owner, made._elsewhere = name, owner, write
        return made  # type: ignore[no-any-return]  # torch's annotations have no class here

    @property
    def path(self) -> str:
        """The name behind that of its owner, such as "mean/total"."""
        return f"{self._owner}/{self._given_name}" if self._owner else self._given_name

    def assign(self, value: Any) -> Self:
        """Take another value, of the same shape, in the variable's own type.

        Raises:
            ValueError: for another shape.
        """
        given = as_tensor(value)
        if given.shape != self.shape:
            raise ValueError(
                f"The variable `{self.path}` has shape {tuple(self.shape)} and takes no value of shape "
                f"{tuple(given.shape)}."
            )
        with torch.no_grad():
            self.copy_(given)
            if self._elsewhere is not None:
                # a Python number keeps its digits where there are more than here
                exact = given if isinstance(value, Tensor | np.ndarray) else as_tensor(value, torch.float64)
                self._elsewhere(exact)
        return self

    def beside(self, value: Any) -> Tensor:
        """``value`` as a tensor on this device."""
        return as_tensor(value, device=self.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.detach().clone(), self._given_name, self._owner)
        copied: Self = memo[id(self)]
        return copied

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return type(self), (self.detach().as_subclass(Tensor), self._given_name, self._owner)
