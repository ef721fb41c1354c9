"""What docs/custom_layers.md shows runs as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conversion.handmade import entry, lstm_weights, sequential, write_legacy
from torch_keras_lstm import Sequential

DOCS = Path(__file__).parent.parent / "docs"
T, F, U, OUT = 6, 5, 4, 3


def blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (DOCS / "custom_layers.md").read_text(), re.DOTALL)


def test_the_layer_written_for_keras_is_trained() -> None:
    names: dict[str, object] = {}
    exec(compile(blocks()[0], "custom_layers.md", "exec"), names)  # the repository's own text
    model = names["model"]
    assert isinstance(model, Sequential)
    random = np.random.default_rng(0)
    before = model.get_weights()
    assert [array.shape for array in before[:3]] == [(4,), (4, 4), (4,)]
    model.fit(random.normal(size=(8, 6, 4)), random.normal(size=(8, 1)), verbose=0)
    assert all(np.abs(now - then).max() > 0 for now, then in zip(model.get_weights(), before, strict=True))


def test_the_example_of_custom_layers_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, block = blocks()
    random = np.random.default_rng(2)
    config = sequential(
        entry("Clipped", "c", units=U, limit=0.125, batch_input_shape=[None, T, F]),
        entry("Gain", "g"),
        entry("Lambda", "scale", function=["4wE=", None, None], function_type="lambda"),
        entry("Dense", "d", units=U, activation="squash", use_bias=False),
        entry("Head", "h", units=OUT),
    )
    lstm = dict(zip(("c/kernel:0", "c/recurrent_kernel:0", "c/bias:0"), lstm_weights(random, F, U), strict=True))
    gain, kernel, head = random.normal(size=U), random.normal(size=(U, U)), random.normal(size=(U, OUT))
    groups = {
        "c": lstm,
        "g": {"g/gain:0": gain},
        "scale": {},
        "d": {"d/kernel:0": kernel},
        "h": {"h/kernel:0": head, "h/bias:0": np.zeros(OUT)},
    }
    write_legacy(tmp_path / "custom.h5", groups, config=config, keras_version="2.8.0")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block, "custom_layers.md", "exec"), names)  # the repository's own text
    model = names["model"]
    assert isinstance(model, torch.nn.Module)
    x = torch.from_numpy(random.normal(size=(2, T, F)).astype(np.float32))
    with torch.no_grad():
        clipped = model.get_submodule("layers.0")(x)
        output = model(x)
    assert clipped.abs().max() == 0.125
    hidden = 10 * clipped.numpy() * gain @ kernel
    logits = hidden / (1 + abs(hidden)) @ head
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(output, expected, rtol=0, atol=1e-6)
