"""TensorFlow's names of the operations, as tf.keras writes them into ``TFOpLambda`` and ``SlicingOpLambda``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.operations import elementwise, products, reductions, shaping
from torch_keras_lstm.operations.named_types import ArrayLike, as_dtype
from torch_keras_lstm.operations.table import OPERATIONS, Function
from torch_keras_lstm.registry import close_match

_PAIR = {"x": "x1", "y": "x2"}
_AXES = {"input_tensor": "x", "reduction_indices": "axis", "keep_dims": "keepdims"}
# Arguments that change nothing about the result, with the values at which they do not.
_VOID: Mapping[str, tuple[Any, ...]] = {
    "batch_dims": (0,),
    "conjugate": (False,),
    "exclusive": (False,),
    "half_pixel_centers": (False,),
    "incompatible_shape_error": (True,),
    "reverse": (False,),
}


@dataclass(frozen=True)
class TensorFlowName:
    """A function of TensorFlow.

    Attributes:
        function: what computes it.
        renamed: TensorFlow's argument names that are others in ``function``.
    """

    function: Function
    renamed: Mapping[str, str]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The result; ``name``, and whatever is ``None`` or void, is left out."""
        return self.function(*args, **self.named(kwargs))

    def named(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that count, by their names in ``function``."""
        return {
            self.renamed.get(name, name): value
            for name, value in kwargs.items()
            if name != "name" and value is not None and not (name in _VOID and value in _VOID[name])
        }


def _mean(x: ArrayLike, axis: reductions.Axis = None, keepdims: bool = False) -> Tensor:
    x = torch.as_tensor(x)
    if x.is_floating_point():
        return reductions.mean(x, axis, keepdims)
    return reductions.mean(x.double(), axis, keepdims).to(x.dtype)  # the mean of integers is one, fractions cut off


def _true_divide(x1: Any, x2: Any) -> Tensor:
    left, right = elementwise.as_operands(x1, x2)
    wide = {left.dtype, right.dtype} <= {torch.int32, torch.int64}
    return left.double() / right.double() if wide else left / right


def _l2_normalize(x: Tensor, axis: Any = None, epsilon: float = 1e-12) -> Tensor:
    squares = reductions.total(torch.square(x), axis, keepdims=True)
    return x * torch.rsqrt(torch.clamp(squares, min=epsilon))


def _split(value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None) -> tuple[Tensor, ...]:
    if isinstance(num_or_size_splits, int):
        return shaping.split(value, num_or_size_splits, axis)
    return shaping.split_by_size(value, num_or_size_splits, axis)


def _gather(params: Any, indices: Any, axis: int | None = None, batch_dims: int = 0) -> Tensor:
    if batch_dims:
        raise ValueError("`batch_dims` other than 0 is not supported in `gather`.")
    return shaping.take(params, indices, axis or 0)


def _one_hot(
    indices: Any, depth: int, on_value: float = 1.0, off_value: float = 0.0, axis: int = -1, dtype: Any = "float32"
) -> Tensor:
    hot = elementwise.one_hot(indices, depth, axis, "bool")
    on, off = (torch.tensor(value, dtype=as_dtype(dtype), device=hot.device) for value in (on_value, off_value))
    return torch.where(hot, on, off)


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", constant_values: float = 0) -> Tensor:
    return shaping.pad(tensor, paddings, mode.lower(), constant_values if mode == "CONSTANT" else None)


def _argmax(input: Any, axis: int = 0, output_type: Any = "int64") -> Tensor:
    return reductions.argmax(input, axis).to(as_dtype(output_type))


def _argmin(input: Any, axis: int = 0, output_type: Any = "int64") -> Tensor:
    return reductions.argmin(input, axis).to(as_dtype(output_type))


def _shape(input: Tensor, out_type: Any = "int32") -> Tensor:
    return torch.tensor(tuple(input.shape), dtype=as_dtype(out_type))


def _filled(shape: Any, value: Any, dtype: Any = None) -> Tensor:
    return torch.full(shaping.sizes(shape), value, dtype=None if dtype is None else as_dtype(dtype))


def _zeros(shape: Any, dtype: Any = "float32") -> Tensor:
    return _filled(shape, 0, dtype)


def _ones(shape: Any, dtype: Any = "float32") -> Tensor:
    return _filled(shape, 1, dtype)


def _range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Tensor:
    bounds = (0, start) if limit is None else (start, limit)
    kind = None if dtype is None else as_dtype(dtype)
    numbers = [bound.item() if isinstance(bound, Tensor) else bound for bound in (*bounds, delta)]
    if kind is None and all(isinstance(number, int) for number in numbers):
        kind = torch.int32
    return torch.arange(*numbers, dtype=kind)


def _bias_add(value: Tensor, bias: Any) -> Tensor:
    return value + torch.as_tensor(bias, dtype=value.dtype, device=value.device)


def _norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False) -> Tensor:
    return reductions.norm(tensor, ord, axis, keepdims)


def _cumprod(x: Any, axis: int = 0) -> Tensor:
    return shaping.cumulative_product(x, axis)


def _names(names: str, function: str | Function, renamed: Mapping[str, str] | None = None) -> dict[str, TensorFlowName]:
    found = OPERATIONS[function] if isinstance(function, str) else function
    return dict.fromkeys(names.split(), TensorFlowName(found, renamed or {}))


TENSORFLOW_FUNCTIONS: Mapping[str, TensorFlowName] = {
    **_names("math.add __operators__.add add", "Add", _PAIR),
    **_names("math.subtract __operators__.sub subtract", "Subtract", _PAIR),
    **_names("math.multiply __operators__.mul multiply math.scalar_mul", "Multiply", _PAIR | {"scalar": "x1"}),
    **_names("math.divide math.truediv __operators__.truediv divide realdiv", _true_divide, _PAIR),
    **_names("math.floordiv compat.v1.floor_div __operators__.floordiv floor_div", "FloorDivide", _PAIR),
    **_names("math.floormod math.mod __operators__.mod", "Mod", _PAIR),
    **_names("math.pow __operators__.pow pow", "Power", _PAIR),
    **_names("math.divide_no_nan", "DivideNoNan", _PAIR),
    **_names("math.maximum maximum", "Maximum", _PAIR),
    **_names("math.minimum minimum", "Minimum", _PAIR),
    **_names("math.squared_difference", "SquaredDifference", _PAIR),
    **_names("math.atan2", "Arctan2", {"y": "x1", "x": "x2"}),
    **_names("math.equal __operators__.eq equal", "Equal", _PAIR),
    **_names("math.not_equal __operators__.ne not_equal", "NotEqual", _PAIR),
    **_names("math.greater __operators__.gt", "Greater", _PAIR),
    **_names("math.greater_equal __operators__.ge", "GreaterEqual", _PAIR),
    **_names("math.less __operators__.lt", "Less", _PAIR),
    **_names("math.less_equal __operators__.le", "LessEqual", _PAIR),
    **_names("math.logical_and __operators__.and", "LogicalAnd", _PAIR),
    **_names("math.logical_or __operators__.or", "LogicalOr", _PAIR),
    **_names("math.logical_xor __operators__.xor", "LogicalXor", _PAIR),
    **_names("math.logical_not __operators__.invert", "LogicalNot"),
    **_names("math.add_n", "AddN", {"inputs": "xs"}),
    **_names("math.negative __operators__.neg negative", "Negative"),
    **_names("math.abs __operators__.abs abs", "Abs"),
    **_names("math.ceil", "Ceil"),
    **_names("math.cos", "Cos"),
    **_names("math.cosh", "Cosh"),
    **_names("math.erf", "Erf"),
    **_names("math.exp exp", "Exp"),
    **_names("math.expm1", "Expm1"),
    **_names("math.floor floor", "Floor"),
    **_names("math.is_finite", "Isfinite"),
    **_names("math.is_inf", "Isinf"),
    **_names("math.is_nan", "Isnan"),
    **_names("math.log", "Log"),
    **_names("math.log1p", "Log1p"),
    **_names("math.log_sigmoid", "LogSigmoid"),
    **_names("math.reciprocal", "Reciprocal"),
    **_names("math.round round", "Round"),
    **_names("math.rsqrt", "Rsqrt"),
    **_names("math.sign sign", "Sign"),
    **_names("math.sin", "Sin"),
    **_names("math.sinh", "Sinh"),
    **_names("math.sqrt sqrt", "Sqrt"),
    **_names("math.square square", "Square"),
    **_names("math.tan", "Tan"),
    **_names("math.sigmoid sigmoid nn.sigmoid", "Sigmoid"),
    **_names("math.tanh tanh nn.tanh", "Tanh"),
    **_names("math.softplus nn.softplus", "Softplus", {"features": "x"}),
    **_names("nn.softsign math.softsign", "Softsign", {"features": "x"}),
    **_names("nn.relu", "Relu", {"features": "x"}),
    **_names("nn.relu6", "Relu6", {"features": "x"}),
    **_names("nn.elu", "Elu", {"features": "x"}),
    **_names("nn.selu", "Selu", {"features": "x"}),
    **_names("nn.silu nn.swish", "Silu", {"features": "x"}),
    **_names("nn.gelu", activations.gelu, {"features": "x"}),
    **_names("nn.leaky_relu compat.v1.nn.leaky_relu", "LeakyRelu", {"features": "x", "alpha": "negative_slope"}),
    **_names("nn.softmax compat.v1.nn.softmax math.softmax", "Softmax", {"logits": "x", "dim": "axis"}),
    **_names("nn.log_softmax math.log_softmax", "LogSoftmax", {"logits": "x", "dim": "axis"}),
    **_names("nn.bias_add", _bias_add),
    **_names("math.reduce_mean compat.v1.reduce_mean reduce_mean", _mean, _AXES),
    **_names("math.reduce_sum compat.v1.reduce_sum reduce_sum", "Sum", _AXES),
    **_names("math.reduce_max compat.v1.reduce_max reduce_max", "Max", _AXES),
    **_names("math.reduce_min compat.v1.reduce_min reduce_min", "Min", _AXES),
    **_names("math.reduce_prod compat.v1.reduce_prod reduce_prod", "Prod", _AXES),
    **_names("math.reduce_any compat.v1.reduce_any reduce_any", "Any", _AXES),
    **_names("math.reduce_all compat.v1.reduce_all reduce_all", "All", _AXES),
    **_names("math.reduce_std", "Std", _AXES),
    **_names("math.reduce_variance", "Var", _AXES),
    **_names("math.reduce_logsumexp", "Logsumexp", _AXES),
    **_names("math.argmax argmax compat.v1.argmax", _argmax, {"dimension": "axis"}),
    **_names("math.argmin argmin compat.v1.argmin", _argmin, {"dimension": "axis"}),
    **_names("math.top_k nn.top_k", "TopK", {"input": "x"}),
    **_names("math.count_nonzero", "CountNonzero", {"input": "x"}),
    **_names("math.cumsum", shaping.cumulative_sum_of_axis),
    **_names("math.cumprod", _cumprod),
    **_names("math.l2_normalize nn.l2_normalize linalg.l2_normalize", _l2_normalize, {"dim": "axis"}),
    **_names("norm linalg.norm compat.v1.norm", _norm),
    **_names("linalg.matmul matmul __operators__.matmul", products.matmul, {"a": "x1", "b": "x2"}),
    **_names("tensordot", "Tensordot", {"a": "x1", "b": "x2"}),
    **_names("einsum", products.einsum_tensorflow),
    **_names("cast", "Cast"),
    **_names("identity", "Identity", {"input": "x"}),
    **_names("stop_gradient", "StopGradient", {"input": "x"}),
    **_names("zeros_like compat.v1.zeros_like", "ZerosLike", {"input": "x", "tensor": "x"}),
    **_names("ones_like compat.v1.ones_like", "OnesLike", {"input": "x", "tensor": "x"}),
    **_names("zeros", _zeros),
    **_names("ones", _ones),
    **_names("fill", _filled, {"dims": "shape"}),
    **_names("range", _range),
    **_names("one_hot", _one_hot),
    **_names("where compat.v1.where", "Where", {"x": "x1", "y": "x2"}),
    **_names("clip_by_value", "Clip", {"t": "x", "clip_value_min": "x_min", "clip_value_max": "x_max"}),
    **_names("shape compat.v1.shape", _shape),
    **_names("reshape", "Reshape", {"tensor": "x", "shape": "newshape"}),
    **_names("transpose compat.v1.transpose", "Transpose", {"a": "x", "perm": "axes"}),
    **_names("expand_dims compat.v1.expand_dims", "ExpandDims", {"input": "x", "dim": "axis"}),
    **_names("squeeze compat.v1.squeeze", "Squeeze", {"input": "x", "squeeze_dims": "axis"}),
    **_names("concat", "Concatenate", {"values": "xs"}),
    **_names("stack", "Stack", {"values": "x"}),
    **_names("unstack", "Unstack", {"value": "x"}),
    **_names("split", _split),
    **_names("tile", "Tile", {"input": "x", "multiples": "repeats"}),
    **_names("repeat", "Repeat", {"input": "x"}),
    **_names("reverse", "Flip", {"tensor": "x"}),
    **_names("roll", "Roll", {"input": "x"}),
    **_names("gather compat.v1.gather", _gather),
    **_names("pad compat.v1.pad", _pad),
    **_names("broadcast_to", "BroadcastTo", {"input": "x"}),
    **_names("sort", "Sort", {"values": "x"}),
    **_names("__operators__.getitem", "GetItem", {"slice_spec": "key"}),
}


def tensorflow_function(name: Any) -> TensorFlowName:
    """The function of TensorFlow's ``name``, such as "math.reduce_mean".

    Raises:
        ValueError: naming it, and the closest that is known, when there is none.
    """
    if not isinstance(name, str) or name not in TENSORFLOW_FUNCTIONS:
        raise ValueError(f"Unknown TensorFlow function `{name}`. {close_match(str(name), TENSORFLOW_FUNCTIONS)}")
    return TENSORFLOW_FUNCTIONS[name]
