"""Layers, cells and models of one's own in whole files, between this package and live Keras in both directions."""

from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

X = np.random.default_rng(1).standard_normal((4, 5, 2)).astype(np.float32)
Y = np.random.default_rng(2).standard_normal((4, 3)).astype(np.float32)
PAIRS = [(torch_keras_lstm, keras), (keras, torch_keras_lstm), (torch_keras_lstm, torch_keras_lstm)]
every_pair = pytest.mark.parametrize(("writer", "reader"), PAIRS, ids=["to Keras", "from Keras", "ours"])


def classes(library: ModuleType) -> dict[str, Any]:
    """The same classes written for either library."""
    layers: Any = library.layers

    class Scale(layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int = 3, factor: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units, self.factor = units, factor
            self.first, self.normalized = layers.Dense(units + 1), layers.BatchNormalization()
            self.second = layers.Dense(units)
            self.second.trainable = False

        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones")
            self.first.build(input_shape)
            self.normalized.build((*input_shape[:-1], self.units + 1))
            self.second.build((*input_shape[:-1], self.units + 1))

        def call(self, inputs: Any) -> Any:
            return self.second(self.normalized(self.first(inputs))) * self.factor * self.scale

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units, "factor": self.factor}

    class DenseCell(layers.Layer):  # type: ignore[misc]
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units
            self.taken, self.kept = layers.Dense(units), layers.Dense(units, use_bias=False)

        def build(self, input_shape: Any) -> None:
            self.taken.build(input_shape)
            self.kept.build((input_shape[0], self.units))

        def call(self, inputs: Any, states: Any) -> Any:
            state = library.ops.tanh(self.taken(inputs) + self.kept(states[0]))
            return state, [state]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    class Tagger(library.Model):  # type: ignore[misc, name-defined]
        def __init__(self, units: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.recurrent, self.scaled = layers.LSTM(units + 2), Scale(units, 0.5)

        def call(self, inputs: Any) -> Any:
            return self.scaled(self.recurrent(inputs))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    class Named(library.Model):  # type: ignore[misc, name-defined]
        """Of inputs and outputs."""

    class Row(library.Sequential):  # type: ignore[misc, name-defined]
        """A class of Sequential models."""

    return {one.__name__: one for one in (Scale, DenseCell, Tagger, Named, Row)}


def built(library: ModuleType, kind: str, own: dict[str, Any]) -> Any:
    layers = library.layers
    inputs = library.Input((5, 2))
    if kind == "layer in a row":
        return library.Sequential([inputs, layers.LSTM(4), own["Scale"](3, 0.5)])
    if kind == "layer in a graph":
        outputs = own["Scale"](3, 2.0)(layers.LSTM(4)(inputs))
        return library.Model(inputs, layers.add([outputs, layers.Dense(3)(layers.Flatten()(inputs))]))
    if kind == "cell":
        return library.Sequential([inputs, layers.RNN(own["DenseCell"](4)), layers.Dense(3)])
    if kind == "model in a row":
        return library.Sequential([inputs, own["Tagger"](4), layers.Dense(3)])
    if kind == "model":
        model = own["Tagger"](3)
        model(X)
        return model
    if kind == "model of ends":
        return own["Named"](inputs, layers.Dense(3)(layers.LSTM(4)(inputs)))
    return own["Row"]([inputs, layers.LSTM(4), layers.Dense(3)])


def randomized(model: Any) -> Any:
    rng = np.random.default_rng(7)
    model.set_weights([rng.uniform(0.2, 0.9, np.shape(weight)) for weight in model.get_weights()])
    return model


HELD = ["layer in a row", "layer in a graph", "cell", "model in a row"]
MODELS = ["model", "model of ends", "row"]
FILES = [(kind, suffix) for kind in HELD for suffix in (".keras", ".h5")] + [(kind, ".keras") for kind in MODELS]


def kinds_of(model: Any) -> list[str]:
    return [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]


@every_pair
@pytest.mark.parametrize(("kind", "suffix"), FILES)
def test_files_hold_classes_of_ones_own(
    kind: str, suffix: str, writer: ModuleType, reader: ModuleType, tmp_path: Path
) -> None:
    own_here, own_there = classes(writer), classes(reader)
    model, path = randomized(built(writer, kind, own_here)), tmp_path / f"model{suffix}"
    model.compile("adam", "mse", run_eagerly=True)
    model.train_on_batch(X, Y)
    model.save(path)
    loaded = reader.models.load_model(path, custom_objects=own_there)
    assert kinds_of(loaded) == kinds_of(model)
    if kind in MODELS:
        assert type(loaded) is own_there[type(model).__name__]
    assert_close(loaded.predict(X, verbose=0), model.predict(X, verbose=0), "float32 model")
    if suffix == ".h5" and reader is keras:
        return  # Keras does not train what it reads from its own compiled `.h5`: the optimizer knows other variables
    loaded.run_eagerly = True
    for _ in range(2):  # the second tells whether the optimizer went on where it was
        assert_close(loaded.train_on_batch(X, Y), model.train_on_batch(X, Y), "float32 model")


@every_pair
def test_registered_classes_need_not_be_given(writer: ModuleType, reader: ModuleType, tmp_path: Path) -> None:
    own = {library: classes(library) for library in {writer, reader}}
    for library, defined in own.items():
        for name in ("Scale", "Tagger"):
            defined[name] = library.saving.register_keras_serializable("saved_own")(defined[name])
    model, path = randomized(built(writer, "model", own[writer])), tmp_path / "model.keras"
    model.save(path)
    loaded = reader.models.load_model(path)
    assert type(loaded) is own[reader]["Tagger"]
    assert_close(loaded.predict(X, verbose=0), model.predict(X, verbose=0), "float32 model")
