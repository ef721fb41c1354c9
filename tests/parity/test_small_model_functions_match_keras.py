"""What models and layers have beside training and files, here and in live Keras."""

from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(3)
X, Y = RNG.standard_normal((6, 5, 2)).astype(np.float32), RNG.standard_normal((6, 3)).astype(np.float32)


def recurrent(library: ModuleType) -> Any:
    layers = [library.Input((5, 2)), library.layers.LSTM(4, name="first"), library.layers.Dense(3, name="last")]
    model = library.Sequential(layers, name="whole")
    rng = np.random.default_rng(4)
    model.set_weights([rng.uniform(-0.5, 0.5, np.shape(one)) for one in model.get_weights()])
    return model


def dense(library: ModuleType) -> Any:
    inputs = library.Input((2,))
    return library.Model(inputs, library.layers.Dense(3, name="last")(inputs))


def keys_of(tree: dict[str, Any]) -> dict[str, Any]:
    return {name: keys_of(inner) if isinstance(inner, dict) else None for name, inner in tree.items()}


def test_state_trees() -> None:
    models = [dense(torch_keras_lstm), dense(keras)]
    for model in models:
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X[:, 0], Y, batch_size=6, epochs=1, verbose=0)
    ours, theirs = (model.get_state_tree("numpy_array") for model in models)
    assert ours.keys() == theirs.keys()
    assert keys_of(ours["trainable_variables"]) == keys_of(theirs["trainable_variables"])
    (mine,), (other,) = (tree["optimizer_variables"].values() for tree in (ours, theirs))
    assert len(mine) == len(other)
    before = models[0].predict(X[:, 0], verbose=0)
    models[0].set_weights([0 * weight for weight in models[0].get_weights()])
    models[0].set_state_tree(ours)
    np.testing.assert_array_equal(models[0].predict(X[:, 0], verbose=0), before)
    with pytest.raises(ValueError, match="Invalid `value_format` argument"):
        models[0].get_state_tree("list")
    with pytest.raises(ValueError, match="Unknown variable name: 'weights'"):
        models[0].set_state_tree({"weights": {}})


def two_headed(library: ModuleType) -> Any:
    class TwoHeads(library.Model):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = library.layers.Dense(3), library.layers.Dense(3)

        def call(self, inputs: Any) -> Any:
            return [self.left(inputs), self.right(inputs)]

    return TwoHeads()


def test_names_of_what_outputs_without_names_add() -> None:
    for losses in (
        lambda library: ["mse", "mae"],
        lambda library: ["mse", "mse"],
        lambda library: [library.losses.Huber(), library.losses.MeanSquaredError(name="own")],
        lambda library: [library.losses.mean_squared_error, "mae"],
    ):
        names = []
        for library in (torch_keras_lstm, keras):
            model = two_headed(library)
            model.compile("sgd", losses(library), metrics=[["mae"], ["mse"]])
            names.append(sorted(model.fit(X[:, 0], [Y, Y], verbose=0).history))
        assert names[0] == names[1]


def test_a_folder_in_place_of_an_archive(tmp_path: Path) -> None:
    ours, theirs = recurrent(torch_keras_lstm), recurrent(keras)
    ours.compile("adam", "mse")
    ours.train_on_batch(X, Y)
    torch_keras_lstm.saving.save_model(ours, tmp_path / "ours", zipped=False)
    expected = ours.predict(X, verbose=0)
    again = torch_keras_lstm.models.load_model(tmp_path / "ours")
    assert_close(again.predict(X, verbose=0), expected, "float32 model")
    assert_close(keras.models.load_model(tmp_path / "ours").predict(X, verbose=0), expected, "float32 model")
    assert_close(again.train_on_batch(X, Y), ours.train_on_batch(X, Y), "float32 model")
    (tmp_path / "theirs").mkdir()
    keras.saving.save_model(theirs, tmp_path / "theirs", zipped=False)
    read = torch_keras_lstm.models.load_model(tmp_path / "theirs")
    assert_close(read.predict(X, verbose=0), theirs.predict(X, verbose=0), "float32 model")


@pytest.mark.parametrize(("writer", "reader"), [(torch_keras_lstm, keras), (keras, torch_keras_lstm)])
def test_json_of_a_model_that_was_never_called(writer: ModuleType, reader: ModuleType) -> None:
    model = reader.models.model_from_json(
        writer.Sequential([writer.layers.LSTM(4), writer.layers.Dense(3, name="last")]).to_json()
    )
    assert not model.built
    assert model.layers[-1].name == "last"
    assert np.shape(model.predict(X, verbose=0)) == (6, 3)


