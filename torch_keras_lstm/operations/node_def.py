"""``TensorFlowOpLayer``: a node of a TensorFlow graph, with the tensors that are no inputs as constants by position.

tf.keras of TensorFlow 2.0 to 2.3 wrote every operation so, later ones those that have no name in TensorFlow's API.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations import products, shaping
from torch_keras_lstm.operations.tensorflow_names import TENSORFLOW_FUNCTIONS
from torch_keras_lstm.registry import close_match

Attributes = Mapping[str, Any]
NodeFunction = Callable[[Sequence[Any], Attributes], Any]

_TYPES = {
    "DT_HALF": "float16",
    "DT_BFLOAT16": "bfloat16",
    "DT_FLOAT": "float32",
    "DT_DOUBLE": "float64",
    "DT_INT8": "int8",
    "DT_INT16": "int16",
    "DT_INT32": "int32",
    "DT_INT64": "int64",
    "DT_UINT8": "uint8",
    "DT_BOOL": "bool",
}


def _plain(function: str) -> NodeFunction:
    """A node that computes TensorFlow's ``function`` of its inputs, whatever its attributes."""
    return lambda inputs, attributes: TENSORFLOW_FUNCTIONS[function](*inputs)


def _with(function: str, **arguments: str) -> NodeFunction:
    """The same with arguments that stand in the node's attributes: argument -> attribute."""

    def call(inputs: Sequence[Any], attributes: Attributes) -> Any:
        given = {argument: attributes[name] for argument, name in arguments.items() if name in attributes}
        return TENSORFLOW_FUNCTIONS[function](*inputs, **given)

    return call


def _reduction(function: str) -> NodeFunction:
    def call(inputs: Sequence[Any], attributes: Attributes) -> Any:
        x, axis = inputs
        axes = torch.as_tensor(axis).flatten().tolist()
        return TENSORFLOW_FUNCTIONS[function](x, axis=axes, keepdims=attributes.get("keep_dims", False)) if axes else x

    return call


