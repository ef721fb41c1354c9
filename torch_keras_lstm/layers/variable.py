"""``keras.Variable``: a tensor that is kept, trained or not, with Keras' names for what is done with it."""

import copy
from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm import initializers
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.layers.weight import draw
from torch_keras_lstm.variable_face import VariableFace

_AGGREGATIONS = (None, "none", "mean", "sum", "only_first_replica")


class Variable(VariableFace):
    """A tensor of torch's with the face of ``keras.Variable``.

    It stands wherever a tensor does: what an operation makes of it is a plain tensor. One that is trained and holds
    floating-point numbers is a ``torch.nn.Parameter`` as well; set as an attribute of a layer it is the layer's weight,
    any other the layer's buffer.

    Args:
        initializer: the values, an array, tensor or numbers; or Keras' name of an initializer, or a callable of a shape
            and ``dtype=``, which needs ``shape``.
        shape: the shape, all sizes known.
        dtype: "float32", "int64" and the like; by default that of the values, ``floatx`` for Python's numbers.
        trainable: whether it gets gradients.
        autocast, aggregation, synchronization: kept for Keras' sake; no number depends on them.
        name: by default the class in snake case, numbered.

    Raises:
        ValueError: for an initializer without a shape, a shape with a free size, a name with a slash in it.
    """

    _path: str | None
    _regularizer: Any
    _constraint: Any

    def __new__(
        cls,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: object = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str | None = "none",
        synchronization: str | None = "auto",
        name: str | None = None,
    ) -> Self:
        """Draw or copy the values."""
        name = unique_name("Variable") if name is None else name
        if not isinstance(name, str) or "/" in name:
            raise ValueError(f"`name` of a variable is a string without a slash, got {name!r}.")
        if aggregation not in _AGGREGATIONS:
            known = ", ".join(map(repr, _AGGREGATIONS))
            raise ValueError(f"`aggregation` of a variable is one of {known}, got {aggregation!r}.")
        values = _first_values(initializer, shape, None if dtype is None else dtypes.any_type(dtype))
        made = variable_of(values, trainable=trainable, name=name)
        made.autocast = bool(autocast)
        made.aggregation = aggregation or "none"
        return cast(Self, made)

    # -- what Keras calls it ----------------------------------------------------------------------------------------

    autocast = True
    aggregation = "none"
    overwrite_with_gradient = False

    @property
    def path(self) -> str:
        """The name behind that of the layer, such as "dense/kernel"."""
        return self._path or self._given_name

    @property
    def trainable(self) -> bool:
        """Whether it gets gradients; settable where it is a parameter."""
        return self.requires_grad

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if value and not isinstance(self, nn.Parameter):
            raise ValueError(
                f"Variable `{self.path}` was made with `trainable=False` or holds no floating-point numbers, so it "
                "cannot be trained: make it with `trainable=True`."
            )
        self.requires_grad = bool(value)

    @property
    def regularizer(self) -> Any:
        """Its value of this variable enters ``losses`` of the layer that has it."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Any) -> None:
        self._regularizer = value

    @property
    def constraint(self) -> Any:
        """What ``apply_constraints`` of the layer that has it projects it on."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Any) -> None:
        self._constraint = value

    def assign(self, value: Any) -> Self:
        """Write ``value``, which has this shape or broadcasts to it, into the variable, which is returned.

        Raises:
            ValueError: when it has another shape.
        """
        given = self.beside(value)
        with torch.no_grad():
            self._write(given)
        return self

    def beside(self, value: Any) -> Tensor:
        """``value`` as a tensor of this type on this device, in this shape."""
        if not isinstance(value, Tensor):
            value = np.asarray(value)
        given = torch.as_tensor(value, device=self.device).detach().to(self.dtype)
        try:
            return given.expand(self.shape)
        except RuntimeError:
            raise ValueError(
                f"Variable `{self.path}` has shape {tuple(self.shape)}, but values of shape {tuple(given.shape)} were "
                "given."
            ) from None

    def _write(self, value: Tensor) -> None:
        self.copy_(value)

    # -- copies -----------------------------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        if id(self) not in memo:
            values = self.detach().clone(memory_format=torch.preserve_format)
            memo[id(self)] = _rebuilt(type(self), values, self.requires_grad, copy.deepcopy(self.__dict__, memo))
        return cast(Self, memo[id(self)])

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self.detach(), self.requires_grad, self.__dict__)


class TrainedVariable(Variable, nn.Parameter):  # torch gives both metaclasses it cannot compare
    """A variable that is a parameter of the module that has it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """As :class:`Variable`, which makes this one where it is to be trained.

        Of a tensor and ``requires_grad=`` it is a ``torch.nn.Parameter``: so tools make another parameter of the kind
        of one that they replace, and what is said of it stays with the layer.
        """
        if "requires_grad" in kwargs:
            return cast(Self, nn.Parameter(args[0], kwargs["requires_grad"]))
        return cast(Self, Variable(*args, **kwargs))


def variable_of(
    values: Tensor,
    *,
    trainable: bool,
    name: str,
    path: str | None = None,
    regularizer: Any = None,
    constraint: Any = None,
) -> Variable:
    """A variable that holds ``values``, which are not copied; a parameter if they are to be trained and can be."""
    kind = TrainedVariable if trainable and values.is_floating_point() else Variable
    made = Tensor._make_subclass(kind, values.detach(), kind is TrainedVariable)
    describe(made, name=name, path=path, regularizer=regularizer, constraint=constraint)
    return made


def describe(variable: Any, *, name: str, path: str | None, regularizer: Any, constraint: Any) -> None:
    """Set what a variable says of itself."""
    variable._given_name, variable._path = name, path
    variable._regularizer, variable._constraint = regularizer, constraint


def _rebuilt(kind: type[Variable], values: Tensor, trained: bool, attributes: dict[str, Any]) -> Variable:
    made = Tensor._make_subclass(kind, values, trained)
    made.__dict__.update(attributes)
    return made


def _first_values(initializer: Any, shape: Sequence[int] | None, dtype: torch.dtype | None) -> Tensor:
    """The values as a tensor of its own."""
    if isinstance(initializer, str):
        initializer = initializers.get(initializer)
    if isinstance(initializer, Tensor | np.ndarray):
        return torch.as_tensor(initializer).detach().to(dtype=dtype, copy=True)
    if callable(initializer):
        if shape is None:
            raise ValueError(
                f"A variable that an initializer draws needs its `shape`, got initializer={initializer!r}."
            )
        return draw(initializer, as_sizes(shape), dtype or torch.get_default_dtype())
    values = torch.as_tensor(np.array(initializer))
    if dtype is None and not isinstance(initializer, np.generic):  # Python's numbers
        dtype = torch.get_default_dtype() if values.is_floating_point() else torch.int32
        dtype = torch.bool if values.dtype is torch.bool else dtype
    return values.to(dtype=dtype)


def as_sizes(shape: Any) -> tuple[int, ...]:
    """A shape as a tuple.

    Raises:
        ValueError: when a size is not known.
    """
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size is None for size in sizes):
        raise ValueError(f"A variable needs all its sizes, got shape {sizes}.")
    return tuple(int(size) for size in sizes)