def structures(library: ModuleType) -> Any:
    class Sum(library.layers.Layer):  # type: ignore[misc, name-defined]
        def call(self, inputs: Any) -> Any:
            values = [*inputs.values()] if isinstance(inputs, dict) else inputs
            return values[0] + 2 * values[1]

    return library.Sequential([Sum(), library.layers.Dense(3, kernel_initializer="ones")])


@pytest.mark.parametrize("inputs", [{"a": X[:, 0], "b": X[:, 1]}, [X[:, 0], X[:, 1]]], ids=["dict", "list"])
def test_a_sequential_model_takes_what_its_first_layer_takes(inputs: Any) -> None:
    ours, theirs = (structures(library)(inputs) for library in (torch_keras_lstm, keras))
    assert_close(ours.detach(), theirs, "float32 model")


def test_metrics_of_layers() -> None:
    found = []
    for library in (torch_keras_lstm, keras):

        class Measured(library.layers.Layer):  # type: ignore[misc, name-defined]
            def __init__(self, inner: Any = None, mean: Any = library.metrics.Mean) -> None:
                super().__init__()
                self.measured, self.inner = mean(name="seen" if inner is None else "around"), inner

            def call(self, inputs: Any) -> Any:
                return inputs

        layer = Measured(Measured())
        found.append(([one.name for one in layer.metrics], len(layer.metrics_variables)))
    assert found[0] == found[1] == (["around", "seen"], 4)


def test_states_can_be_set() -> None:
    layer = torch_keras_lstm.layers.LSTM(4, stateful=True, batch_input_shape=(6, 5, 2))
    states = [RNG.standard_normal((6, 4)).astype(np.float32) for _ in range(2)]
    layer.reset_states(states=states)
    reference = keras.layers.LSTM(4)
    reference.build((6, 5, 2))
    reference.set_weights(layer.get_weights())
    assert_close(layer(torch.tensor(X)).detach(), reference(X, initial_state=states), "float32 model")
    with pytest.raises(ValueError, match="has 2 states, got 1"):
        layer.reset_states(states[:1])
    with pytest.raises(ValueError, match="not `stateful=True`"):
        torch_keras_lstm.layers.LSTM(4).reset_states(states)


def test_a_data_set_without_an_end() -> None:
    losses = []
    for library in (torch_keras_lstm, keras):

        class Endless(library.utils.PyDataset):  # type: ignore[misc, name-defined]
            def __getitem__(self, index: int) -> Any:
                return X[index % 3 : index % 3 + 2], Y[index % 3 : index % 3 + 2]

        first = [batch for batch, _ in zip(Endless(), range(5), strict=False)]  # which nobody said has an end
        np.testing.assert_array_equal(first[4][0], X[1:3])
        with pytest.raises(NotImplementedError, match="num_batches"):
            _ = Endless().num_batches
        Endless.num_batches = None
        model = recurrent(library)
        model.compile("sgd", "mse")
        losses.append(model.fit(Endless(), steps_per_epoch=4, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert_close(losses[0], losses[1], "float32 curve")


def test_sample_weights_of_sequences() -> None:
    """One weight for each sample, with an axis of 1, or for each step: what weighs nothing counts in the mean."""
    targets = RNG.standard_normal((6, 5, 3)).astype(np.float32)
    for weights in (RNG.uniform(0, 2, (6, 1)), RNG.uniform(0, 2, (6, 5)) * (RNG.uniform(size=(6, 5)) > 0.4)):
        losses = []
        for library in (torch_keras_lstm, keras):
            layers = library.layers
            model = library.Sequential([library.Input((5, 2)), layers.LSTM(4, return_sequences=True), layers.Dense(3)])
            rng = np.random.default_rng(5)
            model.set_weights([rng.uniform(-0.5, 0.5, np.shape(one)) for one in model.get_weights()])
            model.compile("sgd", "mse")
            arguments = {"sample_weight": weights.astype(np.float32), "batch_size": 6, "epochs": 3, "verbose": 0}
            losses.append(model.fit(X, targets, **arguments).history["loss"])
        assert_close(losses[0], losses[1], "float32 curve")
