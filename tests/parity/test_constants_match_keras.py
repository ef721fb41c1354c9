"""Fixed arrays and tensors as arguments of layers in a graph: built here, saved here, read from Keras' files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert
from torch_keras_lstm.models import load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # Keras saving its own variables
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

_random = np.random.default_rng(2)
H, C, ROW = _random.normal(size=(2, 3)), _random.normal(size=(2, 3)), _random.normal(size=(1, 2))
MASK = np.array([[True, True, False, True], [True, False, False, False]])

Make = Callable[[Any, Callable[[Any], Any]], Any]


def _states(k: Any, tensor: Callable[[Any], Any]) -> Any:
    x = k.Input((4, 2), batch_size=2)
    return k.Model(x, k.layers.LSTM(3, name="lstm")(x, initial_state=[H, tensor(C)]))


def _state_of_a_gru_behind_a_mask(k: Any, tensor: Callable[[Any], Any]) -> Any:
    x = k.Input((4, 2), batch_size=2)
    masked = k.layers.Masking(name="masking")(x)
    return k.Model(x, k.layers.GRU(3, return_sequences=True, name="gru")(masked, initial_state=tensor(H)))


def _mask(k: Any, tensor: Callable[[Any], Any]) -> Any:
    x = k.Input((4, 2), batch_size=2)
    return k.Model(x, k.layers.LSTM(3, name="lstm")(x, mask=tensor(MASK)))


def _added(k: Any, tensor: Callable[[Any], Any]) -> Any:
    x = k.Input((2,))
    return k.Model(x, k.layers.Dense(3, name="dense")(k.layers.Add(name="add")([x, tensor(ROW)])))


def _concatenated(k: Any, tensor: Callable[[Any], Any]) -> Any:
    x = k.Input((2,))
    return k.Model(x, k.layers.Concatenate(name="join")([x, np.repeat(ROW, 5, 0)]))


def _a_row_for_each_sample(k: Any, tensor: Callable[[Any], Any]) -> Any:
    """Of a free batch, which so has one size."""
    x, rows = k.Input((2,)), np.repeat(ROW, 5, 0)
    joined = k.ops.concatenate([k.ops.where(x > 0, x, rows * 2), x * rows], axis=1)
    return k.Model(x, k.layers.Dense(3, name="dense")(joined))


MODELS = [_states, _state_of_a_gru_behind_a_mask, _mask, _added, _concatenated, _a_row_for_each_sample]


def _theirs(make: Make) -> tuple[Any, Any, Any]:
    keras.backend.clear_session(free_memory=False)
    with float64(keras):
        model = make(keras, keras.ops.convert_to_tensor)
    random = np.random.default_rng(3)
    model.set_weights([random.normal(scale=0.6, size=weight.shape) for weight in model.get_weights()])
    inputs = random.normal(size=[size or 5 for size in model.input_shape])
    if inputs.ndim == 3:
        inputs[0, 1] = 0.0
    return model, inputs, model(inputs)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_a_graph_with_fixed_tensors_computes_what_keras_does(make: Make) -> None:
    theirs, inputs, expected = _theirs(make)
    ours = make(torch_keras_lstm, torch.from_numpy).double()
    ours.set_weights(theirs.get_weights())
    assert_close(ours(torch.from_numpy(inputs)).detach(), expected, "float64")
    again = type(ours).from_config(ours.get_config()).double()
    again.build()
    again.set_weights(theirs.get_weights())
    assert_close(again(torch.from_numpy(inputs)).detach(), expected, "float64")


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_such_a_graph_goes_through_files_in_both_directions(make: Make, suffix: str, tmp_path: Path) -> None:
    theirs, inputs, expected = _theirs(make)
    theirs.save(tmp_path / f"theirs{suffix}")
    ours = load_model(tmp_path / f"theirs{suffix}")
    assert_close(ours(torch.from_numpy(inputs)).detach(), expected, "float64")
    ours.save(tmp_path / f"ours{suffix}")
    assert_close(keras.models.load_model(tmp_path / f"ours{suffix}", compile=False)(inputs), expected, "float64")
    convert(tmp_path / f"theirs{suffix}", tmp_path / "converted")
    assert_close(load_model(tmp_path / "converted")(torch.from_numpy(inputs)).detach(), expected, "float64")


def test_a_constant_is_a_copy_on_the_device_and_of_the_type_of_its_layer() -> None:
    state = torch.ones(1, 3)
    x = torch_keras_lstm.Input((4, 2), batch_size=1)
    model = torch_keras_lstm.Model(x, torch_keras_lstm.layers.GRU(3)(x, initial_state=state))
    inputs = torch.zeros(1, 4, 2)
    before = model(inputs)
    state.zero_()
    assert torch.equal(model(inputs), before)
    assert model.double()(inputs.double()).dtype is torch.float64
    assert model.to("meta")(inputs.to("meta")).device.type == "meta"


def test_a_constant_in_a_file_that_is_no_array_of_numbers_is_refused() -> None:
    x = torch_keras_lstm.Input((4, 2), batch_size=1)
    model = torch_keras_lstm.Model(x, torch_keras_lstm.layers.GRU(3, name="gru")(x, initial_state=np.ones((1, 3))))
    config = model.get_config()
    for value, dtype in (([["a"]], "float32"), ([[1.0], [1.0, 2.0]], "float32"), ([[1.0]], "object"), ([[1.0]], None)):
        state = config["layers"][1]["inbound_nodes"][0]["kwargs"]["initial_state"]
        state["config"] = {"value": value, "dtype": dtype}
        with pytest.raises(ValueError, match=r"Layer `gru` \(GRU\): A constant must be an array of numbers"):
            type(model).from_config(config)
