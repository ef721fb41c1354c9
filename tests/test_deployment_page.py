"""What docs/deployment.md shows runs as it stands there, and does what it says."""

import re
import warnings
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM

DOCS = Path(__file__).parent.parent / "docs"


def test_the_example_of_deployment_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block, with_states = re.findall(r"```python\n(.*?)```", (DOCS / "deployment.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    torch.compiler.reset()
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's, in its own tracing
        exec(compile(block, "deployment.md", "exec"), names)  # the repository's own text
    model, inputs = names["model"], torch.randn(5, 7, 4)
    state = [torch.randn(5, 16), torch.randn(5, 16)]
    program = torch.export.load("lstm.pt2").module()
    for mine, expected in zip(program(inputs, initial_state=state), model(inputs, initial_state=state), strict=True):
        assert_close(mine.detach(), expected.detach(), "float32 model")
    got = onnxruntime.InferenceSession("lstm.onnx").run(None, {"inputs": inputs.numpy()})
    for mine, expected in zip(got, model(inputs), strict=True):
        assert_close(mine, expected.detach(), "float32 model")
    stateful = LSTM(16, input_size=4, stateful=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(with_states, "deployment.md", "exec"), {"torch": torch, "model": stateful, "inputs": inputs})
    session, carried = onnxruntime.InferenceSession("stateful.onnx"), [torch.zeros(5, 16).numpy()] * 2
    for _ in range(2):
        given = zip((one.name for one in session.get_inputs()), [inputs.numpy(), *carried], strict=True)
        output, *carried = session.run(None, dict(given))
        assert_close(output, stateful(inputs).detach(), "float32 model")
