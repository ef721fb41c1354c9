"""What Keras' users do with a variable, whatever keeps it: a layer, a metric, an optimizer."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.torch_internals import plain_results


class VariableFace(Tensor):
    """A tensor with the methods of ``keras.Variable``. What an operation makes of it is a plain tensor."""

    __torch_function__ = plain_results

    _given_name: str

    @property
    def name(self) -> str:  # torch has an attribute of that name, which is None
        """Keras' name of it, such as "kernel"."""
        return self._given_name

    @property
    @abstractmethod
    def path(self) -> str:
        """The name behind that of its owner, such as "dense/kernel"."""

    @property
    def value(self) -> Self:
        """The variable: it is its own tensor."""
        return self

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """A copy as a NumPy array, of one that is trained too; bfloat16, which NumPy lacks, comes as float32."""
        plain = self.detach().cpu()
        return (plain.float() if plain.dtype is torch.bfloat16 else plain).numpy().copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype)

    @abstractmethod
    def assign(self, value: Any) -> Self:
        """Write ``value`` into the variable, which is returned.

        Raises:
            ValueError: when it has another shape.
        """

    @abstractmethod
    def beside(self, value: Any) -> Tensor:
        """``value`` as a tensor that can be added to this one."""

    def assign_add(self, value: Any) -> Self:
        """Add ``value``, in place; errors as of :meth:`assign`."""
        return self.assign(self.detach() + self.beside(value))

    def assign_sub(self, value: Any) -> Self:
        """Subtract ``value``, in place; errors as of :meth:`assign`."""
        return self.assign(self.detach() - self.beside(value))

    def __repr__(self, **contents: Any) -> str:  # type: ignore[override]
        dtype = str(self.dtype).removeprefix("torch.")
        values = np.array2string(self.numpy(), threshold=20, edgeitems=2)
        kind = type(self).__name__.removeprefix("Trained")
        return f"<{kind} path={self.path}, shape={tuple(self.shape)}, dtype={dtype}, value={values}>"
