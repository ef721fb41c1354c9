"""Models made through Keras' API answer in inference, layers by themselves follow torch's habits."""

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from torch_keras_lstm import Input, Model, Sequential
from torch_keras_lstm.layers import LSTM, BatchNormalization, Dense, Dropout, Layer

INPUTS = torch.randn(4, 6, 3)
WORDS = "are computed with its dropout and batch statistics off"


class Own(Model):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = LSTM(50, dropout=0.5)
        self.inner = Inner()
        self.plain = nn.Dropout(0.5)

    def call(self, inputs: Any) -> Any:
        return self.plain(self.inner(self.lstm(inputs)))


class Inner(Layer):
    def build(self, input_shape: Any) -> None:
        self.late = Dropout(0.5)

    def forward(self, inputs: Any) -> Any:
        if not hasattr(self, "late"):
            self.build(inputs.shape)
        return self.late(inputs)


def functional() -> Model:
    entry = Input((6, 3))
    return Model(entry, Dropout(0.5)(LSTM(50, recurrent_dropout=0.5)(entry)))


MODELS = {
    "Sequential": lambda: Sequential([Input((6, 3)), LSTM(50, dropout=0.5), Dropout(0.5)]),
    "Sequential built late": lambda: Sequential([LSTM(50), Sequential([Dropout(0.5)])]),
    "Functional": functional,
    "class": Own,
}
every_model = pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)


def repeats(model: Any, **arguments: Any) -> bool:
    """Whether two calls give the same: nothing is drawn."""
    with torch.no_grad():
        return torch.equal(model(INPUTS, **arguments), model(INPUTS, **arguments))


@every_model
def test_a_model_answers_in_inference_until_it_is_trained(make: Any) -> None:
    model = make()
    assert repeats(model)
    assert np.array_equal(model(INPUTS).detach(), model.predict(INPUTS, verbose=0))
    model.compile("sgd", "mse")
    model.fit(INPUTS, torch.randn(4, 50), verbose=0)
    assert repeats(model)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))) if make is not Own else ():
        assert repeats(copied)
    assert not repeats(model.train())
    assert repeats(model, training=False) or make is Own  # whose module of torch knows its own mode alone
    assert repeats(model.eval())


@every_model
def test_a_call_for_training_reaches_every_layer_inside(make: Any) -> None:
    model = make()
    model(INPUTS)
    assert not repeats(model, training=True)
    assert repeats(model)


def test_each_layer_keeps_a_mode_that_torchs_users_gave_it() -> None:
    model = Sequential([Input((6, 3)), Dropout(0.5), BatchNormalization()]).eval()
    model.layers[0].train()
    assert not repeats(model)


def test_a_layer_by_itself_follows_its_own_mode() -> None:
    assert not torch.equal(Dropout(0.5)(INPUTS), INPUTS)
    assert torch.equal(Dropout(0.5).eval()(INPUTS), INPUTS)


def test_a_part_of_a_model_called_by_hand_answers_as_in_the_model() -> None:
    model = Sequential([Input((6, 3)), Dropout(0.5), Dense(2)])
    assert torch.equal(model.layers[0](INPUTS), INPUTS)


def test_a_module_that_is_put_into_a_model_takes_its_mode_and_one_in_a_layer_stays_as_it_is() -> None:
    assert Own().plain.training is False
    layer = Inner()
    layer.build((4, 50))
    assert layer.late.training is True


@every_model
def test_gradients_through_dropout_that_nobody_turned_off_are_named_once(make: Any) -> None:
    model = make()
    with pytest.warns(UserWarning, match=f"Gradients of model `{model.name}` {WORDS}: .* Call `model.train\\(\\)`"):
        model(INPUTS).sum().backward()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(INPUTS).sum().backward()


@every_model
@pytest.mark.parametrize("said", ["train", "eval", "training", "fit", "no gradients"])
def test_there_is_no_word_where_somebody_chose(make: Any, said: str) -> None:
    model = make()
    if said == "fit":
        model.compile("sgd", "mse")
        model.fit(INPUTS, torch.randn(4, 50), verbose=0)
    elif said == "no gradients":
        with torch.no_grad():
            model(INPUTS)
    elif said == "training":
        model(INPUTS, training=True).sum().backward()
    else:
        getattr(model, said)()
        model(INPUTS).sum().backward()


def test_there_is_no_word_where_nothing_differs_in_training() -> None:
    Sequential([Input((6, 3)), LSTM(5), Dense(2)])(INPUTS).sum().backward()
