"""Layers that a model reaches twice, in a nested model and outside of it, in every container.

Keras 3 and tf_keras cannot read their own ``.keras`` files of such models, and make two layers of one from HDF5.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, load_model
from torch_keras_lstm.models import Model

B, T, F = 3, 6, 4

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def _float64() -> Iterator[None]:
    with float64(keras, tf_keras):
        yield


def shared_with_a_sequential(k: Any, wrapped: bool = False) -> Any:
    """An LSTM, or a Bidirectional, in a nested model and behind it, and the nested model twice."""
    layers = k.layers
    layer = layers.LSTM(F, return_sequences=True, name="shared")
    if wrapped:
        layer = layers.Bidirectional(layers.LSTM(F, return_sequences=True), merge_mode="sum", name="shared")
    inner = k.Sequential([k.Input((T, F)), layer, layers.Dense(F, name="dense")], name="inner")
    x = k.Input((T, F), name="x")
    states = layer(inner(x))
    return k.Model(x, [states, layers.Dense(2, name="out")(inner(states))], name="outer")


def shared_by_two_models(k: Any) -> Any:
    """A nested model in two others; the second layer is another one in each, under one name."""
    layers = k.layers
    word = k.Input((T, F))
    encoder = k.Model(word, layers.LSTM(5, name="lstm")(layers.Dense(3, name="in")(word)), name="encoder")
    branches = []
    for name in ("left", "right"):
        start = k.Input((T, F))
        branches.append(k.Model(start, layers.Dense(2, name="head")(encoder(start)), name=name))
    a, b = k.Input((T, F), name="a"), k.Input((T, F), name="b")
    return k.Model([a, b], [branches[0](a), branches[1](b)], name="outer")


MODELS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "sequential": (shared_with_a_sequential, 7),
    "wrapped": (lambda k: shared_with_a_sequential(k, wrapped=True), 10),
    "two models": (shared_by_two_models, 9),
}
CASES = [
    pytest.param(library, container, build, id=f"{library.__name__}-{container}-{build}")
    for library, container, builds in (
        (keras, "m.keras", [*MODELS]),
        (keras, "m.h5", [*MODELS]),
        (keras, "w.weights.h5", ["two models"]),
        (tf_keras, "m.keras", ["wrapped"]),
        (tf_keras, "m.h5", ["wrapped"]),
        (tf_keras, "w.weights.h5", ["sequential"]),
        (tf_keras, "legacy.h5", ["two models"]),
        (tf_keras, "folder", ["sequential"]),
        (tf_keras, "checkpoint", ["two models"]),  # a prefix that is also the name of TensorFlow's note beside it
    )
    for build in builds
]


def _saved(model: Any, path: Path) -> tuple[Path, Path | None]:
    """The model's file, or its JSON and its weights' file."""
    if path.name in ("m.keras", "m.h5"):
        model.save(str(path))
        return path, None
    if path.name == "folder":
        model.save(str(path), save_format="tf")
        return path, None
    path.with_name("a.json").write_text(model.to_json())
    model.save_weights(str(path), **({"save_format": "tf"} if path.name == "checkpoint" else {}))
    return path.with_name("a.json"), path


def _answer(model: Model, inputs: list[Any]) -> list[Any]:
    with torch.no_grad():
        return [*model([torch.from_numpy(values) for values in inputs])]


@pytest.mark.parametrize(("library", "container", "build"), CASES)
def test_a_layer_at_two_places_is_one(tmp_path: Path, library: Any, container: str, build: str) -> None:
    make, count = MODELS[build]
    original = make(library)
    random = np.random.default_rng(5)
    original.set_weights([random.normal(size=weight.shape) for weight in original.get_weights()])
    assert len(original.get_weights()) == count
    inputs = [random.normal(size=(B, T, F)) for _ in original.inputs]
    expected = original(inputs if len(inputs) > 1 else inputs[0])
    path, weights = _saved(original, tmp_path / container)
    convert(path, tmp_path / "out", weights)
    for model in (load_model(path, weights), load_model(tmp_path / "out")):
        for ours, theirs in zip(_answer(model, inputs), expected, strict=True):
            assert_close(ours, theirs, "float64")
        assert len(model.get_weights()) == len([*model.parameters()]) - _fixed(model) == count
        assert model.count_params() == original.count_params()
        _assert_weights_return(model, path if weights is None else weights, inputs)


def _fixed(model: Model) -> int:
    return sum(not parameter.requires_grad for parameter in model.parameters())


def _assert_weights_return(model: Model, path: Path, inputs: list[Any]) -> None:
    before = _answer(model, inputs)
    model.set_weights([2 * array for array in model.get_weights()])
    model.load_weights(path)
    for again, first in zip(_answer(model, inputs), before, strict=True):
        assert torch.equal(again, first)
