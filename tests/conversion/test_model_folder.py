import json
from pathlib import Path

import numpy as np
import pytest

from tests.conversion.handmade import entry, keras_2_lstm, lstm_weights, sequential, write_keras, write_legacy
from torch_keras_lstm.conversion import convert, load_model
from torch_keras_lstm.conversion.model_folder import convert_all, model_files

T, F, U = 6, 3, 4


def _write_lstm(path: Path, units: int = U) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = lstm_weights(np.random.default_rng(units), F, units)
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    config = sequential(keras_2_lstm("l", units, batch_input_shape=[None, T, F]))
    return write_legacy(path, {"l": arrays}, config=config, keras_version="2.2.4")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models, one that is not supported, a damaged one, and files that are none."""
    root = tmp_path / "models"
    _write_lstm(root / "b.h5")
    _write_lstm(root / "deep" / "er" / "no_suffix", 5)
    write_legacy(root / "a.h5", {"x": {}}, config=sequential(entry("Mystery", "x")), keras_version="2.2.4")
    write_keras(root / "cut.keras", sequential(), {})
    (root / "cut.keras").write_bytes((root / "cut.keras").read_bytes()[:300])
    (root / "arch.json").write_text(json.dumps(sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F]))))
    (root / "results.json").write_text('{"accuracy": 1}')
    (root / "lines.json").write_text("{}\n{}")
    convert(root / "b.h5", root / "done")
    (root / "notes.txt").write_text("text")
    np.savez(root / "record.npz", x0=np.ones(2))
    (root / "saved").mkdir()
    (root / "saved" / "saved_model.pb").write_bytes(b"")
    return root


def test_models_are_found_by_what_is_in_the_files(folder: Path) -> None:
    names = [str(path.relative_to(folder)) for path in model_files(folder)]
    assert names == ["a.h5", "arch.json", "b.h5", "cut.keras", "deep/er/no_suffix", "saved"]


def test_a_failure_does_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = {made.path.name: made for made in convert_all(folder, model_files(folder), out)}
    converted = {name for name, conversion in made.items() if conversion.problem is None}
    assert converted == {"b.h5", "no_suffix"}
    assert all((conversion.report is None) == (conversion.problem is not None) for conversion in made.values())
    assert made["a.h5"].problem == (
        "Layers that are not supported: Mystery (layer `x`). Classes of your own go into `custom_objects`."
    )
    assert "damaged or truncated" in str(made["cut.keras"].problem)
    assert "without weights" in str(made["arch.json"].problem)
    assert made["no_suffix"].directory == out / "deep" / "er" / "no_suffix"
    assert load_model(out / "deep" / "er" / "no_suffix").count_params() == 4 * 5 * (F + 5 + 1)
    assert load_model(out / "b").count_params() == 4 * U * (F + U + 1)


def test_files_that_would_share_a_folder_keep_their_suffix(tmp_path: Path) -> None:
    root, out = tmp_path / "models", tmp_path / "out"
    _write_lstm(root / "m.h5", 4)
    _write_lstm(root / "m.hdf5", 5)
    made = list(convert_all(root, model_files(root), out, force=True))
    assert [conversion.directory for conversion in made] == [out / "m.h5", out / "m.hdf5"]
    assert load_model(out / "m.h5").count_params() < load_model(out / "m.hdf5").count_params()
