"""Weights of every kind of file into models that are there already."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from tests.conversion.handmade import Array, keras_1_arrays, keras_2_lstm, lstm_weights, sequential, write_legacy
from torch_keras_lstm.layers import LSTM, Bidirectional, Dense, Dropout
from torch_keras_lstm.models import Sequential, load_weights

T, F, U, V = 7, 5, 4, 3
NAMES = ("kernel", "recurrent_kernel", "bias")


def _model() -> Sequential:
    return Sequential(
        [
            LSTM(U, input_shape=(T, F), name="enc", return_sequences=True, dtype="float64"),
            Dropout(0.5, name="drop"),
            Bidirectional(LSTM(V, dtype="float64"), name="both", dtype="float64"),
            Dense(2, name="out", dtype="float64"),
        ]
    )


@pytest.fixture
def weights() -> list[Array]:
    random = np.random.default_rng(5)
    halves = lstm_weights(random, U, V) + lstm_weights(random, U, V)
    return lstm_weights(random, F, U) + halves + [random.normal(size=(2 * V, 2)), random.normal(size=2)]


def _legacy(weights: list[Array], enc: str, both: str, out: str, inner: str) -> dict[str, dict[str, Array]]:
    """The arrays of the model in a legacy file, the backward half first, as a frozen forward half leaves it."""
    halves = {f"backward_{inner}": weights[6:9], f"forward_{inner}": weights[3:6]}
    return {
        enc: {f"{enc}/lstm_cell/{name}:0": array for name, array in zip(NAMES, weights[:3], strict=True)},
        "drop_9": {},
        both: {
            f"{both}/{half}/{name}:0": array
            for half, arrays in halves.items()
            for name, array in zip(NAMES, arrays, strict=True)
        },
        out: {f"{out}/kernel:0": weights[9], f"{out}/bias:0": weights[10]},
    }


def _assert_holds(model: Sequential, weights: list[Array]) -> None:
    got = model.get_weights()
    assert len(got) == len(weights)
    for mine, theirs in zip(got, weights, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize(
    "names", [("enc", "both", "out", "lstm"), ("lstm_8", "bidirectional_3", "dense_5", "lstm_9")], ids=["same", "other"]
)
@pytest.mark.parametrize("whole", [False, True])
def test_legacy_weights_by_name_and_by_order(
    tmp_path: Path, weights: list[Array], names: tuple[str, str, str, str], whole: bool
) -> None:
    config = sequential(keras_2_lstm("not_this_model", 2)) if whole else None
    path = write_legacy(tmp_path / "w.h5", _legacy(weights, *names), config=config, keras_version="2.2.4")
    model = _model()
    model.load_weights(path)
    _assert_holds(model, weights)


def test_names_win_over_order(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    first, second = lstm_weights(random, U, U), lstm_weights(random, U, U)
    arrays = {
        layer: {f"{layer}/{name}:0": array for name, array in zip(NAMES, given, strict=True)}
        for layer, given in (("b", second), ("a", first))
    }
    path = write_legacy(tmp_path / "w.h5", arrays)
    model = Sequential(
        [
            LSTM(U, input_shape=(T, U), name="a", return_sequences=True, dtype="float64"),
            LSTM(U, name="b", dtype="float64"),
        ]
    )
    model.load_weights(str(path))
    _assert_holds(model, first + second)


@pytest.mark.parametrize(
    ("root", "second"),
    [("layers", "lstm_1"), ("_layer_checkpoint_dependencies", "lstm_1"), ("_layer_checkpoint_dependencies", "lstm_2")],
    ids=["keras3", "tf.keras-2.14", "tf.keras-2.13"],
)
def test_weights_by_path_count_as_their_release_counted(tmp_path: Path, root: str, second: str) -> None:
    random = np.random.default_rng(4)
    arrays = [lstm_weights(random, F, U), lstm_weights(random, U, V)]
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for group, weights in zip(("lstm", second), arrays, strict=True):
            for index, array in enumerate(weights):
                file[f"{root}/{group}/cell/vars/{index}"] = array
        file["optimizer/vars/0"] = np.zeros(3)
    model = Sequential([LSTM(U, input_shape=(T, F), return_sequences=True, dtype="float64"), LSTM(V, dtype="float64")])
    model.load_weights(tmp_path / "w.weights.h5")
    _assert_holds(model, arrays[0] + arrays[1])


def test_the_layout_before_keras_1_has_numbers_for_names(tmp_path: Path, weights: list[Array]) -> None:
    gates = [
        [*keras_1_arrays("x", weights[3 * index : 3 * index + 3]).values()] for index in range(3)
    ]  # of the LSTM and of either half
    layers: list[list[Array]] = [gates[0], [], gates[1] + gates[2], weights[9:]]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["nb_layers"] = len(layers)
        for number, arrays in enumerate(layers):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(arrays)
            for index, array in enumerate(arrays):
                group[f"param_{index}"] = array
    model = _model()
    model.load_weights(tmp_path / "w.h5")
    _assert_holds(model, weights)


def test_a_layer_and_a_module_of_ones_own(tmp_path: Path, weights: list[Array]) -> None:
    path = write_legacy(
        tmp_path / "w.h5", {"enc": dict(zip([f"enc/{name}:0" for name in NAMES], weights[:3], strict=True))}
    )
    layer = LSTM(U, input_size=F, name="enc", dtype="float64")
    load_weights(layer, path)
    inner = LSTM(U, input_size=F, name="other", dtype="float64")
    module = nn.Sequential(nn.Identity(), nn.ModuleDict({"layers": inner}))
    module.layers = nn.ModuleList([nn.Linear(2, 3)])
    load_weights(module, path)
    for loaded in (layer, inner):
        assert all(map(np.array_equal, loaded.get_weights(), weights[:3]))


def test_what_does_not_fit_is_said_and_changes_nothing(tmp_path: Path, weights: list[Array]) -> None:
    model = _model()
    before = model.get_weights()

    def refused(arrays: dict[str, dict[str, Array]], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            model.load_weights(write_legacy(tmp_path / "w.h5", arrays))
        _assert_holds(model, before)

    arrays = _legacy(weights, "enc", "both", "out", "lstm")
    arrays["out"]["out/kernel:0"] = np.ones((V, 2))
    refused(
        arrays,
        r"^\S+w\.h5: .* weight `kernel` of layer `out` needs shape \(6, 2\), but `/out/out/kernel:0` has \(3, 2\)",
    )
    arrays = _legacy(weights, "enc", "both", "out", "lstm")
    arrays["out"]["out/scale:0"] = np.ones(2)
    refused(arrays, r"array `/out/out/scale:0` \(2,\) belongs to no layer")
    arrays = _legacy(weights, "enc", "both", "out", "lstm")
    del arrays["both"]
    refused(arrays, r"weight `kernel` of layer `forward_lstm\w*` \(`forward_layer` of `both`\) is missing")
    arrays = _legacy(weights, "enc_1", "both_1", "out_1", "lstm")
    del arrays["both_1"]
    refused(arrays, r"2 layers \(enc_1, out_1\), but 3 layers of the model have weights \(enc, both, out\)")


def test_a_damaged_array_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    kernel = random.normal(size=(40, 4 * U))
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        for index, array in enumerate([kernel, *lstm_weights(random, 40, U)[1:]]):
            file.create_dataset(f"layers/lstm/cell/vars/{index}", data=array, compression="gzip", fletcher32=True)
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        chunk = file["layers/lstm/cell/vars/2"].id.get_chunk_info(0)
    data[chunk.byte_offset + 5] ^= 0xFF
    path.write_bytes(data)
    layer = LSTM(U, input_size=40, dtype="float64")
    before = layer.get_weights()
    with pytest.raises(OSError, match=r"w\.weights\.h5: Cannot read array `/layers/lstm/cell/vars/2`"):
        load_weights(layer, path)
    assert all(map(np.array_equal, layer.get_weights(), before))


def test_the_model_must_be_built_and_have_layers(tmp_path: Path) -> None:
    path = write_legacy(tmp_path / "w.h5", {})
    with pytest.raises(
        ValueError, match=r"Layer `enc` is not built, .* Call the model once, or `build\(input_shape\)`"
    ):
        Sequential([LSTM(U, name="enc")]).load_weights(path)
    with pytest.raises(
        ValueError, match=re.escape("the model must have such layers, each with a name of its own, got []")
    ):
        load_weights(torch.nn.Linear(2, 3), path)
