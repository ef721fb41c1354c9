"""ONNX's LSTM operator in onnxruntime: inference only."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from benchmarks.cases import Array, Case
from benchmarks.peers.job import Job

OPSET, IR_VERSION = 17, 8

_threads = 1


def set_threads(threads: int) -> None:
    """Of the sessions that are made from now on."""
    global _threads
    _threads = threads


def in_onnx_layout(matrix: Array) -> Array:
    """(4 * units, rows), gates in ONNX's order i, o, f, c, from Keras' (rows, 4 * units) in i, f, c, o."""
    i, f, c, o = np.split(matrix.T, 4)
    return np.concatenate([i, o, f, c])


def model(case: Case) -> onnx.ModelProto:
    """Batch first, as Keras has it: transpositions stand before and after the operators."""
    configuration, (batch, time, features, units) = case.configuration, case.shape
    directions = case.directions
    activations = {"hard_sigmoid": "HardSigmoid", "sigmoid": "Sigmoid", "relu": "Relu", "tanh": "Tanh"}
    names = [activations[configuration.recurrent_activation]] + [activations[configuration.activation]] * 2
    attributes: dict[str, Any] = {"hidden_size": units, "activations": names * directions}
    if configuration.recurrent_activation == "hard_sigmoid":
        attributes |= {"activation_alpha": [1 / 6], "activation_beta": [0.5]}
    attributes["direction"] = (
        "bidirectional" if configuration.bidirectional else "reverse" if configuration.go_backwards else "forward"
    )
    nodes = [helper.make_node("Transpose", ["x"], ["sequence 0"], perm=[1, 0, 2])]
    initializers = []
    for layer in range(configuration.layers):
        lists = case.weights[layer : layer + 1] if configuration.layers > 1 else case.weights
        arrays = {
            "w": np.stack([in_onnx_layout(kernel) for kernel, *_ in lists]),
            "r": np.stack([in_onnx_layout(recurrent) for _, recurrent, *_ in lists]),
        }
        if configuration.use_bias:
            biases = [in_onnx_layout(bias[None])[:, 0] for _, _, bias in lists]
            arrays["b"] = np.stack([np.concatenate([bias, np.zeros_like(bias)]) for bias in biases])
        initializers += [numpy_helper.from_array(array, f"{name} {layer}") for name, array in arrays.items()]
        takes = [f"sequence {layer}", f"w {layer}", f"r {layer}", f"b {layer}" if "b" in arrays else ""]
        takes += ["lengths" if case.mask is not None else "", *(["h", "c"] if case.mode == "stream" else [])]
        gives = [f"y {layer}", *(["h_n", "c_n"] if case.mode == "stream" else [])]
        nodes.append(helper.make_node("LSTM", takes, gives, **attributes))
        # (time, directions, batch, units) -> (time, batch, directions * units)
        nodes.append(helper.make_node("Transpose", [f"y {layer}"], [f"t {layer}"], perm=[0, 2, 1, 3]))
        nodes.append(helper.make_node("Reshape", [f"t {layer}", "width"], [f"sequence {layer + 1}"]))
    nodes.append(helper.make_node("Transpose", [f"sequence {configuration.layers}"], ["y"], perm=[1, 0, 2]))
    initializers.append(numpy_helper.from_array(np.array([0, 0, units * directions]), "width"))
    states = {
        name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, batch, units])
        for name in ("h", "c", "h_n", "c_n")
    }
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, time, features])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, time, units * directions])]
    if case.mask is not None:
        inputs.append(helper.make_tensor_value_info("lengths", TensorProto.INT32, [batch]))
    if case.mode == "stream":
        inputs += [states["h"], states["c"]]
        outputs += [states["h_n"], states["c_n"]]
    graph = helper.make_graph(nodes, "lstm", inputs, outputs, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(made)
    return made


def prepare(case: Case) -> Job:
    """A session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    session = onnxruntime.InferenceSession(model(case).SerializeToString(), options, providers=["CPUExecutionProvider"])
    batch, _, _, units = case.shape
    if case.mode == "stream":
        steps = [np.ascontiguousarray(case.inputs[:, index : index + 1]) for index in range(case.inputs.shape[1])]
        states = [np.zeros((1, batch, units), np.float32)] * 2

        def step(inputs: Array = steps[0]) -> Any:
            nonlocal states
            output, *states = session.run(None, {"x": inputs, "h": states[0], "c": states[1]})
            return output

        return Job(step, lambda: {"output": np.concatenate([step(inputs) for inputs in steps], axis=1)})
    feeds = {"x": case.inputs}
    if case.mask is not None:
        feeds["lengths"] = case.lengths.astype(np.int32)

    def results() -> dict[str, Any]:
        (output,) = session.run(None, feeds)
        if case.mask is not None:
            return {"output at unmasked steps": output[case.mask]}
        return {"output": output[:, ::-1] if case.configuration.go_backwards else output}

    return Job(lambda: session.run(None, feeds), results)
