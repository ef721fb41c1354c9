import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversion.handmade import Array, entry, keras_2_lstm, lstm, lstm_weights, sequential, write_legacy
from tests.tolerances import TOLERANCES
from torch_keras_lstm.conversion import LayerComparison, OutputComparison, Verification, save_record, verify
from torch_keras_lstm.conversion.verify import compare

T, F, U = 6, 3, 4


@pytest.fixture
def model(tmp_path: Path) -> Path:
    weights = lstm_weights(np.random.default_rng(5), F, U)
    config = sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F], dtype="float64"))
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    x = np.random.default_rng(6).normal(size=(2, T, F))
    np.savez(tmp_path / "record.npz", x0=x, y0=lstm(x, weights)[:, -1])
    return write_legacy(tmp_path / "m.h5", {"l": arrays}, config=config, keras_version="2.2.4")


def test_a_record_is_compared_output_by_output(model: Path, tmp_path: Path) -> None:
    (comparison,) = verify(model, record=tmp_path / "record.npz").outputs
    assert (comparison.name, comparison.shape) == ("y0", (2, U))
    assert comparison.largest_error <= TOLERANCES["float64"]
    record = dict(np.load(tmp_path / "record.npz"))
    record["y0"][1, 2] += 0.25
    np.savez(tmp_path / "changed.npz", **record)
    (comparison,) = verify(model, record=tmp_path / "changed.npz").outputs
    assert comparison.largest_value == np.abs(record["y0"]).max()
    assert comparison.largest_error == pytest.approx(0.25 / comparison.largest_value)


def test_errors_are_relative_to_the_largest_value() -> None:
    ours = [np.array([[1.0, -4.0], [0.5, 2.0]]), np.array([np.inf, np.nan, 3.0])]
    theirs = [np.array([[1.0, -5.0], [0.5, 2.5]]), np.array([np.inf, np.nan, 3.0])]
    assert compare(ours, theirs) == [
        OutputComparison("y0", (2, 2), largest_value=5.0, largest_error=0.2),
        OutputComparison("y1", (3,), largest_value=3.0, largest_error=0.0),
    ]


@pytest.mark.parametrize("ours", [[np.nan, 2.0], [np.inf, 2.0], [1.0, -np.inf]])
def test_what_is_no_number_on_one_side_alone_is_an_infinite_error(ours: list[float]) -> None:
    for pair in ((ours, [1.0, 2.0]), ([1.0, 2.0], ours)):
        (comparison,) = compare([np.array(pair[0])], [np.array(pair[1])])
        assert comparison.largest_error == float("inf")


def test_outputs_of_another_shape_are_an_error() -> None:
    with pytest.raises(ValueError, match=r"outputs have shapes \[\(2,\)\], but the original's have \[\(3,\)\]"):
        compare([np.ones(2)], [np.ones(3)])


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04zip"])
def test_a_file_that_is_no_record_is_refused(model: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"^\S+r\.npz: The file is no `\.npz` of arrays"):
        verify(model, record=tmp_path / "r.npz")


