"""What the rows of layers write with: values, the lines of a model as they come, activations by their names."""

import builtins
import keyword
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.layers.masked_call import MaskedCall
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.structure import leaves


@dataclass(frozen=True)
class Value:
    """A tensor in the file that is written.

    Attributes:
        text: the expression that it is.
        mask: that of its mask; ``None`` for none.
        shape: ``None`` where a size is free.
        is_index: whether it is an input that an ``Embedding`` takes.
        dtype: a floating type stands for that of the model.
    """

    text: str
    mask: str | None
    shape: tuple[int | None, ...]
    is_index: bool = False
    dtype: torch.dtype = torch.float32


class Call(NamedTuple):
    """The arguments of a layer's call: values, and whatever else the model's graph holds."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    @property
    def tensors(self) -> list[Value]:
        """The values of the first argument, one or a list."""
        return [self.args[0]] if isinstance(self.args[0], Value) else [*self.args[0]]

    @property
    def mask(self) -> str | None:
        """The mask that the call gets."""
        if "mask" not in self.kwargs:
            return self.tensors[0].mask
        given = self.kwargs["mask"]
        if isinstance(given, Value):
            return given.text
        # In a call with further tensors Keras 3 writes `mask=None`, and older ones meant the mask of the input.
        others = any(True for _ in leaves(Value, [self.args[1:], self.kwargs]))
        return self.tensors[0].mask if others else None


# What a local name must not hide in the file.
_RESERVED = frozenset((*dir(builtins), "self", "torch", "nn", "F", "load"))


class Writer:
    """The lines of a model, as they come.

    Args:
        masked: the layers that a mask reaches in some call.
        call: writes a layer inside another.
        reserved: names of the file that its local names must not hide.
    """

    def __init__(self, masked: frozenset[Layer], call: Callable[[Layer, Call], Any], reserved: Iterable[str]) -> None:
        self.call = call
        self.parts: list[str] = []
        self.modules: list[str] = []
        self.lines: list[str] = []
        self.state: dict[str, Tensor] = {}
        self.masked: set[Layer] = set(masked)
        self.keeps = False
        self._attributes: dict[Layer, str] = {}
        self._taken = {*_RESERVED, *reserved}

    def variable(self, name: str) -> str:
        """A new local name like ``name``."""
        base = identifier(name)
        found, number = base, 2
        while found in self._taken or keyword.iskeyword(found):
            found, number = f"{base}_{number}", number + 1
        self._taken.add(found)
        return found

    def let(self, name: str, expression: str) -> str:
        """Give an expression a name, and return that."""
        found = self.variable(name)
        self.lines.append(f"{found} = {expression}")
        return found

    def part(self, name: str) -> str:
        """Have a part of :mod:`source_parts` copied, and return its name."""
        if name not in self.parts:
            self.parts.append(name)
        return name

    def module(self, layer: Layer, make: Callable[[], tuple[str, Mapping[str, Tensor]]]) -> str:
        """``self.name`` of the module that stands for a layer; ``make`` gives its constructor and its state."""
        name = self._attributes.get(layer)
        if name is None:
            base = identifier(layer.name)
            taken, name, number = set(self._attributes.values()), base, 2
            while name in taken or hasattr(torch.nn.Module, name) or name == "states":
                name, number = f"{base}_{number}", number + 1
            self._attributes[layer] = name
            constructor, state = make()
            self.modules.append(f"self.{name} = {constructor}")
            self.state |= {f"{name}.{key}": _stored(tensor) for key, tensor in state.items()}
        return f"self.{name}"


def without(writer: Writer, module: str, layer: Any) -> str:
    """``module``, a normalization of torch's, in which what Keras' layer leaves out stays as it is in training."""
    if layer.weight is None and layer.bias is None:
        return module
    for name, tensor, value in (("weight", layer.weight, "ones"), ("bias", layer.bias, "zeros")):
        line = f"{module}.{name}.requires_grad_(False)  # {value}: the model has none"
        if tensor is None and line not in writer.modules:
            writer.modules.append(line)
    return module


def _stored(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().contiguous().clone()


def identifier(name: str) -> str:
    """A name of Keras' as one of Python's."""
    # ASCII alone: a file chooses the name, and what looks like one identifier must be one.
    found = re.sub(r"[^A-Za-z0-9_]", "_", snake_case(name) if name.isidentifier() else name).strip("_").lower()
    found = found or "layer"
    return f"layer_{found}" if found[0].isdigit() or keyword.iskeyword(found) else found


Row = Callable[[Writer, Layer, Call], Any]
ROWS: dict[str, Row] = {}


def row(*class_names: str) -> Callable[[Row], Row]:
    """Enter a function as what writes layers of these classes."""

    def add(row: Row) -> Row:
        ROWS.update(dict.fromkeys(class_names, row))
        return row

    return add


def refuse(layer: Layer, what: str) -> ValueError:
    """The error that says what of a layer has no plain form."""
    return ValueError(f"Layer `{layer.name}` ({type(layer).__name__}) cannot be written as plain PyTorch: {what}.")


def one(writer: Writer, layer: Any, call: Call, expression: str) -> Value:
    """The output of a layer of one input, with the mask that goes on."""
    (value,) = call.tensors
    shape = tuple(layer.compute_output_shape(value.shape))
    text = writer.let(layer.name, expression)
    hands_on = layer.supports_masking and type(layer).compute_mask is MaskedCall.compute_mask
    return Value(text, call.mask if hands_on else None, shape)


# -- activations -----------------------------------------------------------------------------------------------------

_FUNCTIONS = {
    "tanh": "torch.tanh", "sigmoid": "torch.sigmoid", "relu": "torch.relu", "relu6": "F.relu6", "elu": "F.elu",
    "celu": "F.celu", "softsign": "F.softsign", "exponential": "torch.exp", "silu": "F.silu",
    "gelu": "F.gelu", "mish": "F.mish", "log_sigmoid": "F.logsigmoid", "tanh_shrink": "F.tanhshrink",
    "hard_tanh": "F.hardtanh",
}  # fmt: skip
_PARTS = {
    "hard_sigmoid": "hard_sigmoid", "hard_sigmoid_keras2": "hard_sigmoid_of_old", "softmax": "softmax",
    "log_softmax": "log_softmax", "selu": "selu", "softplus": "softplus", "hard_silu": "hard_silu", "linear": "linear",
}  # fmt: skip


def function_of(writer: Writer, layer: Layer, activation: Any) -> str:
    """An activation's name in the file."""
    name = activations.serialize(activation)
    if isinstance(name, str) and name in _FUNCTIONS:
        return _FUNCTIONS[name]
    if isinstance(name, str) and name in _PARTS:
        return writer.part(_PARTS[name])
    raise refuse(layer, f"the activation {name!r}")


def activated(writer: Writer, layer: Any, expression: str) -> str:
    """An expression with the layer's activation around it."""
    activation = layer.activation
    if activation is None or activations.serialize(activation) == "linear":
        return expression
    return f"{function_of(writer, layer, activation)}({expression})"


def given_states(layer: Any, call: Call) -> list[str]:
    """The states among the arguments, as far as there are any."""
    given = [value.text for value in call.tensors[1:]]
    given += [value.text for argument in call.args[1:] for value in leaves(Value, argument)]
    return given + [value.text for value in leaves(Value, call.kwargs.get("initial_state"))]


def number(value: float) -> str:
    """A number as Python writes it, infinite ones too."""
    return repr(float(value)) if math.isfinite(value) else f'float("{float(value)}")'
