import copy
import io
import pickle
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import (
    LSTM,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Layer,
    Masking,
    TimeDistributed,
)
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.models import Sequential

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs with steps of zeros, which ``Masking`` masks, and that mask."""
    mask = torch.rand(BATCH, TIME) < 0.6
    mask[0] = False
    return torch.randn(BATCH, TIME, FEATURES) * mask.unsqueeze(-1), mask


def stack(*first: Layer | KerasTensor, **arguments: Any) -> Sequential:
    return Sequential([*first, LSTM(UNITS, return_sequences=True, name="l"), Dense(6, name="d")], **arguments)


def through_pickle(model: Sequential) -> Sequential:
    loaded = pickle.loads(pickle.dumps(model))
    assert isinstance(loaded, Sequential)
    return loaded


def through_torch_save(model: Sequential) -> Sequential:
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded, Sequential)
    return loaded


# -- building ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        stack(Input((TIME, FEATURES))),
        Sequential([LSTM(UNITS, input_shape=(TIME, FEATURES)), Dense(6)]),
        Sequential([LSTM(UNITS, input_size=FEATURES), Dense(6)]),
        Sequential([Bidirectional(LSTM(UNITS, input_size=FEATURES)), Dense(6)]),
        Sequential([stack(Input((TIME, FEATURES))), Dense(3)]),
    ],
    ids=["Input", "input_shape", "input_size", "inner layer", "nested"],
)
def test_a_known_input_shape_builds_every_layer_at_once(model: Sequential) -> None:
    assert model.built
    assert model(torch.randn(BATCH, TIME, FEATURES)).shape == (BATCH, *model.output_shape[1:])


@pytest.mark.parametrize("how", ["build", "call", "load"])
def test_an_unknown_input_shape_is_learnt_later(how: str) -> None:
    model, reference = stack(), stack(Input((None, FEATURES)))
    assert not model.built
    with pytest.raises(AttributeError, match=r"^The input shape of model `.*` is not known yet: call it, or `build"):
        _ = model.output_shape
    inputs = torch.randn(BATCH, TIME, FEATURES)
    if how == "build":
        model.build((BATCH, TIME, FEATURES))
    elif how == "call":
        model(inputs.tolist())
    model.load_state_dict(reference.state_dict())
    assert model.built
    assert torch.equal(model(inputs), reference(inputs))
    assert model.output_shape == (None, TIME, 6)
    assert model(inputs[:2, :3]).shape == (2, 3, 6)  # neither the batch size nor the number of steps is fixed by that


def test_a_failed_build_leaves_the_input_shape_open() -> None:
    model = stack()
    with pytest.raises(ValueError, match="takes inputs of shape"):
        model(torch.randn(BATCH, FEATURES + 1))
    assert model.batch_input_shape is None
    assert model(torch.randn(BATCH, TIME, FEATURES)).shape == (BATCH, TIME, 6)


def test_layers_are_added_and_taken_off() -> None:
    model = Sequential()
    model.add(Input((TIME, FEATURES)))
    model.add(LSTM(UNITS))
    model.add(Dense(6))
    assert model.built
    assert model.output_shape == (None, 6)
    assert isinstance(model.pop(), Dense)
    assert model.output_shape == (None, UNITS)
    model.add(Dense(7))
    assert model(torch.randn(BATCH, TIME, FEATURES)).shape == (BATCH, 7)
    for _ in range(2):
        model.pop()
    with pytest.raises(ValueError, match=r"^There are no layers in the model\.$"):
        model.pop()


def test_layers_are_found_by_name_and_index() -> None:
    model = stack(name="m")
    lstm, dense = model.layers
    assert model.get_layer("d") is model.get_layer(index=-1) is dense
    assert model.get_layer(index=0) is lstm
    for arguments, message in (
        ({"name": "x"}, "Model `m` has no layer 'x'; it has l, d."),
        ({"index": 2}, "Model `m` has 2 layers, there is none at index 2."),
    ):
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            model.get_layer(**arguments)


@pytest.mark.parametrize("given", [{}, {"input_shape": (TIME, FEATURES)}], ids=["unknown shape", "known shape"])
@pytest.mark.parametrize(
    "make", [partial(LSTM, 2, return_state=True), lambda **given: Bidirectional(LSTM(2), None, **given)]
)
def test_a_model_may_end_in_several_outputs(make: Any, given: dict[str, Any]) -> None:
    last = make(**given)
    model, inputs = Sequential([last]), torch.randn(BATCH, TIME, FEATURES)
    for got, expected in zip(model(inputs), last(inputs), strict=True):
        assert torch.equal(got, expected)
    assert [tensor.shape for tensor in model.outputs] == [(None, *one.shape[1:]) for one in last(inputs)]
    assert len(model.predict(inputs, verbose=0)) == len(model.outputs)
    assert len(Sequential.from_config(model.get_config())(inputs)) == len(model.outputs)


def test_what_needs_the_shape_of_the_input_is_not_there_before_it_is_known() -> None:
    model = Sequential([Dense(3)], name="m")
    for name in ("input", "inputs", "output", "outputs", "input_shape", "output_shape"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=r"^The input shape of model `m` is not known yet: call it, or `build"):
            getattr(model, name)
    model.build((None, 4))
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))
    assert [tensor.shape for tensor in (*model.inputs, *model.outputs)] == [(None, 4), (None, 3)]


# -- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([nn.Linear(2, 3)], TypeError, "`Sequential` takes layers of torch_keras_lstm, got Linear("),
        ([Dense(3, name="d"), Dense(4, name="d")], ValueError, "The names of a model's layers must differ, but 'd'"),
        ([Dense(3), Input((4,))], ValueError, "`Input` must be the first entry of a Sequential model, and the only"),
        ([Input((4,)), Input((4,))], ValueError, "`Input` must be the first entry of a Sequential model, and the only"),
        ([LSTM(2, input_size=4), LSTM(3, name="l")], ValueError, "Layer `l` takes inputs of shape (batch, time,"),
    ],
    ids=["no layer", "name twice", "late Input", "second Input", "shape"],
)  # fmt: skip
def test_layers_that_cannot_stand_in_a_row(layers: list[Any], error: type[Exception], message: str) -> None:
    model = Sequential(layers[:-1], name="m")
    before = (model.batch_input_shape, list(model.layers))
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        model.add(layers[-1])
    assert (model.batch_input_shape, list(model.layers)) == before


# -- masks ------------------------------------------------------------------------------------------------------------


def test_a_mask_is_handed_on_as_far_as_the_layers_pass_it() -> None:
    inputs, mask = padded()
    model = Sequential(
        [
            Masking(),
            LSTM(UNITS, return_sequences=True),
            Dropout(0.5),
            Bidirectional(LSTM(3, return_sequences=True)),
            TimeDistributed(Dense(6)),
            LSTM(7),
            Dense(1),
        ]
    ).eval()
    output = model(inputs)
    _, first, _, both, dense, last, head = model.layers
    hidden = dense(both(first(inputs, mask=mask), mask=mask))
    assert torch.equal(output, head(last(hidden, mask=mask)))
    assert not torch.equal(output, head(last(hidden.detach())))
    assert model.compute_mask(inputs) is None
    assert not hasattr(output, "_keras_mask")


def test_flatten_and_a_last_output_end_the_mask() -> None:
    inputs, mask = padded()
    assert torch.equal(stack(Masking()).compute_mask(inputs), mask)
    assert stack(Masking()).compute_mask(inputs, mask=torch.ones_like(mask)).equal(mask)
    with pytest.warns(UserWarning, match="Layer 'flatten' .* will therefore destroy the mask information"):
        assert Sequential([Masking(), Flatten(name="flatten")]).compute_mask(inputs) is None


def test_an_embedding_makes_a_mask() -> None:
    words = torch.tensor([[3, 0, 5, 0], [0, 0, 0, 0], [1, 2, 0, 4]])
    embedding, lstm = Embedding(6, FEATURES, mask_zero=True), LSTM(UNITS)
    expected = lstm(embedding(words), mask=words != 0)
    assert torch.equal(Sequential([embedding, lstm])(words), expected)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_mask_goes_through_nested_models(depth: int) -> None:
    inputs, mask = padded()
    first: Layer = LSTM(UNITS, return_sequences=True)
    last = LSTM(6)
    nested = first
    for _ in range(depth):
        nested = Sequential([nested])
    expected = last(first(inputs, mask=mask), mask=mask)
    assert torch.equal(Sequential([Masking(), nested, last])(inputs), expected)
    assert torch.equal(Sequential([nested, last])(inputs, mask=mask), expected)


# -- training ---------------------------------------------------------------------------------------------------------


def test_training_is_handed_to_every_layer_that_takes_it() -> None:
    model = Sequential([Sequential([Dropout(0.5)]), LSTM(20, dropout=0.5)])
    inputs = torch.randn(BATCH, TIME, FEATURES)
    exact = model(inputs, training=False)
    assert torch.equal(model.eval()(inputs), exact)
    for _ in range(2):
        assert not torch.equal(model(inputs, training=True), exact)
    model.layers[1].train()
    assert not torch.equal(model(inputs), exact)  # None leaves each layer to its own flag


def test_weights_losses_and_constraints_are_those_of_all_layers() -> None:
    layers = [LSTM(UNITS, kernel_regularizer="l2"), Sequential([Dense(6, kernel_constraint="non_neg")])]
    model = Sequential([Input((TIME, FEATURES)), *layers])
    weights = model.get_weights()
    assert [array.shape for array in weights] == [(FEATURES, 8), (UNITS, 8), (8,), (UNITS, 6), (6,)]
    assert model.count_params() == sum(array.size for array in weights)
    (loss,) = model.losses
    assert_close(loss.detach(), 0.01 * (weights[0] ** 2).sum(), "float32 elementwise")
    model.set_weights([-np.abs(array) for array in weights])
    model.apply_constraints()
    assert not model.get_weights()[3].any()
    assert np.array_equal(model.get_weights()[0], -np.abs(weights[0]))


def test_a_frozen_model_freezes_what_it_has_and_what_is_added() -> None:
    model = stack(trainable=False)
    model.add(Dense(1))
    model(torch.randn(BATCH, TIME, FEATURES))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert model.get_config()["trainable"] is False
    model.trainable = True
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_an_optimizer_of_an_unbuilt_model_is_refused() -> None:
    with pytest.raises(ValueError, match="not built yet, so it has no shape"):
        torch.optim.Adam(stack().parameters())
    torch.optim.Adam(stack(Input((None, FEATURES))).parameters())


def test_all_kept_states_are_forgotten() -> None:
    inner = Sequential([Bidirectional(LSTM(UNITS, stateful=True, return_sequences=True))])
    model = Sequential([inner, LSTM(3, stateful=True)])
    inputs = torch.randn(BATCH, TIME, FEATURES)
    first = model(inputs)
    assert not torch.equal(model(inputs), first)
    model.reset_states()
    assert torch.equal(model(inputs), first)


# -- copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_torch_save])
@pytest.mark.parametrize("first", [[], [Input((None, FEATURES))]], ids=["lazy", "built"])
def test_copies_are_equal_and_independent(duplicate: Callable[[Sequential], Sequential], first: list[Layer]) -> None:
    model = stack(*first)
    other = duplicate(model)
    inputs = torch.randn(BATCH, TIME, FEATURES)
    model(inputs)
    other(inputs)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(inputs), model(inputs))
    other.set_weights([np.zeros_like(array) for array in other.get_weights()])
    assert model(inputs).any()


@pytest.mark.parametrize("shape", [None, (TIME, FEATURES), (None, FEATURES)], ids=str)
def test_the_configuration_rebuilds_the_model(shape: tuple[int | None, ...] | None) -> None:
    first = [] if shape is None else [Input(shape)]
    model = Sequential([*first, Sequential([Masking()]), Bidirectional(LSTM(UNITS)), Dense(6)], name="m")
    config = model.get_config()
    rebuilt = Sequential.from_config(copy.deepcopy(config))
    assert rebuilt.get_config() == config
    assert rebuilt.name == "m"
    assert rebuilt.built == (shape is not None)
    assert [type(layer) for layer in rebuilt.layers] == [Sequential, Bidirectional, Dense]
    if shape is not None:
        assert config["layers"][0]["class_name"] == "InputLayer"
        rebuilt.set_weights(model.get_weights())
        inputs, _ = padded()
        assert torch.equal(rebuilt(inputs), model(inputs))
