"""The operations by the names of Keras 3's classes in ``keras.src.ops``: one row each."""

import operator
from collections.abc import Callable, Mapping
from functools import partial, reduce
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.operations import elementwise, products, reductions, shaping
from torch_keras_lstm.operations.elementwise import binary, floating, unary

Function = Callable[..., Any]


def _shape(x: Any) -> Tensor:
    return torch.tensor(tuple(torch.as_tensor(x).shape), dtype=torch.int32)


def _sum_of_all(xs: list[Tensor]) -> Tensor:
    return reduce(operator.add, xs)


OPERATIONS: Mapping[str, Function] = {
    # arithmetic
    "Add": binary(torch.add),
    "Arctan2": binary(torch.atan2),
    "Divide": binary(torch.true_divide),
    "DivideNoNan": binary(elementwise.divide_no_nan),
    "FloorDivide": binary(partial(torch.div, rounding_mode="floor")),
    "Fmod": binary(torch.fmod),
    "Logaddexp": binary(torch.logaddexp),
    "Maximum": binary(elementwise.maximum),
    "Minimum": binary(elementwise.minimum),
    "Mod": binary(torch.remainder),
    "Multiply": binary(torch.mul),
    "Power": binary(torch.pow),
    "SquaredDifference": binary(elementwise.squared_difference),
    "Subtract": binary(torch.sub),
    "TrueDivide": binary(torch.true_divide),
    "AddN": _sum_of_all,
    # comparison and logic
    "Equal": binary(torch.eq),
    "Greater": binary(torch.gt),
    "GreaterEqual": binary(torch.ge),
    "Less": binary(torch.lt),
    "LessEqual": binary(torch.le),
    "NotEqual": binary(torch.ne),
    "LogicalAnd": binary(torch.logical_and),
    "LogicalOr": binary(torch.logical_or),
    "LogicalXor": binary(torch.logical_xor),
    "LogicalNot": unary(torch.logical_not),
    "Isfinite": unary(torch.isfinite),
    "Isinf": unary(torch.isinf),
    "Isnan": unary(torch.isnan),
    "Where": elementwise.where,
    # functions of one number
    "Abs": unary(torch.abs),
    "Absolute": unary(torch.abs),
    "Arccos": floating(torch.acos),
    "Arcsin": floating(torch.asin),
    "Arctan": floating(torch.atan),
    "Arctanh": floating(torch.atanh),
    "Ceil": floating(torch.ceil),
    "Clip": elementwise.clip,
    "Copy": unary(torch.clone),
    "Cos": floating(torch.cos),
    "Cosh": floating(torch.cosh),
    "Erf": floating(torch.erf),
    "Exp": floating(torch.exp),
    "Expm1": floating(torch.expm1),
    "Floor": floating(torch.floor),
    "Identity": unary(activations.linear),
    "Log": floating(torch.log),
    "Log10": floating(torch.log10),
    "Log1p": floating(torch.log1p),
    "Log2": floating(torch.log2),
    "Negative": unary(torch.neg),
    "Reciprocal": floating(torch.reciprocal),
    "Round": elementwise.round_to,
    "Rsqrt": floating(torch.rsqrt),
    "Sign": unary(torch.sign),
    "Sin": floating(torch.sin),
    "Sinh": floating(torch.sinh),
    "Sqrt": floating(torch.sqrt),
    "Square": unary(torch.square),
    "StopGradient": unary(torch.detach),
    "Tan": floating(torch.tan),
    "Trunc": floating(torch.trunc),
    # types and contents
    "Cast": elementwise.cast,
    "ConvertToTensor": elementwise.convert_to_tensor,
    "FullLike": elementwise.full_like,
    "OneHot": elementwise.one_hot,
    "OnesLike": elementwise.ones_like,
    "ZerosLike": elementwise.zeros_like,
    # activations
    "Celu": activations.celu,
    "Elu": activations.elu,
    "Gelu": activations.gelu,
    "Glu": activations.glu,
    "HardShrink": activations.hard_shrink,
    "HardSigmoid": activations.hard_sigmoid,
    "HardSilu": activations.hard_silu,
    "HardTanh": activations.hard_tanh,
    "LeakyRelu": activations.leaky_relu,
    "LogSigmoid": activations.log_sigmoid,
    "LogSoftmax": activations.log_softmax,
    "Relu": activations.relu,
    "Relu6": activations.relu6,
    "Selu": activations.selu,
    "Sigmoid": activations.sigmoid,
    "Silu": activations.silu,
    "SoftShrink": activations.soft_shrink,
    "Softmax": activations.softmax,
    "Softplus": activations.softplus,
    "Softsign": activations.softsign,
    "Squareplus": activations.squareplus,
    "Tanh": activations.tanh,
    "TanhShrink": activations.tanh_shrink,
    "Threshold": activations.threshold,
    # reductions
    "All": reductions.all_of,
    "Amax": reductions.largest,
    "Amin": reductions.smallest,
    "Any": reductions.any_of,
    "Argmax": reductions.argmax,
    "Argmin": reductions.argmin,
    "Argsort": reductions.argsort,
    "CountNonzero": reductions.count_nonzero,
    "Logsumexp": reductions.logsumexp,
    "Max": reductions.largest,
    "Mean": reductions.mean,
    "Min": reductions.smallest,
    "Norm": reductions.norm,
    "Normalize": reductions.normalize,
    "Prod": reductions.product,
    "Std": reductions.standard_deviation,
    "Sum": reductions.total,
    "TopK": reductions.top_k,
    "Var": reductions.variance,
    # shapes
    "BroadcastTo": shaping.broadcast_to,
    "Concatenate": shaping.concatenate,
    "Cumprod": shaping.cumulative_product,
    "Cumsum": shaping.cumulative_sum,
    "ExpandDims": shaping.expand_dims,
    "Flip": shaping.flip,
    "GetItem": shaping.get_item,
    "Moveaxis": shaping.moveaxis,
    "Pad": shaping.pad,
    "Ravel": unary(torch.flatten),
    "Repeat": shaping.repeat,
    "Reshape": shaping.reshape,
    "Roll": shaping.roll,
    "Shape": _shape,
    "Sort": shaping.sort,
    "Split": shaping.split,
    "Squeeze": shaping.squeeze,
    "Stack": shaping.stack,
    "Swapaxes": shaping.swapaxes,
    "Take": shaping.take,
    "TakeAlongAxis": shaping.take_along_axis,
    "Tile": shaping.tile,
    "Transpose": shaping.transpose,
    "Unstack": shaping.unstack,
    # products
    "Dot": products.dot,
    "Einsum": products.einsum,
    "Matmul": products.matmul,
    "Tensordot": products.tensordot,
}