def _strided_slice(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    x, *bounds = inputs
    masks = {
        name: attributes.get(f"{name}_mask", 0) for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
    }
    key: list[Any] = []
    for index, (begin, end, step) in enumerate(zip(*(shaping.sizes(bound) for bound in bounds), strict=True)):
        held = {name for name, bits in masks.items() if bits >> index & 1}
        if "ellipsis" in held:
            key.append(...)
        elif "new_axis" in held:
            key.append(None)
        elif "shrink_axis" in held:
            key.append(begin)
        else:
            key.append(slice(None if "begin" in held else begin, None if "end" in held else end, step))
    return shaping.get_item(x, key)


def _concatenate(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    *tensors, axis = inputs
    return shaping.concatenate(tensors, axis)


def _matmul(left: str, right: str) -> NodeFunction:
    def call(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
        x1, x2 = inputs
        return products.matmul(x1, x2, attributes.get(left, False), attributes.get(right, False))

    return call


def _gather(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    axis = int(inputs[2]) if len(inputs) > 2 else 0
    return shaping.take(inputs[0], inputs[1], axis)


def _split(inputs: Sequence[Any], attributes: Attributes) -> tuple[Tensor, ...]:
    axis, x = inputs
    return shaping.split(x, attributes["num_split"], axis)


def _split_by_size(inputs: Sequence[Any], attributes: Attributes) -> tuple[Tensor, ...]:
    return shaping.split_by_size(*inputs)


def _squeeze(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    return shaping.squeeze(inputs[0], attributes.get("squeeze_dims"))


def _cumulative_sum(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    x, axis = inputs
    flags = {name: attributes.get(name, False) for name in ("exclusive", "reverse")}
    return shaping.cumulative_sum_of_axis(x, int(axis), **flags)


def _stack(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    return shaping.stack(inputs, attributes.get("axis", 0))


def _sum_of_all(inputs: Sequence[Any], attributes: Attributes) -> Tensor:
    total: Tensor = TENSORFLOW_FUNCTIONS["math.add_n"](inputs)
    return total


def _argument(function: str) -> NodeFunction:
    def call(inputs: Sequence[Any], attributes: Attributes) -> Any:
        x, axis = inputs
        return TENSORFLOW_FUNCTIONS[function](x, int(axis), attributes.get("output_type", "int64"))

    return call


def _one_hot(inputs: Sequence[Any], attributes: Attributes) -> Any:
    indices, depth, on, off = inputs
    arguments = {"on_value": float(on), "off_value": float(off), "axis": attributes.get("axis", -1)}
    return TENSORFLOW_FUNCTIONS["one_hot"](indices, int(depth), dtype=attributes.get("T", "float32"), **arguments)


NODES: Mapping[str, NodeFunction] = {
    "Abs": _plain("math.abs"),
    "Add": _plain("math.add"),
    "AddN": _sum_of_all,
    "AddV2": _plain("math.add"),
    "All": _reduction("math.reduce_all"),
    "Any": _reduction("math.reduce_any"),
    "ArgMax": _argument("math.argmax"),
    "ArgMin": _argument("math.argmin"),
    "BatchMatMul": _matmul("adj_x", "adj_y"),
    "BatchMatMulV2": _matmul("adj_x", "adj_y"),
    "BiasAdd": _plain("nn.bias_add"),
    "BroadcastTo": _plain("broadcast_to"),
    "Cast": _with("cast", dtype="DstT"),
    "Ceil": _plain("math.ceil"),
    "ClipByValue": _plain("clip_by_value"),
    "ConcatV2": _concatenate,
    "Cos": _plain("math.cos"),
    "Cumsum": _cumulative_sum,
    "DivNoNan": _plain("math.divide_no_nan"),
    "Einsum": lambda inputs, attributes: products.einsum_tensorflow(attributes["equation"], *inputs),
    "Elu": _plain("nn.elu"),
    "Equal": _plain("math.equal"),
    "Erf": _plain("math.erf"),
    "Exp": _plain("math.exp"),
    "ExpandDims": _plain("expand_dims"),
    "Expm1": _plain("math.expm1"),
    "Fill": _plain("fill"),
    "Floor": _plain("math.floor"),
    "FloorDiv": _plain("math.floordiv"),
    "FloorMod": _plain("math.floormod"),
    "Gather": _gather,
    "GatherV2": _gather,
    "Greater": _plain("math.greater"),
    "GreaterEqual": _plain("math.greater_equal"),
    "Identity": _plain("identity"),
    "LeakyRelu": _with("nn.leaky_relu", alpha="alpha"),
    "Less": _plain("math.less"),
    "LessEqual": _plain("math.less_equal"),
    "Log": _plain("math.log"),
    "Log1p": _plain("math.log1p"),
    "LogSoftmax": _plain("nn.log_softmax"),
    "LogicalAnd": _plain("math.logical_and"),
    "LogicalNot": _plain("math.logical_not"),
    "LogicalOr": _plain("math.logical_or"),
    "MatMul": _matmul("transpose_a", "transpose_b"),
    "Max": _reduction("math.reduce_max"),
    "Maximum": _plain("math.maximum"),
    "Mean": _reduction("math.reduce_mean"),
    "Min": _reduction("math.reduce_min"),
    "Minimum": _plain("math.minimum"),
    "Mul": _plain("math.multiply"),
    "Neg": _plain("math.negative"),
    "NotEqual": _plain("math.not_equal"),
    "OneHot": _one_hot,
    "OnesLike": _plain("ones_like"),
    "Pack": _stack,
    "Pad": _plain("pad"),
    "PadV2": lambda inputs, attributes: shaping.pad(inputs[0], inputs[1], constant_values=float(inputs[2])),
    "Pow": _plain("math.pow"),
    "Prod": _reduction("math.reduce_prod"),
    "Range": _plain("range"),
    "RealDiv": _plain("math.divide"),
    "Reciprocal": _plain("math.reciprocal"),
    "Relu": _plain("nn.relu"),
    "Relu6": _plain("nn.relu6"),
    "Reshape": _plain("reshape"),
    "ReverseV2": _plain("reverse"),
    "Round": _plain("math.round"),
    "Rsqrt": _plain("math.rsqrt"),
    "Select": _plain("where"),
    "SelectV2": _plain("where"),
    "Selu": _plain("nn.selu"),
    "Shape": _with("shape", out_type="out_type"),
    "Sigmoid": _plain("math.sigmoid"),
    "Sign": _plain("math.sign"),
    "Sin": _plain("math.sin"),
    "Softmax": _plain("nn.softmax"),
    "Softplus": _plain("math.softplus"),
    "Softsign": _plain("nn.softsign"),
    "Split": _split,
    "SplitV": _split_by_size,
    "Sqrt": _plain("math.sqrt"),
    "Square": _plain("math.square"),
    "SquaredDifference": _plain("math.squared_difference"),
    "Squeeze": _squeeze,
    "StopGradient": _plain("stop_gradient"),
    "StridedSlice": _strided_slice,
    "Sub": _plain("math.subtract"),
    "Sum": _reduction("math.reduce_sum"),
    "Tan": _plain("math.tan"),
    "Tanh": _plain("math.tanh"),
    "Tile": _plain("tile"),
    "Transpose": _plain("transpose"),
    "Unpack": _with("unstack", axis="axis"),
    "ZerosLike": _plain("zeros_like"),
}


def node_def_operation(config: Mapping[str, Any]) -> Callable[..., Any]:
    """The function of a ``TensorFlowOpLayer``: called with its tensors, one by one or in one list.

    Args:
        config: ``node_def``, ``{"op": "Mul", "attr": ...}`` as protobuf's JSON has it, and ``constants`` by position.

    Raises:
        ValueError: when the node is not in that form, or naming its operation when that is unknown.
    """
    node, constants = config.get("node_def"), config.get("constants") or {}
    if not isinstance(node, Mapping) or not isinstance(node.get("op"), str) or not isinstance(constants, Mapping):
        raise ValueError(
            "A TensorFlowOpLayer needs `node_def`, an object with the operation's name as `op`, and `constants` by "
            f"position, got {node!r:.100}."
        )
    name = node["op"]
    if name not in NODES:
        raise ValueError(f"Unknown TensorFlow operation `{name}`. {close_match(name, NODES)}")
    attributes = {key: _attribute(value) for key, value in node.get("attr", {}).items()}
    by_position = sorted((int(index), value) for index, value in constants.items())

    def call(*tensors: Any) -> Any:
        inputs = list(tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors)
        for index, value in by_position:
            inputs.insert(index, value)
        return NODES[name](inputs, attributes)

    return call


def _attribute(value: Any) -> Any:
    """A value of protobuf's JSON: ``{"i": "3"}`` is 3, a type its Keras name."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((kind, content),) = value.items()
    if kind == "i":
        return int(content)
    if kind == "type":
        return _TYPES.get(content, content)
    if kind == "list":
        return [_attribute({key: item}) for key, items in content.items() for item in items]
    if kind == "s":
        return base64.b64decode(content).decode(errors="replace")
    return content
