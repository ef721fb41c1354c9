"""Models by class as Keras users write them, cloned and described models; live Keras says what is right."""

import json
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.models import Functional, clone_model, model_from_json

pytestmark = pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match")

_random = np.random.default_rng(0)
X, Y, WEIGHTS = _random.normal(size=(6, 4, 2)), _random.normal(size=(6, 3)), _random.uniform(0.5, 2.0, size=6)


def _by_ends(k: Any) -> Any:
    class ByEnds(k.Model):  # type: ignore[misc]
        def train_step(self, data: Any) -> dict[str, Any]:
            self.parts = len(data)
            return {**super().train_step(data), "answer": 42.0}

    x = k.Input((4, 2))
    return ByEnds(x, k.layers.Dense(3, name="dense")(k.layers.LSTM(5, name="lstm")(x)), name="by_ends")


def _by_its_constructor(k: Any) -> Any:
    class Built(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            x = k.Input((4, 2))
            super().__init__(inputs=x, outputs=k.layers.Dense(3, name="dense")(k.layers.LSTM(5, name="lstm")(x)))
            self.seen = k.metrics.Mean(name="seen")

        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None, training: bool = True) -> Any:
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            self.seen.update_state(loss)
            return loss * 2.0

        def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
            logs = super().compute_metrics(x, y, y_pred, sample_weight)
            return {**logs, "half": logs["mae"] / 2}

    return Built()


def _by_layers(k: Any) -> Any:
    class ByLayers(k.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm, self.dense = k.layers.LSTM(5), k.layers.Dense(3)
            self.dropout = k.layers.Dropout(0.5)  # which does nothing: `call` does not take `training`
            self.tracker = k.metrics.Mean(name="tracked")

        def call(self, x: Any) -> Any:
            return self.dense(self.dropout(self.lstm(x)))

        def test_step(self, data: Any) -> dict[str, Any]:
            logs = super().test_step(data)
            self.tracker.update_state(logs["loss"])
            return {"twice": 2 * logs["loss"]}

        @property
        def metrics(self) -> list[Any]:
            return [*super().metrics[:2], self.tracker]

    return ByLayers()


@pytest.mark.parametrize("make", [_by_ends, _by_its_constructor, _by_layers])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_model_class_of_ones_own_is_trained_as_in_keras(make: Any, weighted: bool) -> None:
    keras.backend.clear_session(free_memory=False)
    with float64(keras):
        theirs, ours = make(keras), make(torch_keras_lstm).double()
        theirs(X)
        ours(torch.from_numpy(X))
        ours.set_weights(theirs.get_weights())
        results = []
        for model in (ours, theirs):
            model.compile("sgd", "mse", metrics=["mae"])
            weights = {"sample_weight": WEIGHTS} if weighted else {}
            fitted = model.fit(X, Y, 4, 2, validation_data=(X, Y), shuffle=False, verbose=0, **weights).history
            results.append(fitted | {"metrics": [metric.name for metric in model.metrics]})
        assert results[0].pop("metrics") == results[1].pop("metrics")
        assert results[0].keys() == results[1].keys()
        for name in results[1]:
            assert_close(results[0][name], results[1][name], "float64 curve", name)
        assert_close(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), "float64 curve")
    assert getattr(ours, "parts", 2 + weighted) == 2 + weighted


def test_a_class_made_of_ends_is_functional_and_of_its_own_class() -> None:
    model = _by_ends(torch_keras_lstm)
    assert isinstance(model, Functional)
    assert type(model).__name__ == "ByEnds"
    again = type(model).from_config(model.get_config())
    assert type(again) is type(model)
    again.set_weights(model.get_weights())
    assert torch.equal(again(torch.from_numpy(X).float()), model(torch.from_numpy(X).float()))


def test_a_train_step_that_returns_no_dictionary_says_what_to_return() -> None:
    class Silent(torch_keras_lstm.Model):
        def train_step(self, data: Any) -> Any:
            super().train_step(data)

    x = torch_keras_lstm.Input((4, 2))
    model = Silent(x, torch_keras_lstm.layers.LSTM(3)(x))
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match=r"`train_step` must return a dictionary .* `return self\.get_metrics_result"):
        model.fit(X, Y, verbose=0)


