"""``fit`` and its like: what they take, what they refuse, and what they leave behind."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from tests.tolerances import assert_close
from torch_keras_lstm.callbacks import Callback
from torch_keras_lstm.layers import LSTM, Dense, Dropout, Input
from torch_keras_lstm.metrics import Mean
from torch_keras_lstm.models import Functional, Model, Sequential
from torch_keras_lstm.training import PyDataset

X = np.random.default_rng(0).normal(size=(11, 4, 3))
Y = np.random.default_rng(1).normal(size=(11, 2))


def make_model(**settings: Any) -> Sequential:
    torch.manual_seed(3)
    model = Sequential([Input((4, 3)), LSTM(5, dtype="float64"), Dense(2, dtype="float64")])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **settings})
    return model


def losses(model: Model, *args: Any, **kwargs: Any) -> list[float]:
    return model.fit(*args, **{"verbose": 0, "shuffle": False, **kwargs}).history["loss"]


class Batches(PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


def generator(passes: int) -> Iterator[tuple[Any, Any]]:
    for _ in range(passes):
        yield from Batches()


# -- what data may be ------------------------------------------------------------------------------------------------

DATASET = TensorDataset(torch.tensor(X), torch.tensor(Y))


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "tensors": lambda: {"x": torch.tensor(X), "y": torch.tensor(Y), "batch_size": 4},
    "lists of numbers": lambda: {"x": X.tolist(), "y": Y.tolist(), "batch_size": 4},
    "one input in a list": lambda: {"x": [X], "y": [Y], "batch_size": 4},
    "weights of one": lambda: {"x": X, "y": Y, "batch_size": 4, "sample_weight": np.ones(11)},
    "steps": lambda: {"x": X, "y": Y, "batch_size": 4, "steps_per_epoch": 3},
    "Dataset": lambda: {"x": DATASET, "batch_size": 4},
    "DataLoader": lambda: {"x": DataLoader(DATASET, batch_size=4)},
    "PyDataset": lambda: {"x": Batches()},
    "generator": lambda: {"x": generator(2), "steps_per_epoch": 3},
}


@pytest.mark.parametrize("kind", KINDS)
def test_data_of_every_kind_train_alike(kind: str) -> None:
    expected = losses(make_model(), X, Y, batch_size=4, epochs=2)
    assert_close(losses(make_model(), epochs=2, **KINDS[kind]()), expected, "float64")


def test_targets_may_lack_the_last_axis() -> None:
    model = Sequential([Input((3,)), Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    flat = model.evaluate(X[:, 0], Y[:, 0], verbose=0)
    assert_close(flat, model.evaluate(X[:, 0], Y[:, :1], verbose=0), "float32 elementwise")


def test_inputs_and_targets_by_name() -> None:
    first, second = Input((3,), name="first"), Input((2,), name="second")
    outputs = [Dense(1, name="sum")(first), Dense(2, name="same")(second)]
    model = Functional([first, second], outputs)
    model.compile("sgd", loss={"sum": "mse", "same": "mae"}, metrics={"same": ["mse"]})
    x = {"second": Y, "first": X[:, 0]}
    named = model.evaluate(x, {"same": Y, "sum": Y[:, :1]}, verbose=0, return_dict=True)
    listed = model.evaluate([X[:, 0], Y], [Y[:, :1], Y], verbose=0, return_dict=True)
    assert list(named) == ["loss", "same_loss", "same_mse", "sum_loss"]
    assert named == listed
    predictions = model.predict(x, verbose=0, batch_size=4)
    assert [one.shape for one in predictions] == [(11, 1), (11, 2)]


def test_an_output_without_a_loss() -> None:
    entry = Input((3,), name="x")
    model = Functional(entry, [Dense(1, name="trained")(entry), Dense(2, name="free")(entry)])
    model.compile("sgd", loss=["mse", None])
    assert list(model.evaluate(X[:, 0], [Y[:, :1]], verbose=0, return_dict=True)) == ["loss"]


def test_the_validation_split_is_the_end() -> None:
    split = make_model().fit(X, Y, verbose=0, shuffle=False, validation_split=0.3).history
    given = make_model().fit(X[:7], Y[:7], verbose=0, shuffle=False, validation_data=(X[7:], Y[7:])).history
    assert split == given


def test_shuffling_follows_the_seed_of_torch() -> None:
    curves = []
    for seed in (1, 1, 2):
        model = make_model()
        torch.manual_seed(seed)
        curves.append(losses(model, X, Y, batch_size=3, shuffle=True, epochs=2))
    assert curves[0] == curves[1] != curves[2]


def test_a_pass_goes_on_over_epochs_of_given_steps() -> None:
    """Three epochs of two batches from a generator are one epoch of six."""
    together, apart = make_model(), make_model()
    together.fit(generator(2), steps_per_epoch=6, verbose=0, shuffle=False)
    apart.fit(generator(2), steps_per_epoch=2, epochs=3, verbose=0, shuffle=False)
    for one, other in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_single_batches() -> None:
    model, other = make_model(metrics=["mae"]), make_model(metrics=["mae"])
    loss, error = model.train_on_batch(X, Y)
    history = other.fit(X, Y, batch_size=11, verbose=0, shuffle=False).history
    assert history == {"loss": [loss], "mae": [error]}
    assert model.test_on_batch(X, Y, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)
    np.testing.assert_array_equal(model.predict_on_batch(X), model.predict(X, verbose=0))


def test_stateful_layers_keep_their_states_across_batches() -> None:
    layer = LSTM(5, stateful=True, dtype="float64")
    model = Sequential([Input(batch_shape=(4, 4, 3)), layer, Dense(2, dtype="float64")])
    model.compile("sgd", "mse")
    model.fit(X[:8], Y[:8], batch_size=4, verbose=0, shuffle=False)
    kept = layer.states
    assert kept is not None
    assert kept[0].shape == (4, 5)
    model.reset_states()
    assert layer.states is None
    with pytest.raises(ValueError, match="batch"):
        model.fit(X, Y, batch_size=4, verbose=0)


# -- modes, gradients, subclasses ------------------------------------------------------------------------------------


class Modes(Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bool] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(self.model.training)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(self.model.training)


def test_modes_are_set_and_restored() -> None:
    model, modes = make_model(), Modes()
    model.eval()
    model.layers[1].train()
    model.fit(X, Y, batch_size=11, verbose=0, epochs=2, validation_data=(X, Y), callbacks=[modes])
    assert modes.seen == [True, False, True, False]
    assert [layer.training for layer in model.layers] == [False, True]
    assert not model.training


def test_dropout_works_in_training_alone() -> None:
    model = Sequential([Input((3,)), Dropout(0.5), Dense(1)])
    model.compile("sgd", "mse")
    np.testing.assert_array_equal(model.predict(X[:, 0], verbose=0), model.predict(X[:, 0], verbose=0))
    weights = model.get_weights()
    results = []
    for _ in range(2):
        model.set_weights(weights)
        results.append(losses(model, X[:, 0], Y[:, :1])[0])
    assert results[0] != results[1]


def test_a_callback_that_raises_leaves_a_model_that_can_be_trained() -> None:
    class Breaks(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise KeyboardInterrupt

    model, other = make_model(), make_model()
    model.eval()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=11, verbose=0, callbacks=[Breaks()])
    assert not model.training
    assert losses(model, X, Y, batch_size=11) == losses(other, X, Y, batch_size=11, epochs=2)[1:]


def test_a_torch_loss_and_optimizer() -> None:
    torch_model = make_model(optimizer=torch.optim.SGD, loss=nn.MSELoss())
    assert len(losses(torch_model, X, Y, epochs=2)) == 2
    model = make_model()
    model.compile(torch.optim.SGD(model.parameters(), lr=0.01), nn.MSELoss())
    assert_close(losses(model, X, Y, epochs=3), losses(make_model(), X, Y, epochs=3), "float64")


def test_a_compiled_model_can_be_copied() -> None:
    model = make_model()
    model.fit(X, Y, verbose=0, shuffle=False)
    twin = copy.deepcopy(model)
    assert losses(twin, X, Y) == losses(model, X, Y)


def test_steps_and_losses_of_the_users_own() -> None:
    class Doubled(Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = Dense(2, dtype="float64", input_shape=(3,))
            self.seen = Mean("seen")

        def forward(self, inputs: Any) -> Tensor:
            result: Tensor = self.dense(inputs)
            return result

        def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *_: Any, **__: Any) -> Tensor:
            self.seen.update_state(torch.tensor(2.0))
            loss: Tensor = 2 * (y_pred - y).square().mean()
            return loss

    model = Doubled()
    model.compile("sgd")
    measured = model.evaluate(X[:, 0], Y, verbose=0, return_dict=True)
    assert measured["seen"] == 2.0
    assert_close(measured["loss"], 2 * np.mean((model.predict(X[:, 0], verbose=0) - Y) ** 2), "float64")

    class OwnStep(Doubled):
        def train_step(self, data: Any) -> dict[str, float]:
            return {"answer": 42.0}

    own = OwnStep()
    own.compile("sgd")
    assert own.fit(X[:, 0], Y, verbose=0).history == {"answer": [42.0]}


def test_only_what_is_trainable_moves() -> None:
    model = make_model()
    model.get_layer(index=0).trainable = False
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    changed = [not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True)]
    assert changed == [False, False, False, True, True]


# -- what is refused -------------------------------------------------------------------------------------------------


def test_before_compile() -> None:
    model = Sequential([Input((4, 3)), LSTM(2)])
    for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
        with pytest.raises(ValueError, match=rf"You must call `compile\(\)` before `{method}\(\)`"):
            getattr(model, method)(X, Y)
    assert model.predict(X, verbose=0).shape == (11, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": X, "y": Y[:7]}, "same number of samples .*`x` has 11, `y` has 7"),
        ({"x": X, "y": Y, "sample_weight": np.ones(3)}, "`x` has 11, `y` has 11, `sample_weight` has 3"),
        ({"x": X[:0], "y": Y[:0]}, "There are no samples: the arrays are empty"),
        ({"x": X, "y": None}, "no target for it in `y`"),
        ({"x": X, "y": np.array(["a"] * 11)}, "Data must be numbers, got an array of dtype <U1"),
        ({"x": [[1.0, 2.0], [3.0]], "y": Y}, "A list of data must be of numbers and of one length"),
        ({"x": X, "y": Y, "batch_size": 0}, "`batch_size` must be a positive integer, got 0"),
        ({"x": X, "y": Y, "validation_split": 0.01}, None),
        ({"x": X[:1], "y": Y[:1], "validation_split": 0.5}, "There are 1 samples, too few to keep some for training"),
        ({"x": X, "y": Y, "validation_split": 2}, "`validation_split` is a fraction between 0 and 1, got 2"),
        ({"x": Batches(), "validation_split": 0.5}, "`validation_split` needs arrays or tensors"),
        ({"x": Batches(), "y": Y}, "bring their own targets and weights: do not give `y` as well"),
        ({"x": 3}, "`x` must be arrays or tensors, a torch Dataset or DataLoader, a PyDataset, or a generator"),
        ({"x": None}, "`x` must be arrays or tensors"),
        ({"x": X, "y": Y, "class_weight": [1.0, 2.0]}, "`class_weight` is a dictionary of weights by class index"),
        ({"x": X, "y": Y, "class_weight": {0: 1.0}, "sample_weight": np.ones(11)}, "at the same time"),
        ({"x": X, "y": Y, "validation_data": (X, Y), "validation_freq": 0.5}, "`validation_freq` is an integer or"),
        ({"x": iter([(X, Y, None, None)])}, "A batch has the form .*, got 4 entries"),
        ({"x": X, "y": {"output_2": Y}}, "`y` has 'output_2', which no output is called. Did you mean 'output_1'"),
        ({"x": X, "y": [Y, Y]}, "The model has 1 outputs .* but `y` has 2 entries"),
        ({"x": X, "y": Y[:, :, None].repeat(3, 2)}, "shape"),
    ],
)
def test_data_that_do_not_fit(arguments: dict[str, Any], message: str | None) -> None:
    model = make_model()
    if message is None:
        assert len(losses(model, **arguments)) == 1
        return
    with pytest.raises(ValueError, match=message):
        losses(model, **arguments)
    assert len(losses(model, X, Y)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": "mean_squared_eror"}, "Did you mean 'mean_squared_error'"),
        ({"metrics": ["acuracy"]}, "acuracy"),
        ({"metrics": "accuracy"}, "`metrics` is a list of metrics, or a dictionary by output, got 'accuracy'"),
        ({"optimizer": "adm"}, "Did you mean 'adam"),
        ({"steps_per_execution": 0}, "`steps_per_execution` must be a positive integer"),
    ],
)
def test_arguments_of_compile_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_model(**arguments)


def test_names_of_outputs_that_there_are_not() -> None:
    entry = Input((3,), name="x")
    model = Functional(entry, [Dense(1, name="first")(entry), Dense(2, name="second")(entry)])
    y = [Y[:, :1], Y]
    for arguments, message in (
        ({"loss": {"frist": "mse"}}, "`loss` has 'frist', which no output is called. Did you mean 'first'"),
        ({"loss": "mse", "metrics": {"thrid": ["mse"]}}, "`metrics` has 'thrid', which no output is called"),
        ({"loss": "mse", "metrics": ["mse"]}, r"has 2 outputs \(first, second\), but `metrics` has 1 entry"),
        ({"loss": ["mse"]}, "`loss` has 1 entry: give a list with one for each, or a dictionary by name"),
        ({"loss": "mse", "loss_weights": [1.0]}, "`loss_weights` has 1 entry"),
    ):
        model.compile("sgd", **arguments)
        with pytest.raises(ValueError, match=message):
            model.fit(X[:, 0], y, verbose=0)


def test_no_loss_at_all() -> None:
    with pytest.raises(ValueError, match=r"There is no loss: give `compile\(\)` a `loss`"):
        losses(make_model(loss=None), X, Y)


def test_a_generator_that_ends_early_warns_and_ends_the_epoch() -> None:
    model = make_model()
    with pytest.warns(UserWarning, match="Your input ran out of data; interrupting training"):
        history = model.fit(generator(1), steps_per_epoch=2, epochs=3, verbose=0, shuffle=False)
    assert len(history.epoch) == 2


def test_a_generator_without_a_batch() -> None:
    model = make_model()
    calls: list[Callable[..., Any]] = [partial(model.fit, shuffle=False), model.evaluate, model.predict]
    for call in calls:
        with pytest.raises(ValueError, match=r"The input has no batch: .* or the generator at its end already"):
            call(generator(0), verbose=0)
    assert len(losses(model, X, Y)) == 1


def test_a_validation_that_has_nothing_left_is_not_reported() -> None:
    with pytest.warns(UserWarning, match="Your input ran out of data"):
        history = make_model().fit(X, Y, validation_data=generator(1), epochs=3, verbose=0).history
    assert len(history["loss"]) == 3
    assert len(history["val_loss"]) == 1


def test_validation_without_targets() -> None:
    model = make_model()
    for _ in range(2):  # the first time before the losses are resolved
        with pytest.raises(ValueError, match=r"There is a loss for the output `.*`, but no target for it in `y`"):
            model.evaluate(X, verbose=0)
        losses(model, X, Y)


def test_shuffling_a_generator_warns() -> None:
    with pytest.warns(UserWarning, match="`shuffle=True` has no effect on a generator"):
        make_model().fit(generator(1), verbose=0)


def test_callbacks_that_are_none() -> None:
    with pytest.raises(TypeError, match="`callbacks` takes objects derived from `Callback`, got 'early'"):
        make_model().fit(X, Y, callbacks=["early"])  # type: ignore[list-item]
