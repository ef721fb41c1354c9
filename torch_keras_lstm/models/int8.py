"""ONNX files in eight bits, for onnxruntime: a quarter of the bytes.

LSTM and Dense compute in integers: their weights have a factor for each unit, and what comes in is rounded in each call
to the 256 steps between its least and largest number. The rows of an Embedding are rounded. onnxruntime has no such GRU
and convolution, nor loops over time for other activations: of these the weights alone are kept in eight bits.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

_COMPUTED = ["LSTM", "MatMul", "Gemm", "Gather"]
_RECURRENT = ("GRU", "RNN", "LSTM")
# Fewer numbers take more room in eight bits, with what tells their size.
_LEAST = 512


def in_eight_bits(path: Path) -> None:
    """Replace an ONNX file, with what lies beside it, by one in eight bits."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory() as folder:
        whole, folded, small = (Path(folder) / f"{name}.onnx" for name in ("whole", "folded", "small"))
        onnx.save(onnx.load(path), whole)  # with its weights in it
        # Weights must be constants to be rounded, and the exporter leaves torch's order of gates to the graph.
        quant_pre_process(whole, folded, skip_symbolic_shape=True)
        onnx.save(_without_empty_attributes(onnx.load(folded)), folded)
        quantize_dynamic(folded, small, op_types_to_quantize=_COMPUTED, per_channel=True)
        model = onnx.load(small)
    _round_the_rest(model.graph)
    for beside in path.parent.glob(f"{path.name}.data"):
        beside.unlink()
    onnx.save(model, path)


def _without_empty_attributes(model: Any) -> Any:
    """The model without lists of nothing, which onnxruntime's quantizer cannot write again; none is their default."""
    for node in model.graph.node:
        kept = [one for one in node.attribute if one.type != one.INTS or one.ints]
        del node.attribute[:]
        node.attribute.extend(kept)
    return model


def _round_the_rest(graph: Any) -> None:
    """Keep the weights that are still floats as integers with a factor for each row, which the graph multiplies."""
    from onnx import TensorProto, helper, numpy_helper

    gates = {name for node in graph.node if node.op_type in _RECURRENT for name in node.input[1:3]}
    nodes = []
    # A loop's weights are its body's, which would multiply them in each step.
    bodies = [one.g for node in graph.node for one in node.attribute if one.HasField("g")]
    for owner, kept in [(part, kept) for part in (graph, *bodies) for kept in part.initializer]:
        if kept.data_type != TensorProto.FLOAT or len(kept.dims) < 2 or np.prod(kept.dims) < _LEAST:
            continue
        values = numpy_helper.to_array(kept)
        rows = values.reshape(-1, values.shape[-1] if kept.name in gates or values.ndim == 2 else values[0].size)
        factors = np.abs(rows).max(axis=1) / 127
        factors[factors == 0] = 1
        integers, factor, flat, shape = (f"{kept.name}_{part}" for part in ("int8", "factor", "rows", "shape"))
        owner.initializer.remove(kept)
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.rint(rows / factors[:, None]).astype(np.int8), integers),
                numpy_helper.from_array(factors.astype(np.float32), factor),
                numpy_helper.from_array(np.array(values.shape, np.int64), shape),
            ]
        )
        nodes.append(helper.make_node("DequantizeLinear", [integers, factor], [flat], axis=0))
        nodes.append(helper.make_node("Reshape", [flat, shape], [kept.name]))
    rest = [*graph.node]
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