def test_a_model_without_trainable_weights_is_fitted_with_a_warning() -> None:
    with float64(keras):
        theirs, ours = _by_ends(keras), _by_ends(torch_keras_lstm).double()
        ours.set_weights(theirs.get_weights())
        losses = []
        for model in (ours, theirs):
            model.trainable = False
            model.compile("sgd", "mse")
            with pytest.warns(UserWarning, match="does not have any trainable weights"):
                losses.append(model.fit(X, Y, shuffle=False, verbose=0).history["loss"])
    assert_close(losses[0], losses[1], "float64")


def test_lists_of_several_lengths_are_told_of_padding() -> None:
    model = _by_ends(torch_keras_lstm)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"become one array by `torch_keras_lstm\.utils\.pad_sequences`"):
        model.fit([[1, 2], [3]], [0, 1])


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_a_callback_ends_evaluate_and_predict(method: str) -> None:
    class Ender(torch_keras_lstm.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_predicting = batch == 1

    def forever() -> Any:
        while True:
            yield X[:2].astype("float32"), Y[:2].astype("float32")

    model = _by_ends(torch_keras_lstm)
    model.compile("sgd", "mse")
    result = getattr(model, method)(forever(), verbose=0, callbacks=[Ender()])
    assert np.isscalar(result) if method == "evaluate" else result.shape == (4, 3)


# -- clones and descriptions -------------------------------------------------------------------------------------------


def _graph(k: Any) -> Any:
    x = k.Input((4, 2), name="x")
    shared = k.layers.LSTM(2, return_sequences=True, name="shared")
    inner = k.Sequential([k.Input((4, 2)), k.layers.Dense(3, name="inner_dense")], name="inner")
    return k.Model(x, {"out": inner(shared(shared(x)) * 2.0)}, name="graph")


def _stack(k: Any) -> Any:
    return k.Sequential([k.Input((4, 2)), k.layers.LSTM(3, name="lstm"), k.layers.Dense(3, name="dense")], name="stack")


@pytest.mark.parametrize("make", [_graph, _stack])
def test_a_clone_has_layers_of_its_own_and_computes_the_same(make: Any) -> None:
    model, inputs = make(torch_keras_lstm), torch.from_numpy(X).float()
    model.compile("adam", "mse")
    clone = clone_model(model)
    assert clone.compiled
    assert not {*model.modules()} & {*clone.modules()}
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]
    clone.set_weights(model.get_weights())
    expected, got = model(inputs), clone(inputs)
    assert torch.equal(got["out"], expected["out"]) if isinstance(got, dict) else torch.equal(got, expected)


def test_functions_make_and_call_the_layers_of_a_clone() -> None:
    def renamed(layer: Any) -> Any:
        return type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_new"})

    def dropped(layer: Any, *args: Any, **kwargs: Any) -> Any:
        return torch_keras_lstm.layers.Dropout(0.5)(layer(*args, **kwargs))

    model = _graph(torch_keras_lstm)
    assert "shared_new" in [layer.name for layer in clone_model(model, clone_function=renamed).layers]
    whole = clone_model(model, clone_function=renamed, recursive=True)
    assert whole.get_layer("inner").layers[0].name == "inner_dense_new"
    kinds = [type(layer).__name__ for layer in clone_model(model, call_function=dropped).layers]
    assert kinds.count("Dropout") == 4
    x = torch_keras_lstm.Input((4, 2), name="another")
    assert clone_model(model, input_tensors=[x]).input is x
    with pytest.raises(ValueError, match=r"`input_tensors` must have the same structure as model\.input"):
        clone_model(model, input_tensors=[x, x])
    with pytest.raises(ValueError, match="`call_function` is for functional models"):
        clone_model(_stack(torch_keras_lstm), call_function=dropped)


@pytest.mark.parametrize("make", [_graph, _stack])
def test_json_goes_to_keras_and_comes_from_it(make: Any) -> None:
    keras.backend.clear_session(free_memory=False)
    theirs, ours = make(keras), make(torch_keras_lstm)
    for model in (theirs, ours):
        model.compile("adam", "mse")
    read_there, read_here = keras.models.model_from_json(ours.to_json()), model_from_json(theirs.to_json())
    assert read_here.compiled
    assert json.loads(ours.to_json(indent=1))["class_name"] == json.loads(theirs.to_json())["class_name"]
    weights = theirs.get_weights()
    inputs = X.astype("float32")
    for model in (ours, read_there, read_here):
        model.set_weights(weights)
    for model in (ours, read_there, read_here):
        expected, got = theirs(inputs), model(inputs)
        expected, got = (one["out"] if isinstance(one, dict) else one for one in (expected, got))
        got = got.detach() if isinstance(got, torch.Tensor) else got
        assert_close(got, expected, "float32 model")
