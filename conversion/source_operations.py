"""How operations in the graph of a model, ``keras.ops`` and TensorFlow's, are written in plain PyTorch: an expression.

Each row renders the arguments of the function in ``torch_keras_lstm.operations`` that computes the node. What has no
row, or arguments that its row does not render, is refused.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.source_writer import Call, Value, Writer, number, refuse, row
from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.resolve import constant, operation_name
from torch_keras_lstm.operations.table import OPERATIONS
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.operations.tensorflow_names import TENSORFLOW_FUNCTIONS
from torch_keras_lstm.structure import flatten, leaves, map_leaves

Arguments = Mapping[str, Any]
Render = Callable[[Arguments], str]


class _Unwritten(Exception):
    """An argument that a row does not render."""


class _Seen(dict[str, Any]):
    """Arguments by name, which notes which of them a row looked at."""

    def __init__(self, given: Arguments) -> None:
        super().__init__(given)
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.names.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.names.add(name)
        return super().get(name, default)


def _text(value: Any) -> str:
    """An argument as an expression."""
    if isinstance(value, Value):
        return value.text
    if isinstance(value, bool | int | None):
        return repr(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, np.ndarray) and value.size <= 64:
        return f"torch.tensor({value.tolist()!r}, dtype=torch.{value.dtype.name})"
    raise _Unwritten


def _whole(value: Any) -> int:
    if isinstance(value, np.ndarray) and not value.ndim:
        value = value.item()
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Unwritten
    return value


def _many(value: Any) -> tuple[int, ...]:
    listed = value.tolist() if isinstance(value, np.ndarray) else value
    return tuple(map(_whole, listed)) if isinstance(listed, list | tuple) else (_whole(listed),)


def _of(value: Any) -> Value:
    if not isinstance(value, Value):
        raise _Unwritten
    return value


def _infix(sign: str) -> Render:
    between = sign if sign == "**" else f" {sign} "  # as formatters have it
    return lambda given: f"{_text(given['x1'])}{between}{_text(given['x2'])}"


def _function(name: str) -> Render:
    return lambda given: f"{name}({_of(given['x']).text})"


def _pair(name: str) -> Render:
    """A function of two tensors, one of which may be a number."""

    def render(given: Arguments) -> str:
        first, second = given["x1"], given["x2"]
        like = next((value for value in (first, second) if isinstance(value, Value)), None)
        if like is None:
            raise _Unwritten
        texts = [
            _text(value) if isinstance(value, Value | np.ndarray) else f"{like.text}.new_tensor({_text(value)})"
            for value in (first, second)
        ]
        return f"{name}({', '.join(texts)})"

    return render


def _reduction(name: str, more: str = "") -> Render:
    def render(given: Arguments) -> str:
        value, axis = _of(given["x"]), given.get("axis")
        if given.get("initial") is not None or given.get("dtype") is not None:
            raise _Unwritten
        axes = tuple(range(len(value.shape))) if axis is None else _many(axis)
        words = [str(axes[0] if len(axes) == 1 else axes)] + ([more] if more else [])
        words += ["keepdim=True"] if given.get("keepdims") else []
        return f"{value.text}.{name}({', '.join(words)})"

    return render


def _key(given: Arguments) -> str:
    key = given["key"]

    def entry(part: Any) -> str:
        if isinstance(part, slice):
            bounds = [part.start, part.stop] + ([] if part.step is None else [part.step])
            if part.step is not None and part.step < 1:
                raise _Unwritten
            return ":".join("" if bound is None else str(_whole(bound)) for bound in bounds)
        return "..." if part is ... else "None" if part is None else str(_whole(part))

    parts = [*key] if isinstance(key, list | tuple) else [key]
    return f"{_of(given['x']).text}[{', '.join(map(entry, parts))}]"


def _expand(given: Arguments) -> str:
    return f"{_of(given['x']).text}.unsqueeze({_whole(given['axis'])})"


def _squeeze(given: Arguments) -> str:
    return f"{_of(given['x']).text}.squeeze({_text(_many(given['axis'])[0]) if given.get('axis') is not None else ''})"


def _reshape(given: Arguments) -> str:
    value, shape = _of(given["x"]), given["newshape"]
    sizes = [size if isinstance(size, Value) else _whole(size) for size in shape]
    # A free batch is what -1 stands for in files, unless another size is.
    return f"{value.text}.reshape({', '.join(size.text if isinstance(size, Value) else str(size) for size in sizes)})"


def _transpose(given: Arguments) -> str:
    value = _of(given["x"])
    axes = range(len(value.shape))[::-1] if given.get("axes") is None else _many(given["axes"])
    return f"{value.text}.permute({', '.join(map(str, axes))})"


def _swap(given: Arguments) -> str:
    return f"{_of(given['x']).text}.transpose({_whole(given['axis1'])}, {_whole(given['axis2'])})"


def _listed(name: str, argument: str) -> Render:
    def render(given: Arguments) -> str:
        texts = [_of(value).text for value in given[argument]]
        return f"{name}(({', '.join(texts)}), dim={_whole(given.get('axis', 0))})"

    return render


def _matmul(given: Arguments) -> str:
    first, second = _of(given["x1"]), _of(given["x2"])
    transposed = [".mT" if given.get(name) else "" for name in ("transpose_a", "transpose_b")]
    return f"{first.text}{transposed[0]} @ {second.text}{transposed[1]}"


def _einsum(given: Arguments) -> str:
    rule = given["subscripts"]
    if re.fullmatch(r"[A-Za-z,.> -]+", rule) is None:  # a stranger's text
        raise _Unwritten
    return f'torch.einsum("{rule}", {", ".join(_of(value).text for value in given["operands"])})'


def _clip(given: Arguments) -> str:
    return f"torch.clamp({_of(given['x']).text}, {_text(given['x_min'])}, {_text(given['x_max'])})"


def _where(given: Arguments) -> str:
    return f"torch.where({', '.join(_text(given[name]) for name in ('condition', 'x1', 'x2'))})"


def _cast(given: Arguments) -> str:
    return f"{_of(given['x']).text}.to({as_dtype(given['dtype'])})"


def _softmax(name: str) -> Render:
    def render(given: Arguments) -> str:
        return f"torch.{name}({_of(given['x']).text}, dim={_whole(given.get('axis', -1))})"

    return render


def _cumulative(name: str) -> Render:
    def render(given: Arguments) -> str:
        if given.get("axis") is None or given.get("dtype") is not None:
            raise _Unwritten
        return f"{_of(given['x']).text}.{name}({_whole(given['axis'])})"

    return render


def _flip(given: Arguments) -> str:
    value = _of(given["x"])
    axes = range(len(value.shape)) if given.get("axis") is None else _many(given["axis"])
    return f"{value.text}.flip({', '.join(map(str, axes))})"


def _roll(given: Arguments) -> str:
    if given.get("axis") is None:
        raise _Unwritten
    return f"{_of(given['x']).text}.roll({_many(given['shift'])}, {_many(given['axis'])})"


def _tile(given: Arguments) -> str:
    return f"{_of(given['x']).text}.tile({_many(given['repeats'])})"


def _repeat(given: Arguments) -> str:
    if given.get("axis") is None:
        raise _Unwritten
    return f"{_of(given['x']).text}.repeat_interleave({_whole(given['repeats'])}, dim={_whole(given['axis'])})"


def _like(name: str) -> Render:
    def render(given: Arguments) -> str:
        dtype = given.get("dtype")
        return f"torch.{name}({_of(given['x']).text}{'' if dtype is None else f', dtype={as_dtype(dtype)}'})"

    return render


def _same(given: Arguments) -> str:
    return _of(given.get("x", given.get("variable"))).text


_TWO = {
    "Add": "+", "Subtract": "-", "Multiply": "*", "Divide": "/", "TrueDivide": "/", "Power": "**",
    "Equal": "==", "NotEqual": "!=", "Greater": ">", "GreaterEqual": ">=", "Less": "<", "LessEqual": "<=",
}  # fmt: skip
_ONE = {
    "Abs": "torch.abs", "Absolute": "torch.abs", "Exp": "torch.exp", "Log": "torch.log", "Log1p": "torch.log1p",
    "Expm1": "torch.expm1", "Sqrt": "torch.sqrt", "Rsqrt": "torch.rsqrt", "Square": "torch.square",
    "Negative": "torch.neg", "Sign": "torch.sign", "Sin": "torch.sin", "Cos": "torch.cos", "Tan": "torch.tan",
    "Sinh": "torch.sinh", "Cosh": "torch.cosh", "Arctan": "torch.atan", "Floor": "torch.floor", "Ceil": "torch.ceil",
    "Reciprocal": "torch.reciprocal", "Erf": "torch.erf", "Tanh": "torch.tanh", "Sigmoid": "torch.sigmoid",
    "Relu": "torch.relu", "Relu6": "F.relu6", "Silu": "F.silu", "LogSigmoid": "F.logsigmoid",
    "Softsign": "F.softsign", "Isnan": "torch.isnan", "LogicalNot": "torch.logical_not", "Ravel": "torch.flatten",
}  # fmt: skip
ROWS_OF_OPERATIONS: Mapping[str, Render] = {
    **{name: _infix(sign) for name, sign in _TWO.items()},
    **{name: _function(function) for name, function in _ONE.items()},
    "Maximum": _pair("torch.maximum"), "Minimum": _pair("torch.minimum"), "Arctan2": _pair("torch.atan2"),
    "LogicalAnd": _pair("torch.logical_and"), "LogicalOr": _pair("torch.logical_or"),
    "Sum": _reduction("sum"), "Mean": _reduction("mean"), "Max": _reduction("amax"), "Min": _reduction("amin"),
    "Amax": _reduction("amax"), "Amin": _reduction("amin"), "Logsumexp": _reduction("logsumexp"),
    "Var": _reduction("var", "unbiased=False"), "Std": _reduction("std", "unbiased=False"),
    "GetItem": _key, "ExpandDims": _expand, "Squeeze": _squeeze, "Reshape": _reshape, "Transpose": _transpose,
    "Swapaxes": _swap, "Concatenate": _listed("torch.cat", "xs"), "Stack": _listed("torch.stack", "x"),
    "Matmul": _matmul, "Einsum": _einsum, "Clip": _clip, "Where": _where, "Cast": _cast,
    "Softmax": _softmax("softmax"), "LogSoftmax": _softmax("log_softmax"),
    "Cumsum": _cumulative("cumsum"), "Cumprod": _cumulative("cumprod"), "Flip": _flip, "Roll": _roll, "Tile": _tile,
    "Repeat": _repeat, "ZerosLike": _like("zeros_like"), "OnesLike": _like("ones_like"), "Identity": _same,
    "StopGradient": lambda given: f"{_same(given)}.detach()",
}  # fmt: skip
# those that mean the same of numbers of any type
_OF_ANY_TYPE = frozenset(
    (
        *("GetItem", "ExpandDims", "Squeeze", "Reshape", "Transpose", "Swapaxes", "Flip", "Tile", "Repeat", "Stack"),
        *("Equal", "NotEqual", "Greater", "GreaterEqual", "Less", "LessEqual", "Concatenate", "Cast", "Where"),
        *("LogicalAnd", "LogicalOr", "LogicalNot", "Identity", "ZerosLike", "OnesLike"),
    )
)
_NAMES = {function: name for name, function in OPERATIONS.items() if name in ROWS_OF_OPERATIONS}


# Functions of TensorFlow's that mean another thing of integers alone.
_ALIASES = {
    **dict.fromkeys(("math.reduce_mean", "compat.v1.reduce_mean", "reduce_mean"), "Mean"),
    **dict.fromkeys(("math.divide", "math.truediv", "__operators__.truediv", "divide", "realdiv"), "Divide"),
}


def _resolved(layer: Any, call: Call) -> tuple[str, Arguments]:
    """The operation's name in Keras, and the arguments of its function by their names."""
    name = operation_name(layer.operation, layer.arguments)
    config: Arguments = {}
    renamed: Mapping[str, str] = {}
    if layer.operation in OPERATIONS:
        function, given = OPERATIONS[name], dict(call.kwargs)
        accepted = inspect.signature(function).parameters
        config = {key: value for key, value in layer.arguments.items() if key in accepted}
    elif layer.operation != "TensorFlowOpLayer" and name in TENSORFLOW_FUNCTIONS:
        known = TENSORFLOW_FUNCTIONS[name]
        function, renamed = known.function, known.renamed
        given = {key: value for key, value in call.kwargs.items() if key != "name" and value is not None}
    else:
        raise _Unwritten
    keras_name = _ALIASES.get(name) or _NAMES.get(function)
    if keras_name is None:
        raise _Unwritten
    kwargs = {renamed.get(key, key): constant(value) for key, value in {**config, **given}.items()}
    try:
        bound = inspect.signature(function).bind(*map(constant, call.args), **kwargs)
    except TypeError:
        raise _Unwritten from None
    defaults = inspect.signature(function).parameters
    return keras_name, {
        name: value
        for name, value in bound.arguments.items()
        if isinstance(value, Value | np.ndarray) or (value is not None and value != defaults[name].default)
    }


@row("OperationLayer")
def _operation(writer: Writer, layer: Any, call: Call) -> Any:
    what = f"the operation `{operation_name(layer.operation, layer.arguments)}`"
    try:
        name, given = _resolved(layer, call)
        if name not in _OF_ANY_TYPE:
            values: Sequence[Value] = [*leaves(Value, [*given.values()])]
            if not all(value.dtype.is_floating_point for value in values):
                raise _Unwritten
        seen = _Seen(given)
        expression = ROWS_OF_OPERATIONS[name](seen)
        if given.keys() - seen.names:
            raise _Unwritten
    except (_Unwritten, KeyError, TypeError, ValueError):
        raise refuse(layer, f"{what} with such arguments") from None
    args, kwargs = map_leaves(
        Value, lambda value: TensorSpec.of(value.shape, value.dtype), [[*call.args], {**call.kwargs}]
    )
    (spec,) = flatten(layer.output_specs(tuple(args), kwargs))
    return Value(writer.let(layer.name, expression), None, spec.shape, dtype=spec.dtype)
