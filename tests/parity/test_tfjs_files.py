"""Files that TF.js writes here and now, and files that were converted for it, against what TF.js answers in Node."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tf_keras
import torch

from tests.conversion.tfjs_files import converted
from tests.parity import tfjs_in_node
from tests.parity.conversion_models import random_layers, randomize
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model

GOLDEN = Path(__file__).parents[1] / "golden"
pytestmark = [
    pytest.mark.skipif(tfjs_in_node.why_not() is not None, reason=str(tfjs_in_node.why_not())),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]

SEEDS = range(40, 52)


def _answer(path: Path, inputs: list[Any]) -> list[Any]:
    tensors = [torch.from_numpy(values) for values in inputs]
    with torch.no_grad():
        outputs = load_model(path)(tensors if len(tensors) > 1 else tensors[0])
    return [*map(np.asarray, outputs if isinstance(outputs, list | tuple) else [outputs])]


def test_files_that_tfjs_writes(tmp_path: Path) -> None:
    """The same as those in tests/golden."""
    tfjs_in_node.run(GOLDEN / "make_tfjs.js", tmp_path)
    models = sorted(path.parent for path in tmp_path.glob("*/answer.json"))
    assert [model.name for model in models] == sorted(path.parent.name for path in GOLDEN.glob("tfjs_*/*/answer.json"))
    for model in models:
        told = json.loads((model / "answer.json").read_text())
        answer = _answer(model / "model.json", [*map(tfjs_in_node.array, told["inputs"])])
        for output, expected in zip(answer, map(tfjs_in_node.array, told["outputs"]), strict=True):
            assert_close(output, expected, "float32 model", model.name)


def _without_penalties(config: Any) -> Any:
    """The configuration without what TF.js 4.22.0 does not know (``L2``), or obeys while it loads (constraints)."""
    if isinstance(config, list):
        return [_without_penalties(one) for one in config]
    if not isinstance(config, dict):
        return config
    return {
        name: None if name.endswith(("_regularizer", "_constraint")) else _without_penalties(value)
        for name, value in config.items()
    }


def _model(seed: int) -> tuple[Any, Any]:
    """A random model and its inputs, but no `RepeatVector` behind a mask, which TF.js would hand on."""
    random = np.random.default_rng(seed)
    while True:
        start, layers, x = random_layers(tf_keras, random)
        if "RepeatVector" not in {type(layer).__name__ for layer in layers}:
            break
    model = tf_keras.Sequential([start, *layers])
    randomize(model, random)
    return model, x.astype("float32" if x.dtype.kind == "f" else "int32")


def test_images_are_enlarged_as_tfjs_does_it(tmp_path: Path) -> None:
    """From the first pixel in equal steps, where Keras goes from middle to middle."""
    layers = tf_keras.layers
    enlarge = layers.UpSampling2D((2, 3), interpolation="bilinear")
    model = tf_keras.Sequential([layers.Input((3, 4, 2)), layers.Conv2D(3, 2), enlarge])
    randomize(model, np.random.default_rng(8))
    model.save(tmp_path / "m.h5")
    path = converted(tmp_path / "m.h5", tmp_path / "m", shard=301)
    x = np.random.default_rng(9).normal(size=(2, 3, 4, 2)).astype("float32")
    expected = np.asarray(tfjs_in_node.answers([(path, [x])])[0][0])
    assert_close(_answer(path, [x])[0], expected, "float32 model")
    assert np.abs(model.predict(x, verbose=0) - expected).max() > 0.01
    with pytest.raises(ValueError, match="`from_first=True`, a rule of older Kerases"):
        load_model(path).save(tmp_path / "back.keras")


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[Path, Any, Any]]:
    """By seed a converted random model, its inputs, and what TF.js answers."""
    folder = tmp_path_factory.mktemp("tfjs")
    models = []
    for seed in SEEDS:
        model, x = _model(seed)
        model.save(folder / f"{seed}.h5")
        quantization = (None, "uint8", "uint16", "float16")[seed % 4]
        path = converted(folder / f"{seed}.h5", folder / str(seed), shard=301, quantization=quantization)
        path.write_text(json.dumps(_without_penalties(json.loads(path.read_text()))))
        models.append((path, x))
    said = tfjs_in_node.answers([(path, [x]) for path, x in models])
    return {seed: (*model, answer) for seed, model, answer in zip(SEEDS, models, said, strict=True)}


@pytest.mark.parametrize("seed", SEEDS)
def test_random_models_that_were_converted(answers: Any, seed: int) -> None:
    path, x, of_tfjs = answers[seed]
    (answer,) = _answer(path, [x])
    if isinstance(of_tfjs, str):
        assert "backward_mine" in of_tfjs  # TF.js makes the backward layer of a `Bidirectional` of the forward one
    else:
        assert_close(answer, of_tfjs[0], "float32 model")
