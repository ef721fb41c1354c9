"""Operation nodes as Keras 3 and tf.keras write them into functional models: read from live files, compared live."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch
from google.protobuf import json_format
from keras import ops

from tests.tolerances import assert_close
from torch_keras_lstm.operations import is_operation, operation

K2 = tf_keras.backend
BATCH, TIME, FEATURES = 2, 4, 3

Build = Callable[[Any, Any, Any], Any]

# x and y: (batch, 4, 3) in float64; ix: (batch, 4), integers from 0 to 4.
KERAS_3: dict[str, Build] = {
    "add": lambda x, y, ix: x + y,
    "subtract-number": lambda x, y, ix: x - 1.1,
    "number-subtract": lambda x, y, ix: 1.1 - x,
    "multiply": lambda x, y, ix: 2.3 * x,
    "multiply-integers": lambda x, y, ix: ix * 3,
    "multiply-integers-by-a-fraction": lambda x, y, ix: ix * 1.5,
    "divide": lambda x, y, ix: x / y,
    "divide-integers": lambda x, y, ix: ix / 2,
    "floor-divide": lambda x, y, ix: x // 0.3,
    "mod": lambda x, y, ix: x % 0.75,
    "power": lambda x, y, ix: x**2,
    "number-power": lambda x, y, ix: 2.5**x,
    "negative": lambda x, y, ix: -x,
    "abs": lambda x, y, ix: abs(x),
    "array": lambda x, y, ix: x * np.array([0.1, 0.2, 0.3]),
    "array-first": lambda x, y, ix: ops.subtract(np.array([0.1, 0.2, 0.3]), x),
    "maximum": lambda x, y, ix: ops.maximum(x, 0.1),
    "minimum": lambda x, y, ix: ops.minimum(x, y),
    "divide-no-nan": lambda x, y, ix: ops.divide_no_nan(x, ops.relu(y)),
    "arctan2": lambda x, y, ix: ops.arctan2(x, y),
    "logaddexp": lambda x, y, ix: ops.logaddexp(x, y),
    "greater": lambda x, y, ix: x > y,
    "greater-equal": lambda x, y, ix: x >= 0.5,
    "less": lambda x, y, ix: x < y,
    "less-equal": lambda x, y, ix: ix <= 2,
    "equal": lambda x, y, ix: ops.equal(ix, 2),
    "not-equal": lambda x, y, ix: ops.not_equal(ix, 0),
    "logical-and": lambda x, y, ix: ops.logical_and(x > 0, y > 0),
    "logical-or": lambda x, y, ix: ops.logical_or(x > 0, y > 0),
    "logical-xor": lambda x, y, ix: ops.logical_xor(x > 0, y > 0),
    "logical-not": lambda x, y, ix: ops.logical_not(x > 0),
    "where": lambda x, y, ix: ops.where(x > 0, x, y),
    "where-number": lambda x, y, ix: ops.where(x > 0, x, -0.7),
    "isfinite": lambda x, y, ix: ops.isfinite(x / (y - y)),
    "isnan": lambda x, y, ix: ops.isnan(ops.sqrt(x)),
    "isinf": lambda x, y, ix: ops.isinf(x / (y - y)),
    "clip": lambda x, y, ix: ops.clip(x, -0.4, 0.6),
    "ceil": lambda x, y, ix: ops.ceil(x),
    "floor": lambda x, y, ix: ops.floor(x),
    "round": lambda x, y, ix: ops.round(x, 1),
    "sign": lambda x, y, ix: ops.sign(x),
    "exp": lambda x, y, ix: ops.exp(x),
    "exp-integers": lambda x, y, ix: ops.exp(ix),
    "expm1": lambda x, y, ix: ops.expm1(x),
    "log": lambda x, y, ix: ops.log(ops.abs(x)),
    "log10": lambda x, y, ix: ops.log10(ops.abs(x)),
    "log1p": lambda x, y, ix: ops.log1p(ops.abs(x)),
    "log2": lambda x, y, ix: ops.log2(ops.abs(x)),
    "sqrt": lambda x, y, ix: ops.sqrt(ops.abs(x)),
    "rsqrt": lambda x, y, ix: ops.rsqrt(ops.abs(x)),
    "square": lambda x, y, ix: ops.square(x),
    "reciprocal": lambda x, y, ix: ops.reciprocal(x),
    "sin": lambda x, y, ix: ops.sin(x),
    "cos": lambda x, y, ix: ops.cos(x),
    "tan": lambda x, y, ix: ops.tan(x),
    "sinh": lambda x, y, ix: ops.sinh(x),
    "cosh": lambda x, y, ix: ops.cosh(x),
    "tanh": lambda x, y, ix: ops.tanh(x),
    "arctan": lambda x, y, ix: ops.arctan(x),
    "arcsin": lambda x, y, ix: ops.arcsin(ops.tanh(x)),
    "arccos": lambda x, y, ix: ops.arccos(ops.tanh(x)),
    "arctanh": lambda x, y, ix: ops.arctanh(ops.tanh(x)),
    "erf": lambda x, y, ix: ops.erf(x),
    "trunc": lambda x, y, ix: ops.trunc(x * 3),
    "stop-gradient": lambda x, y, ix: ops.stop_gradient(x),
    "cast": lambda x, y, ix: ops.cast(x * 3, "int32"),
    "cast-mask": lambda x, y, ix: ops.cast(x > 0, "float64"),
    "convert-to-tensor": lambda x, y, ix: ops.convert_to_tensor(x),
    "convert-to-tensor-of-a-type": lambda x, y, ix: ops.convert_to_tensor(x, dtype="float32"),
    "full-like": lambda x, y, ix: ops.full_like(x, 3.5),
    "zeros-like": lambda x, y, ix: ops.zeros_like(ix),
    "ones-like": lambda x, y, ix: ops.ones_like(x),
    "one-hot": lambda x, y, ix: ops.one_hot(ix, 4),
    "one-hot-axis": lambda x, y, ix: ops.one_hot(ix, 5, axis=1, dtype="int32"),
    "relu": lambda x, y, ix: ops.relu(x),
    "relu6": lambda x, y, ix: ops.relu6(x * 9),
    "leaky-relu": lambda x, y, ix: ops.leaky_relu(x, 0.3),
    "elu": lambda x, y, ix: ops.elu(x, 0.7),
    "celu": lambda x, y, ix: ops.celu(x, 0.7),
    "selu": lambda x, y, ix: ops.selu(x),
    "gelu": lambda x, y, ix: ops.gelu(x),
    "gelu-exact": lambda x, y, ix: ops.gelu(x, approximate=False),
    "glu": lambda x, y, ix: ops.glu(x, axis=1),
    "sigmoid": lambda x, y, ix: ops.sigmoid(x),
    "hard-sigmoid": lambda x, y, ix: ops.hard_sigmoid(x),
    "hard-silu": lambda x, y, ix: ops.hard_silu(x),
    "hard-tanh": lambda x, y, ix: ops.hard_tanh(x),
    "hard-shrink": lambda x, y, ix: ops.hard_shrink(x, 0.3),
    "soft-shrink": lambda x, y, ix: ops.soft_shrink(x, 0.3),
    "tanh-shrink": lambda x, y, ix: ops.tanh_shrink(x),
    "silu": lambda x, y, ix: ops.silu(x),
    "softplus": lambda x, y, ix: ops.softplus(x),
    "softsign": lambda x, y, ix: ops.softsign(x),
    "squareplus": lambda x, y, ix: ops.squareplus(x, 3),
    "log-sigmoid": lambda x, y, ix: ops.log_sigmoid(x),
    "softmax": lambda x, y, ix: ops.softmax(x, axis=1),
    "log-softmax": lambda x, y, ix: ops.log_softmax(x),
    "mean": lambda x, y, ix: ops.mean(x, axis=1),
    "mean-axes": lambda x, y, ix: ops.mean(x, axis=(1, 2), keepdims=True),
    "mean-all": lambda x, y, ix: ops.mean(x),
    "mean-integers": lambda x, y, ix: ops.mean(ix, axis=-1),
    "sum": lambda x, y, ix: ops.sum(x, axis=-1, keepdims=True),
    "sum-mask": lambda x, y, ix: ops.sum(x > 0, axis=1),
    "sum-integers": lambda x, y, ix: ops.sum(ix, axis=1),
    "max": lambda x, y, ix: ops.max(x, axis=1),
    "max-initial": lambda x, y, ix: ops.max(x, axis=1, initial=0.5),
    "min": lambda x, y, ix: ops.min(x, axis=(0, 2)),
    "amax": lambda x, y, ix: ops.amax(x, axis=2),
    "amin": lambda x, y, ix: ops.amin(x, axis=2),
    "prod": lambda x, y, ix: ops.prod(x, axis=(0, 2)),
    "std": lambda x, y, ix: ops.std(x, axis=1),
    "var": lambda x, y, ix: ops.var(x, axis=(1, 2), keepdims=True),
    "any": lambda x, y, ix: ops.any(ops.not_equal(ix, 0), axis=-1),
    "all": lambda x, y, ix: ops.all(ops.not_equal(ix, 0), axis=0),
    "argmax": lambda x, y, ix: ops.argmax(x, axis=1),
    "argmax-all": lambda x, y, ix: ops.argmax(x),
    "argmin": lambda x, y, ix: ops.argmin(x, axis=-1, keepdims=True),
    "count-nonzero": lambda x, y, ix: ops.count_nonzero(ix, axis=1),
    "logsumexp": lambda x, y, ix: ops.logsumexp(x, axis=1),
    "norm": lambda x, y, ix: ops.norm(x, axis=-1),
    "norm-all": lambda x, y, ix: ops.norm(x[:, 0], keepdims=True),
    "norm-one": lambda x, y, ix: ops.norm(x, ord=1, axis=1, keepdims=True),
    "normalize": lambda x, y, ix: ops.normalize(x),
    "normalize-one": lambda x, y, ix: ops.normalize(x, axis=1, order=1),
    "top-k": lambda x, y, ix: ops.top_k(x, 2)[0],
    "reshape": lambda x, y, ix: ops.reshape(x, (-1, 6)),
    "transpose": lambda x, y, ix: ops.transpose(x, (0, 2, 1)),
    "transpose-all": lambda x, y, ix: ops.transpose(x),
    "expand-dims": lambda x, y, ix: ops.expand_dims(x, -1),
    "expand-dims-axes": lambda x, y, ix: ops.expand_dims(x, (1, 3)),
    "squeeze": lambda x, y, ix: ops.squeeze(x[:, :1], 1),
    "squeeze-all": lambda x, y, ix: ops.squeeze(x[:, :1]),
    "concatenate": lambda x, y, ix: ops.concatenate([x, y], axis=1),
    "stack": lambda x, y, ix: ops.stack([x, y], axis=2),
    "unstack": lambda x, y, ix: ops.unstack(x, axis=1)[2],
    "split": lambda x, y, ix: ops.split(x, 2, axis=1)[1],
    "split-at": lambda x, y, ix: ops.split(x, [1, 3], axis=1)[1],
    "tile": lambda x, y, ix: ops.tile(x, (1, 2, 3)),
    "repeat": lambda x, y, ix: ops.repeat(x, 2, axis=1),
    "flip": lambda x, y, ix: ops.flip(x, axis=1),
    "flip-all": lambda x, y, ix: ops.flip(x),
    "roll": lambda x, y, ix: ops.roll(x, 1, axis=1),
    "take": lambda x, y, ix: ops.take(x, [2, 0], axis=1),
    "take-one": lambda x, y, ix: ops.take(x, -1, axis=1),
    "take-matrix": lambda x, y, ix: ops.take(x, [[2, 0, 1], [1, 1, -1]], axis=2),
    "take-along-axis": lambda x, y, ix: ops.take_along_axis(x, ops.argsort(x, axis=1), axis=1),
    "pad": lambda x, y, ix: ops.pad(x, [[0, 0], [1, 2], [0, 1]]),
    "pad-value": lambda x, y, ix: ops.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=0.7),
    "pad-reflect": lambda x, y, ix: ops.pad(x, [[0, 0], [1, 2], [0, 1]], mode="reflect"),
    "pad-symmetric": lambda x, y, ix: ops.pad(x, [[0, 0], [1, 2], [0, 1]], mode="symmetric"),
    "broadcast-to": lambda x, y, ix: ops.broadcast_to(x[:, :1], (BATCH, TIME, FEATURES)),
    "moveaxis": lambda x, y, ix: ops.moveaxis(x, 1, 2),
    "swapaxes": lambda x, y, ix: ops.swapaxes(x, 1, 2),
    "sort": lambda x, y, ix: ops.sort(x, axis=1),
    "argsort": lambda x, y, ix: ops.argsort(x, axis=1),
    "ravel": lambda x, y, ix: ops.ravel(x),
    "cumsum": lambda x, y, ix: ops.cumsum(x, axis=1),
    "cumprod": lambda x, y, ix: ops.cumprod(x, axis=1),
    "matmul": lambda x, y, ix: x @ ops.transpose(y, (0, 2, 1)),
    "dot": lambda x, y, ix: ops.dot(x, ops.transpose(y[:, 0])),
    "tensordot": lambda x, y, ix: ops.tensordot(x, y, axes=[[1, 2], [1, 2]]),
    "einsum": lambda x, y, ix: ops.einsum("bij,bkj->bik", x, y),
    "item": lambda x, y, ix: x[:, 1],
    "item-last": lambda x, y, ix: x[:, -1, :],
    "item-steps": lambda x, y, ix: x[:, ::2],
    "item-dots": lambda x, y, ix: x[..., 0],
    "item-new": lambda x, y, ix: x[:, 1:3, None],
    "item-new-dots": lambda x, y, ix: x[..., None, 1:],
    "item-backwards": lambda x, y, ix: x[:, ::-1, 1],
    "item-backwards-part": lambda x, y, ix: x[:, 3:0:-2],
    "item-backwards-dots": lambda x, y, ix: x[None, ..., ::-1],
}

KERAS_2: dict[str, Build] = {
    "add": lambda x, y, ix: x + y,
    "subtract-number": lambda x, y, ix: x - 1.1,
    "number-subtract": lambda x, y, ix: 1.1 - x,
    "multiply": lambda x, y, ix: 2.3 * x,
    "divide": lambda x, y, ix: x / y,
    "floor-divide": lambda x, y, ix: x // 0.3,
    "mod": lambda x, y, ix: x % 0.75,
    "power": lambda x, y, ix: x**2,
    "negative": lambda x, y, ix: -x,
    "abs": lambda x, y, ix: abs(x),
    "array": lambda x, y, ix: x * np.array([0.1, 0.2, 0.3]),
    "math-add": lambda x, y, ix: tf.add(x, y),
    "math-multiply": lambda x, y, ix: tf.multiply(x, y),
    "add-n": lambda x, y, ix: tf.add_n([x, y]),
    "maximum": lambda x, y, ix: tf.maximum(x, 0.1),
    "minimum": lambda x, y, ix: tf.minimum(x, y),
    "squared-difference": lambda x, y, ix: tf.math.squared_difference(x, y),
    "divide-no-nan": lambda x, y, ix: tf.math.divide_no_nan(x, tf.nn.relu(y)),
    "greater": lambda x, y, ix: x > y,
    "greater-equal": lambda x, y, ix: x >= 0.5,
    "less": lambda x, y, ix: x < y,
    "equal": lambda x, y, ix: tf.equal(ix, 2),
    "not-equal": lambda x, y, ix: tf.not_equal(ix, 0),
    "logical-and": lambda x, y, ix: tf.logical_and(x > 0, y > 0),
    "logical-not": lambda x, y, ix: tf.logical_not(x > 0),
    "where": lambda x, y, ix: tf.where(x > 0, x, y),
    "clip": lambda x, y, ix: tf.clip_by_value(x, -0.4, 0.6),
    "exp": lambda x, y, ix: tf.exp(x),
    "log": lambda x, y, ix: tf.math.log(abs(x)),
    "sqrt": lambda x, y, ix: tf.sqrt(abs(x)),
    "rsqrt": lambda x, y, ix: tf.math.rsqrt(abs(x)),
    "square": lambda x, y, ix: tf.square(x),
    "sign": lambda x, y, ix: tf.sign(x),
    "sin": lambda x, y, ix: tf.sin(x),
    "softplus": lambda x, y, ix: tf.nn.softplus(x),
    "sigmoid": lambda x, y, ix: tf.sigmoid(x),
    "tanh": lambda x, y, ix: tf.tanh(x),
    "relu": lambda x, y, ix: tf.nn.relu(x),
    "leaky-relu": lambda x, y, ix: tf.nn.leaky_relu(x, alpha=0.3),
    "elu": lambda x, y, ix: tf.nn.elu(x),
    "gelu": lambda x, y, ix: tf.nn.gelu(x),
    "swish": lambda x, y, ix: tf.nn.swish(x),
    "softmax": lambda x, y, ix: tf.nn.softmax(x),
    "softmax-axis": lambda x, y, ix: tf.nn.softmax(x, axis=1),
    "cast": lambda x, y, ix: tf.cast(x * 3, tf.int32),
    "cast-mask": lambda x, y, ix: tf.cast(x > 0, "float64"),
    "one-hot": lambda x, y, ix: tf.one_hot(ix, 4),
    "one-hot-values": lambda x, y, ix: tf.one_hot(ix, 4, on_value=0.3, off_value=-1.0, axis=1, dtype="float64"),
    "zeros-like": lambda x, y, ix: tf.zeros_like(x),
    "identity": lambda x, y, ix: tf.identity(x),
    "reduce-mean": lambda x, y, ix: tf.reduce_mean(x, axis=1),
    "reduce-mean-of-integers": lambda x, y, ix: tf.reduce_mean(ix - 3, axis=1),
    "divide-integers": lambda x, y, ix: tf.divide(ix, 3),
    "reduce-sum": lambda x, y, ix: tf.reduce_sum(x, -1, keepdims=True),
    "reduce-max": lambda x, y, ix: tf.reduce_max(x, axis=[1, 2]),
    "reduce-min": lambda x, y, ix: tf.reduce_min(x),
    "reduce-any": lambda x, y, ix: tf.reduce_any(tf.not_equal(ix, 0), axis=-1),
    "reduce-std": lambda x, y, ix: tf.math.reduce_std(x, axis=1),
    "reduce-variance": lambda x, y, ix: tf.math.reduce_variance(x, axis=1),
    "argmax": lambda x, y, ix: tf.argmax(x, axis=1),
    "argmax-first": lambda x, y, ix: tf.argmax(x),
    "top-k": lambda x, y, ix: tf.math.top_k(x, 2).values,
    "cumsum": lambda x, y, ix: tf.cumsum(x, axis=1),
    "cumsum-reverse": lambda x, y, ix: tf.cumsum(x, axis=1, exclusive=True, reverse=True),
    "l2-normalize": lambda x, y, ix: tf.math.l2_normalize(x, axis=-1),
    "norm": lambda x, y, ix: tf.norm(x, axis=-1),
    "norm-one": lambda x, y, ix: tf.norm(x, ord=1, axis=1, keepdims=True),
    "matmul": lambda x, y, ix: tf.matmul(x, y, transpose_b=True),
    "reshape": lambda x, y, ix: tf.reshape(x, (-1, 6)),
    "reshape-to-shape": lambda x, y, ix: tf.reshape(x, [tf.shape(x)[0], 6, 2]),
    "transpose": lambda x, y, ix: tf.transpose(x, [0, 2, 1]),
    "expand-dims": lambda x, y, ix: tf.expand_dims(x, -1),
    "squeeze": lambda x, y, ix: tf.squeeze(x[:, :1], 1),
    "concat": lambda x, y, ix: tf.concat([x, y], 1),
    "stack": lambda x, y, ix: tf.stack([x, y], axis=2),
    "unstack": lambda x, y, ix: tf.unstack(x, axis=1)[2],
    "split": lambda x, y, ix: tf.split(x, 2, axis=1)[1],
    "split-sizes": lambda x, y, ix: tf.split(x, [1, -1], axis=1)[1],
    "tile": lambda x, y, ix: tf.tile(x, [1, 2, 3]),
    "repeat": lambda x, y, ix: tf.repeat(x, 2, axis=1),
    "reverse": lambda x, y, ix: tf.reverse(x, [1]),
    "gather": lambda x, y, ix: tf.gather(x, [2, 0], axis=1),
    "gather-rows": lambda x, y, ix: tf.gather(x[0], [2, 0, 1]),
    "pad": lambda x, y, ix: tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=0.7),
    "pad-symmetric": lambda x, y, ix: tf.pad(x, [[0, 0], [1, 2], [0, 1]], "SYMMETRIC"),
    "shape": lambda x, y, ix: tf.shape(x),
    "item": lambda x, y, ix: x[:, 1],
    "item-last": lambda x, y, ix: x[:, -1, :],
    "item-dots": lambda x, y, ix: x[..., None, 1:],
    "item-backwards": lambda x, y, ix: x[:, ::-1],
    "item-to-size": lambda x, y, ix: x[:, : tf.shape(x)[1] - 1],
    "backend-dot": lambda x, y, ix: K2.dot(x, tf.constant([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], "float64")),
    "backend-batch-dot": lambda x, y, ix: K2.batch_dot(x, y, axes=2),
    "backend-repeat": lambda x, y, ix: K2.repeat_elements(x, 2, 1),
    "backend-sum": lambda x, y, ix: K2.sum(x, axis=1),
    "backend-normalize": lambda x, y, ix: K2.l2_normalize(x, axis=1),
}

# Operations without a name in TensorFlow's API become a node of its graph: what the raw op would be called with.
NODES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "Mul": lambda x, y, ix: tf.raw_ops.Mul(x=x, y=2.3),
    "Sub": lambda x, y, ix: tf.raw_ops.Sub(x=tf.constant(1.1, "float64"), y=x),
    "AddV2": lambda x, y, ix: tf.raw_ops.AddV2(x=x, y=y),
    "AddN": lambda x, y, ix: tf.raw_ops.AddN(inputs=[x, y]),
    "Mean": lambda x, y, ix: tf.raw_ops.Mean(input=x, axis=1, keep_dims=True),
    "Sum": lambda x, y, ix: tf.raw_ops.Sum(input=x, axis=[1, 2]),
    "ConcatV2": lambda x, y, ix: tf.raw_ops.ConcatV2(values=[x, y], axis=1),
    "Pack": lambda x, y, ix: tf.raw_ops.Pack(values=[x, y], axis=2),
    "Unpack": lambda x, y, ix: tf.raw_ops.Unpack(value=x, num=4, axis=1)[2],
    "Split": lambda x, y, ix: tf.raw_ops.Split(axis=1, value=x, num_split=2)[1],
    "SplitV": lambda x, y, ix: tf.raw_ops.SplitV(value=x, size_splits=[1, 3], axis=1, num_split=2)[1],
    "StridedSlice": lambda x, y, ix: tf.raw_ops.StridedSlice(
        input=x, begin=[0, 1, 3], end=[0, 0, 0], strides=[1, 1, -1], begin_mask=1, end_mask=1, shrink_axis_mask=2
    ),
    "StridedSlice-new": lambda x, y, ix: tf.raw_ops.StridedSlice(
        input=x, begin=[0, 0, 1], end=[0, 0, 2], strides=[1, 1, 1], ellipsis_mask=1, new_axis_mask=2
    ),
    "Reshape": lambda x, y, ix: tf.raw_ops.Reshape(tensor=x, shape=[-1, 6]),
    "Transpose": lambda x, y, ix: tf.raw_ops.Transpose(x=x, perm=[0, 2, 1]),
    "ExpandDims": lambda x, y, ix: tf.raw_ops.ExpandDims(input=x, axis=-1),
    "Squeeze": lambda x, y, ix: tf.raw_ops.Squeeze(input=x[:, :1], axis=[1]),
    "Cast": lambda x, y, ix: tf.raw_ops.Cast(x=x, DstT=tf.int32),
    "Softmax": lambda x, y, ix: tf.raw_ops.Softmax(logits=x),
    "LeakyRelu": lambda x, y, ix: tf.raw_ops.LeakyRelu(features=x, alpha=0.3),
    "BatchMatMulV2": lambda x, y, ix: tf.raw_ops.BatchMatMulV2(x=x, y=y, adj_y=True),
    "MatMul": lambda x, y, ix: tf.raw_ops.MatMul(a=x[0], b=y[0], transpose_a=True),
    "GatherV2": lambda x, y, ix: tf.raw_ops.GatherV2(params=x, indices=[2, 0], axis=1),
    "ArgMax": lambda x, y, ix: tf.raw_ops.ArgMax(input=x, dimension=1),
    "OneHot": lambda x, y, ix: tf.raw_ops.OneHot(indices=ix, depth=4, on_value=0.5, off_value=-1.0),
    "SelectV2": lambda x, y, ix: tf.raw_ops.SelectV2(condition=ix[..., None] > 2, t=x, e=y),
    "PadV2": lambda x, y, ix: tf.raw_ops.PadV2(input=x, paddings=[[0, 0], [1, 2], [0, 1]], constant_values=0.7),
    "Cumsum": lambda x, y, ix: tf.raw_ops.Cumsum(x=x, axis=1, reverse=True),
    "Einsum": lambda x, y, ix: tf.raw_ops.Einsum(inputs=[x, y], equation="bij,bkj->bik"),
    "Tile": lambda x, y, ix: tf.raw_ops.Tile(input=x, multiples=[1, 2, 3]),
    "Fill": lambda x, y, ix: tf.raw_ops.Fill(dims=[2, 3], value=0.5),
}


def sample() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (BATCH, TIME, FEATURES)
    return [rng.standard_normal(shape), rng.standard_normal(shape), rng.integers(0, 5, shape[:2]).astype(np.int32)]


def run(layers: list[dict[str, Any]], outputs: Any, values: dict[str, Any]) -> Any:
    """Evaluate the graph of operation nodes in a file: each is called once, in the order of the file or any other."""
    by_name = {layer.get("name", layer["config"]["name"]): layer for layer in layers}

    def value(reference: Any) -> Any:
        name, _, index = reference[:3]
        if name not in values:
            layer = by_name[name]
            assert is_operation(layer["class_name"], layer.get("module"))
            (node,) = layer["inbound_nodes"]
            args, kwargs = resolve(node["args"] if isinstance(node, dict) else first(node), value), {}
            if isinstance(node, dict):
                kwargs = resolve(node["kwargs"], value)
            elif layer["class_name"] != "TensorFlowOpLayer":
                kwargs = resolve((node[0] if isinstance(node[0], list) else node)[3], value)
            values[name] = operation(layer["class_name"], layer["config"])(*args, **kwargs)
        return values[name][index] if isinstance(values[name], tuple) else values[name]

    return value(outputs)


def first(node: Any) -> list[Any]:
    """The positional argument in tf.keras' spelling of a call: a reference, a constant or a list of references."""
    if isinstance(node[0], list):
        return [[item[:3] for item in node]]
    return [node[2] if node[0] == "_CONSTANT_VALUE" else node[:3]]