def test_records_are_data_and_hold_inputs_and_outputs(model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", x0=np.ones((2, T, F)), z=np.ones(1))
    with pytest.raises(ValueError, match="A record has inputs `x0` and outputs `y0`; this file has x0, z"):
        verify(model, record=tmp_path / "r.npz")
    np.savez(tmp_path / "r.npz", x0=np.array([{}], dtype=object), y0=np.ones(1), allow_pickle=True)
    with pytest.raises(ValueError, match=r"The file is no `\.npz` of arrays"):
        verify(model, record=tmp_path / "r.npz")
    with pytest.raises(FileNotFoundError, match=r"none\.npz: there is no such file"):
        verify(model, record=tmp_path / "none.npz")


def test_without_keras_the_error_says_what_to_do(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    message = (
        r"needs `tf_keras`, which is not installed \(`pip install tf_keras tensorflow`\)\. Without it, compare with"
    )
    with pytest.raises(ValueError, match=message):
        verify(model)
    with pytest.raises(ValueError, match=message):
        save_record(model, tmp_path / "new.npz")
    assert not (tmp_path / "new.npz").exists()


def test_keras_never_sees_a_model_that_cannot_be_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tf_keras", None)
    config = sequential(entry("Lambda", "code", function=["4wEAAAA=", None, None], batch_input_shape=[None, 3]))
    path = write_legacy(tmp_path / "m.h5", {"code": {}}, config=config, keras_version="2.8.0")
    with pytest.raises(ValueError, match=r"Layers that are not supported: Lambda \(layer `code`\)"):
        save_record(path, tmp_path / "new.npz")


def _save(path: Path, record: Mapping[str, Any]) -> None:
    np.savez(path, **record)


def _stack(folder: Path) -> tuple[Path, dict[str, Array]]:
    """A model of two layers, and a record of what they give."""
    random = np.random.default_rng(8)
    first, second = lstm_weights(random, F, U), lstm_weights(random, U, 5)
    config = sequential(
        keras_2_lstm("a", U, batch_input_shape=[None, T, F], dtype="float64", return_sequences=True),
        keras_2_lstm("b", 5),
    )
    arrays = {
        name: dict(zip((f"{name}/kernel:0", f"{name}/recurrent_kernel:0", f"{name}/bias:0"), weights, strict=True))
        for name, weights in (("a", first), ("b", second))
    }
    path = write_legacy(folder / "stack.h5", arrays, config=config, keras_version="2.2.4")
    x = random.normal(size=(2, T, F))
    sequence = lstm(x, first)
    last = lstm(sequence, second)[:, -1]
    return path, {"x0": x, "y0": last, "layer/a": sequence, "layer/b": last}


def test_layers_of_a_record_are_compared_in_its_order(tmp_path: Path) -> None:
    path, record = _stack(tmp_path)
    _save(tmp_path / "r.npz", record)
    verification = verify(path, record=tmp_path / "r.npz")
    assert verification.agrees(TOLERANCES["float64"])
    assert [(layer.name, layer.kind, layer.shape) for layer in verification.layers] == [
        ("a", "LSTM", (2, T, U)),
        ("b", "LSTM", (2, 5)),
    ]
    assert all(layer.largest_error <= TOLERANCES["float64"] for layer in verification.layers)


def test_the_layer_that_departs_is_told_from_the_outputs(tmp_path: Path) -> None:
    path, record = _stack(tmp_path)
    _save(tmp_path / "r.npz", {**record, "layer/a": record["layer/a"] + 0.5})
    verification = verify(path, record=tmp_path / "r.npz")
    a, b = verification.layers
    assert a.largest_error == pytest.approx(0.5 / a.largest_value)
    assert b.largest_error <= TOLERANCES["float64"]
    assert verification.agrees(TOLERANCES["float64"]), "what counts in the end are the outputs"


def test_a_layer_of_another_shape_is_infinitely_far_off(tmp_path: Path) -> None:
    path, record = _stack(tmp_path)
    _save(tmp_path / "r.npz", {**record, "layer/a": record["layer/a"][:, 1:]})
    a, _ = verify(path, record=tmp_path / "r.npz").layers
    assert (a.shape, a.largest_error) == ((2, T, U), float("inf"))


def test_a_record_of_other_layers_is_refused(tmp_path: Path) -> None:
    path, record = _stack(tmp_path)
    _save(tmp_path / "r.npz", {"x0": record["x0"], "y0": record["y0"], "layer/z": record["layer/a"]})
    with pytest.raises(ValueError, match="The record is of another model: it has layers z, this one has a, b"):
        verify(path, record=tmp_path / "r.npz")


def test_an_error_that_is_no_number_agrees_with_nothing() -> None:
    verification = Verification([OutputComparison("y0", (2,), 1.0, float("nan"))], [])
    assert not verification.agrees(1.0)
    assert Verification([], [LayerComparison("a", (2,), 1.0, 9.0, "LSTM")]).agrees(1.0)
