"""The script that records models, run as its user runs it: a file of its own beside a live Keras."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from tests.parity.conversion_models import randomize
from tests.tolerances import TOLERANCES
from torch_keras_lstm.conversion import record_script, verify

pytestmark = pytest.mark.filterwarnings(
    "ignore:You are saving your model as an HDF5 file", "ignore:__array__ implementation:DeprecationWarning"
)


def _branches(k: Any) -> Any:
    """A masked embedding of few words, a shared layer that gives three tensors, and a nested model, with two inputs."""
    words, numbers = k.Input((6,), dtype="int32", name="words"), k.Input((None, 3), name="numbers")
    vectors = k.layers.Embedding(5, 3, mask_zero=True, name="vectors")(words)
    shared = k.layers.LSTM(4, return_state=True, name="shared")
    _, hidden, cell = shared(k.layers.Masking(0.5, name="masking")(numbers))
    last = shared(vectors, initial_state=[hidden, cell])[0]
    inner = k.Sequential([k.Input((4,)), k.layers.Dense(2, name="d")], name="inner")
    return k.Model([words, numbers], [inner(last), k.layers.Dense(3, name="head")(hidden)])


def _record(k: Any, *files: Path) -> dict[str, Any]:
    command = [sys.executable, record_script.__file__, *map(str, files), "--keras", k.__name__]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=files[0].parent, env=environment, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert f"by {k.__name__} {k.__version__}" in done.stdout
    return dict(np.load(files[-1]))


@pytest.mark.slow
@pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_graph_is_recorded_layer_by_layer(k: Any, tmp_path: Path) -> None:
    model = _branches(k)
    randomize(model, np.random.default_rng(2))
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    files = (tmp_path / "m.json", tmp_path / "m.weights.h5", tmp_path / "r.npz")
    record = _record(k, *files)
    ids, numbers = record["x0"], record["x1"]
    assert (ids.shape, ids.dtype.kind, ids.min() >= 0, ids.max()) == ((4, 6), "i", True, 4)
    assert numbers.shape == (4, 7, 3)
    assert (numbers[:, -2:] == 0.5).all()
    expected = [np.asarray(values) for values in model([ids, numbers])]
    assert all(np.allclose(record[f"y{index}"], values) for index, values in enumerate(expected))
    assert {"layer/shared", "layer/shared:1", "layer/shared:2", "layer/inner", "layer/head"} <= record.keys()
    # The first call of the shared layer is the one on the numbers, whose state goes into `head`.
    assert np.array_equal(record["layer/shared"], record["layer/shared:1"])
    verification = verify(files[0], record=files[2], weights=files[1])
    assert verification.agrees(TOLERANCES["float32 model"])
    names = [layer.name for layer in verification.layers]
    assert {"vectors", "masking", "shared", "shared:2", "inner", "head"} <= {*names}
    assert all(layer.largest_error <= TOLERANCES["float32 model"] for layer in verification.layers)


@pytest.mark.parametrize("k", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_stack_is_recorded_in_one_pass(k: Any, tmp_path: Path) -> None:
    layers = k.layers
    inside = layers.TimeDistributed(layers.Embedding(6, 2))
    model = k.Sequential(
        [layers.Input((5, 3), batch_size=2), inside, layers.Reshape((5, 6)), layers.LSTM(4, stateful=True)]
    )
    inputs, outputs, of_layers = record_script.record(k, model)
    assert (inputs[0].shape, inputs[0].min(), inputs[0].max()) == ((2, 5, 3), 0, 5), "samples as the model fixes them"
    assert [name for name, _ in of_layers] == [layer.name for layer in model.layers]
    assert np.array_equal(outputs[0], of_layers[-1][1]), "a second pass would start from another state"


def test_without_keras_the_script_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("keras", "tf_keras", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SystemExit, match=r"there is no Keras here: none of keras, tf_keras can be imported"):
        record_script.import_keras(["keras", "tf_keras"])