def resolve(item: Any, value: Callable[[Any], Any]) -> Any:
    if isinstance(item, dict) and item.get("class_name") == "__keras_tensor__":
        return value(item["config"]["keras_history"])
    if isinstance(item, dict):
        return {key: resolve(content, value) for key, content in item.items()}
    if isinstance(item, list):
        if len(item) == 3 and isinstance(item[0], str):
            return value(item)
        return [resolve(content, value) for content in item]
    return item


def check(model: Any, inputs: list[np.ndarray]) -> None:
    config = json.loads(model.to_json())["config"]
    names = [entry[0] for entry in config["input_layers"]]
    layers = [layer for layer in config["layers"] if layer["class_name"] != "InputLayer"]
    outputs = config["output_layers"]
    tensors = [torch.tensor(array, requires_grad=array.dtype == np.float64) for array in inputs]
    got = run(layers, outputs if isinstance(outputs[0], str) else outputs[0], dict(zip(names, tensors, strict=True)))
    sources = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        expected = model(sources)
    assert str(got.dtype).removeprefix("torch.") == expected.dtype.name
    assert_close(got.detach(), expected.numpy(), "float64", "value")
    if not got.requires_grad:
        return
    scale = np.random.default_rng(1).standard_normal(tuple(got.shape))
    gradients = torch.autograd.grad(got, tensors[:2], torch.tensor(scale), allow_unused=True, materialize_grads=True)
    with tf.GradientTape() as tape:
        tape.watch(sources)
        scaled = model(sources) * scale
    # TensorFlow has no gradient where torch has zeros, as in rounding.
    expected_gradients = tape.gradient(scaled, sources[:2], unconnected_gradients="zero")
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert_close(ours, tf.convert_to_tensor(theirs).numpy(), "float64", "gradient")


