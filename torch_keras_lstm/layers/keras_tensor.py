"""``keras.KerasTensor``: what a layer takes and gives while a functional model is put together."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NoReturn

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.operations.tensor_spec import Shape, TensorSpec
from torch_keras_lstm.structure import flatten, map_leaves


def _binary(operation: str) -> Callable[["KerasTensor", Any], Any]:
    return lambda self, other: operate(operation, self, other)


def _reflected(operation: str) -> Callable[["KerasTensor", Any], Any]:
    return lambda self, other: operate(operation, other, self)


def _unary(operation: str) -> Callable[["KerasTensor"], Any]:
    return lambda self: operate(operation, self)


class KerasTensor:
    """A tensor of a model that is being put together: it has a shape and a type, but no numbers.

    :func:`torch_keras_lstm.layers.Input` makes the first ones. A layer, or a whole model, that is called on them is
    built, notes the call, and returns others; ``+``, ``*``, ``@``, comparisons and ``[...]`` work as on tensors.
    ``Model(inputs, outputs)`` then makes a model of all the calls between its inputs and outputs.

    Attributes:
        spec: shape and type.
        name: the input's; otherwise numbered.
        node: the call whose result it is.
        index: which of that call's results.
        mask: the mask that comes with it, where that is known. A model that runs makes its masks from numbers; this one
            is for ``summary()``, which lists the operations that give it, as Keras does.
    """

    def __init__(self, spec: TensorSpec, node: "Node", index: int, name: str | None = None) -> None:
        self.spec = spec
        self.node = node
        self.index = index
        self.mask: KerasTensor | None = None
        self.name = unique_name("KerasTensor") if name is None else name

    @property
    def shape(self) -> Shape:
        """The shape, batch axis included, ``None`` where a size is free."""
        return self.spec.shape

    @property
    def dtype(self) -> Any:
        """The type: torch's, or "string"."""
        return self.spec.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    #: Keras' flags of tensors that there are none of here
    sparse: ClassVar[bool] = False
    ragged: ClassVar[bool] = False

    __add__, __radd__ = _binary("Add"), _reflected("Add")
    __sub__, __rsub__ = _binary("Subtract"), _reflected("Subtract")
    __mul__, __rmul__ = _binary("Multiply"), _reflected("Multiply")
    __truediv__, __rtruediv__ = _binary("TrueDivide"), _reflected("TrueDivide")
    __floordiv__, __rfloordiv__ = _binary("FloorDivide"), _reflected("FloorDivide")
    __mod__, __rmod__ = _binary("Mod"), _reflected("Mod")
    __pow__, __rpow__ = _binary("Power"), _reflected("Power")
    __matmul__, __rmatmul__ = _binary("Matmul"), _reflected("Matmul")
    __and__, __rand__ = _binary("LogicalAnd"), _reflected("LogicalAnd")
    __or__, __ror__ = _binary("LogicalOr"), _reflected("LogicalOr")
    __xor__, __rxor__ = _binary("LogicalXor"), _reflected("LogicalXor")
    __lt__, __le__ = _binary("Less"), _binary("LessEqual")
    __gt__, __ge__ = _binary("Greater"), _binary("GreaterEqual")
    __neg__, __abs__, __invert__ = _unary("Negative"), _unary("Absolute"), _unary("LogicalNot")
    __getitem__ = _binary("GetItem")

    # As in Keras, `!=` compares the numbers that will be, and `==` these objects, which serve as keys.
    def __ne__(self, other: object) -> Any:
        return operate("NotEqual", self, other)

    def _without_numbers(self, *args: Any) -> NoReturn:
        raise TypeError(
            f"{self!r} is part of a model that is being put together and has no numbers yet: it cannot be counted, "
            "looped over, tested, or made an array. Use layers, operators and `torch_keras_lstm.ops`."
        )

    __bool__ = __int__ = __float__ = __len__ = __iter__ = __array__ = _without_numbers

    __array_ufunc__ = None  # a NumPy array on the left of an operator leaves it to this class

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> NoReturn:
        raise TypeError(
            f"`{getattr(function, '__name__', function)}` of torch takes tensors, not a KerasTensor, which has no "
            "numbers yet. Use layers, operators and `torch_keras_lstm.ops`."
        )

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"<KerasTensor shape={self.shape}, dtype={dtype}, name={self.name}>"


@dataclass(frozen=True, eq=False)
class Node:
    """One call of a layer on symbolic tensors.

    Attributes:
        layer: the layer.
        args, kwargs: what it was called with; an input layer with nothing.
        outputs: what it gave, in Keras' numbering.
        masks: those that the call is handed with its tensors, not by its caller, as far as they are known.
    """

    layer: BaseLayer
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: list[KerasTensor] = field(default_factory=list)
    masks: list[KerasTensor] = field(default_factory=list)


def connect(
    layer: BaseLayer, args: tuple[Any, ...], kwargs: Mapping[str, Any], specs: Any, name: str | None = None
) -> Any:
    """Note a call of ``layer`` whose results are ``specs``; the tensors in their place, in the same structure."""
    node = Node(layer, args, kwargs)
    if not layer._inbound_nodes:
        layer.join_model()
    layer._inbound_nodes.append(node)
    node.outputs.extend(KerasTensor(spec, node, index, name) for index, spec in enumerate(flatten(specs)))
    places = {id(tensor.spec): tensor for tensor in node.outputs}
    return map_leaves(TensorSpec, lambda spec: places[id(spec)], specs)


def has_symbolic(values: Iterable[Any]) -> bool:
    """Whether there is a :class:`KerasTensor` among ``values``, through lists and dictionaries."""
    for value in values:
        if isinstance(value, KerasTensor):
            return True
        if isinstance(value, list | tuple | dict) and has_symbolic(
            value.values() if isinstance(value, dict) else value
        ):
            return True
    return False


def operate(operation: str, *args: Any, **config: Any) -> Any:
    """The operation of that name, configured so, on symbolic tensors and constants."""
    # Operations stand above the layers, and are layers themselves.
    from torch_keras_lstm.layers.operation_layer import OperationLayer

    return OperationLayer(operation, config)(*args)
