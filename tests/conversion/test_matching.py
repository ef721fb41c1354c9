import re
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conversion.handmade import Array, entry, keras_1_arrays, keras_2_lstm, lstm_weights, sequential
from torch_keras_lstm.conversion.arrays import Arrays, ArraysByLayer, ArraysByPath
from torch_keras_lstm.conversion.build import assemble, build_layers, shaped_layers
from torch_keras_lstm.conversion.filling import fill
from torch_keras_lstm.conversion.hdf5 import Hdf5File
from torch_keras_lstm.conversion.matching import match
from torch_keras_lstm.conversion.saved_config import describe
from torch_keras_lstm.conversion.variable_paths import group_paths

T, F, U = 7, 3, 4
NAMES = ("kernel", "recurrent_kernel", "bias")
Layers = Mapping[str, Mapping[str, Array]]


def _convert(path: Path, arrays: Layers | Mapping[str, Array], *layers: dict[str, object]) -> list[Array]:
    """The weights of a model of these layers, filled from these arrays, in Keras' order."""
    model = describe(sequential(entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float64"), *layers), "2.15.0")
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            for inner, array in value.items() if isinstance(value, Mapping) else [("", value)]:
                file[f"{name}/{inner}".rstrip("/")] = array
    with Hdf5File(path) as opened:
        found = opened.arrays()
        if any(isinstance(value, Mapping) for value in arrays.values()):
            named = {
                layer: {name: found[f"{layer}/{name}"] for name in variables} for layer, variables in arrays.items()
            }
            saved: Arrays = ArraysByLayer(named, ())
        else:
            saved = ArraysByPath("layers", found)
        built = build_layers(model, {})
        fill(built, match(shaped_layers(model, {}), saved, model.producer))
    return list(assemble(model, built).get_weights())


def _named(scope: str, weights: list[Array], suffix: str = ":0") -> dict[str, Array]:
    return {f"{scope}/{name}{suffix}": array for name, array in zip(NAMES, weights, strict=True)}


def _same(got: list[Array], expected: list[Array]) -> bool:
    return len(got) == len(expected) and all(map(np.array_equal, got, expected))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("scope", ["l", "l/lstm_cell", "stack/l/lstm_cell_12", "l_1"])
@pytest.mark.parametrize("suffix", [":0", "", "_1:0"])
def test_a_weight_is_known_by_the_last_part_of_its_name(
    tmp_path: Path, random: np.random.Generator, scope: str, suffix: str
) -> None:
    weights = lstm_weights(random, F, U)
    shuffled = dict(reversed(_named(scope, weights, suffix).items()))
    got = _convert(tmp_path / "w.h5", {"l": shuffled}, keras_2_lstm("l", U, dtype="float64"))
    assert _same(got, weights)


@pytest.mark.parametrize(
    ("forward_scope", "backward_scope"),
    [
        ("bi/forward_l/lstm_cell", "bi/backward_l/lstm_cell"),
        ("stack/bi/forward_l/lstm_cell", "stack/bi/backward_l/lstm_cell"),
        ("bi_1/forward_l_1", "bi_1/backward_l_1"),
        ("forward_l", "backward_l"),
    ],
)
def test_the_halves_of_bidirectional_are_told_by_name(
    tmp_path: Path, random: np.random.Generator, forward_scope: str, backward_scope: str
) -> None:
    forward, backward = lstm_weights(random, F, U), lstm_weights(random, F, U)
    layer = entry("Bidirectional", "bi", layer=keras_2_lstm("l", U), dtype="float64")
    for arrays in (
        {**_named(forward_scope, forward), **_named(backward_scope, backward)},
        {**_named(backward_scope, backward), **_named(forward_scope, forward)},
    ):
        layer["config"]["layer"]["config"]["dtype"] = "float64"
        assert _same(_convert(tmp_path / "w.h5", {"bi": arrays}, layer), [*forward, *backward])


def test_a_half_with_a_name_of_its_own_and_a_wrapper_that_misleads(tmp_path: Path, random: np.random.Generator) -> None:
    forward, backward = lstm_weights(random, F, U), lstm_weights(random, F, U)
    layer = entry(
        "Bidirectional",
        "forward_bi",
        layer=keras_2_lstm("l", U, dtype="float64"),
        backward_layer=keras_2_lstm("mine", U, dtype="float64", go_backwards=True),
    )
    arrays = {**_named("forward_bi/mine/lstm_cell", backward), **_named("forward_bi/forward_l/lstm_cell", forward)}
    assert _same(_convert(tmp_path / "w.h5", {"forward_bi": arrays}, layer), [*forward, *backward])


def test_halves_that_cannot_be_told_apart_are_refused(tmp_path: Path, random: np.random.Generator) -> None:
    weights = lstm_weights(random, F, U)
    layer = entry("Bidirectional", "bi", layer=keras_2_lstm("l", U))
    with pytest.raises(
        ValueError, match=r"weight `kernel` of layer `forward_l` \(`forward_layer` of `bi`\) is missing"
    ):
        _convert(tmp_path / "w.h5", {"bi": {**_named("bi/x", weights), **_named("bi/y", weights)}}, layer)


def test_keras_1_gates_are_joined_in_the_order_of_today(tmp_path: Path, random: np.random.Generator) -> None:
    weights = lstm_weights(random, F, U)
    arrays = keras_1_arrays("lstm_1", weights)
    assert [*arrays][:4] == ["lstm_1_W_i", "lstm_1_U_i", "lstm_1_b_i", "lstm_1_W_c"]
    got = _convert(tmp_path / "w.h5", {"lstm_1": arrays}, keras_2_lstm("lstm_1", U, dtype="float64"))
    assert _same(got, weights)


def test_wrapped_and_cell_weights_by_layer_and_by_path(tmp_path: Path, random: np.random.Generator) -> None:
    lstm, kernel = lstm_weights(random, F, U), random.normal(size=(U, 2))
    cell = keras_2_lstm("c", U, dtype="float64")["config"]
    for name in ("return_sequences", "return_state", "go_backwards", "stateful", "unroll"):
        del cell[name]
    layers = (
        entry("RNN", "r", cell={"class_name": "LSTMCell", "config": cell}, return_sequences=True, dtype="float64"),
        entry("TimeDistributed", "t", layer=entry("Dense", "d", units=2, use_bias=False), dtype="float64"),
    )
    by_layer = {"r": _named("r/lstm_cell", lstm), "t": {"t/kernel:0": kernel}}
    by_path = {f"layers/rnn/cell/vars/{index}": array for index, array in enumerate(lstm)}
    by_path["layers/time_distributed/layer/vars/0"] = kernel
    assert _same(_convert(tmp_path / "a.h5", by_layer, *layers), [*lstm, kernel])
    assert _same(_convert(tmp_path / "b.h5", by_path, *layers), [*lstm, kernel])


def test_paths_are_numbered_by_class(random: np.random.Generator) -> None:
    producer = describe(sequential(), "3.15.1").producer
    names = [("a", "LSTM"), ("b", "Dense"), ("c", "LSTM"), ("d", "TimeDistributed"), ("e", "LSTM")]
    assert group_paths(names, ArraysByPath("layers", {}), producer) == {
        "a": "layers/lstm",
        "b": "layers/dense",
        "c": "layers/lstm_1",
        "d": "layers/time_distributed",
        "e": "layers/lstm_2",
    }


def test_everything_that_does_not_fit_is_listed_at_once(tmp_path: Path, random: np.random.Generator) -> None:
    weights = lstm_weights(random, F + 2, U)
    arrays = {"l": {**_named("l", weights), "l/peephole:0": np.ones(3)}, "gone": {"gone/kernel:0": np.ones((2, 2))}}
    del arrays["l"]["l/bias:0"]
    message = (
        "The weights do not fit the model: weight `bias` of layer `l` is missing; weight `kernel` of layer `l` needs "
        "shape (3, 16), but `/l/l/kernel:0` has (5, 16); array `/l/l/peephole:0` (3,) belongs to no layer; "
        "array `/gone/gone/kernel:0` (2, 2) belongs to no layer."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _convert(tmp_path / "w.h5", arrays, keras_2_lstm("l", U))
    paths = {f"layers/lstm/cell/vars/{index}": array for index, array in enumerate(weights[:2])}
    paths["layers/lstm_1/cell/vars/0"] = np.ones(3)
    with pytest.raises(
        ValueError, match=r"`bias` of layer `l` is missing; .*array `/layers/lstm_1/cell/vars/0` \(3,\) belongs to no"
    ):
        _convert(tmp_path / "w.h5", paths, keras_2_lstm("l", U))


@pytest.mark.parametrize("broken", ["missing", "shape", "doubled"])
def test_keras_1_gates_that_do_not_fit(tmp_path: Path, random: np.random.Generator, broken: str) -> None:
    arrays = keras_1_arrays("l", lstm_weights(random, F, U))
    if broken == "missing":
        del arrays["l_U_c"]
        message = r"`recurrent_kernel` of layer `l` is missing; array `/l/l_U_i` \(4, 4\) belongs to no layer; "
    elif broken == "shape":
        arrays["l_W_f"] = arrays["l_W_f"][:, :3]
        message = r"`kernel` of layer `l` needs shape \(3, 16\), but .*`/l/l_W_f` has \(3, 3\)"
    else:
        arrays["x_W_f"] = arrays["l_W_f"]
        message = r"array `/l/x_W_f` \(3, 4\) belongs to no layer"
    with pytest.raises(ValueError, match=message):
        _convert(tmp_path / "w.h5", {"l": arrays}, keras_2_lstm("l", U))


def test_integers_are_no_weights(tmp_path: Path, random: np.random.Generator) -> None:
    weights = [*lstm_weights(random, F, U)[:2], np.zeros(4 * U, "i4")]
    with pytest.raises(
        ValueError, match="`bias` of layer `l` needs floating-point numbers, but `/l/l/bias:0` holds int32"
    ):
        _convert(tmp_path / "w.h5", {"l": _named("l", weights)}, keras_2_lstm("l", U))


def test_the_second_bias_of_torch_stays_zero(tmp_path: Path, random: np.random.Generator) -> None:
    weights = lstm_weights(random, F, U)
    config = sequential(
        entry("InputLayer", "i", batch_shape=[None, T, F], dtype="float64"), keras_2_lstm("l", U, dtype="float64")
    )
    model = describe(config, "2.15.0")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for name, array in _named("l", weights).items():
            file[name] = array
    with Hdf5File(tmp_path / "w.h5") as opened:
        arrays = ArraysByLayer({"l": opened.arrays()}, ())
        built = build_layers(model, {})
        fill(built, match(shaped_layers(model, {}), arrays, model.producer))
    state = built[0].state_dict()
    assert not state["bias_hh_l0"].any()
    assert np.array_equal(state["bias_ih_l0"], weights[2])
