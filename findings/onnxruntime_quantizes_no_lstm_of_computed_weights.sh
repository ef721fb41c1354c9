#!/usr/bin/env bash
# onnxruntime 1.32.0, onnx 1.23.0: `quantize_dynamic` leaves an LSTM in float32, with no word and no error, when its weights
# come out of another node, such as the Concat or Unsqueeze that exporters put there. With the weights as initializers, or
# after `quant_pre_process`, the node becomes DynamicQuantizeLSTM.
# Seen:  weights through Identity: ['Identity', 'LSTM']; as initializers: ['DynamicQuantizeLSTM']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check onnx==1.23.0 onnxruntime==1.32.0 2>/dev/null
cat >"$folder/run.py" <<'PY'
import logging
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

logging.disable(logging.CRITICAL)
rng = np.random.default_rng(0)
shapes = {"W": (1, 64, 8), "R": (1, 64, 16)}
weights = [numpy_helper.from_array(rng.standard_normal(shape).astype("float32"), name) for name, shape in shapes.items()]
found = []
for computed in (True, False):
    nodes = [helper.make_node("Identity", ["R"], ["R_computed"])] if computed else []
    nodes.append(helper.make_node("LSTM", ["X", "W", "R_computed" if computed else "R"], ["Y"], hidden_size=16))
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [5, 2, 8])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, [5, 1, 2, 16])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    source, target = sys.argv[1] + "/m.onnx", sys.argv[1] + "/q.onnx"
    onnx.save(model, source)
    quantize_dynamic(source, target)
    found.append([node.op_type for node in onnx.load(target).graph.node])
print(f"weights through Identity: {found[0]}; as initializers: {found[1]}")
assert onnxruntime.__version__ == "1.32.0"
assert "LSTM" in found[0], "it is quantized now"
assert found[1] == ["DynamicQuantizeLSTM"]
PY
"$folder/venv/bin/python" "$folder/run.py" "$folder" 2>/dev/null