def inputs_of(namespace: Any) -> list[Any]:
    return [
        namespace.Input((TIME, FEATURES), batch_size=BATCH, dtype="float64"),
        namespace.Input((TIME, FEATURES), batch_size=BATCH, dtype="float64"),
        namespace.Input((TIME,), batch_size=BATCH, dtype="int32"),
    ]


@pytest.mark.parametrize("name", KERAS_3)
def test_keras_3_operation(name: str) -> None:
    symbols = inputs_of(keras)
    check(keras.Model(symbols, KERAS_3[name](*symbols)), sample())


@pytest.mark.parametrize("name", KERAS_2)
def test_tensorflow_function(name: str) -> None:
    symbols = inputs_of(tf_keras)
    check(tf_keras.Model(symbols, KERAS_2[name](*symbols)), sample())


@pytest.mark.parametrize("name", NODES)
def test_node_of_a_tensorflow_graph(name: str) -> None:
    arrays = sample()
    with tf.Graph().as_default():
        symbols = [tf.compat.v1.placeholder(array.dtype, array.shape) for array in arrays]
        result = NODES[name](*symbols)
        with tf.compat.v1.Session() as session:
            expected = session.run(result, dict(zip(symbols, arrays, strict=True)))
    tensors = {symbol.op.name: torch.tensor(array) for symbol, array in zip(symbols, arrays, strict=True)}
    got = evaluate(result, tensors)
    assert str(got.dtype).removeprefix("torch.") == expected.dtype.name
    assert_close(got, expected, "float64")


def evaluate(tensor: Any, placeholders: Mapping[str, Any]) -> Any:
    """The value of a tensor of a TensorFlow graph, each of its nodes put as tf.keras puts it into a file."""
    if tensor.op.name in placeholders:
        return placeholders[tensor.op.name]
    constants = {str(i): tf.get_static_value(x) for i, x in enumerate(tensor.op.inputs) if x.op.type == "Const"}
    config = {
        "name": tensor.op.name,
        "node_def": json_format.MessageToDict(tensor.op.node_def),
        "constants": {index: value.tolist() for index, value in constants.items()},
    }
    inputs = [evaluate(x, placeholders) for x in tensor.op.inputs if x.op.type != "Const"]
    results = operation("TensorFlowOpLayer", json.loads(json.dumps(config)))(*inputs)
    return results[tensor.value_index] if isinstance(results, tuple) else results
