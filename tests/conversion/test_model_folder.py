import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.conversion.handmade import entry, keras_2_lstm, lstm_weights, sequential, write_keras, write_legacy
from torch_keras_lstm.conversion import convert, load_model
from torch_keras_lstm.conversion.model_folder import convert_all, is_folder_of_models, models_in

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
    names = [str(file.path.relative_to(folder)) for file in models_in(folder)]
    assert names == ["a.h5", "arch.json", "b.h5", "cut.keras", "deep/er/no_suffix", "saved"]
    assert is_folder_of_models(folder)
    assert not is_folder_of_models(folder / "done")
    assert not is_folder_of_models(folder / "b.h5")


def test_a_failure_does_not_stop_the_others(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = {made.file.path.name: made for made in convert_all(folder, models_in(folder), out)}
    converted = {name for name, conversion in made.items() if conversion.problem is None}
    assert converted == {"b.h5", "no_suffix"}
    assert all((conversion.result is None) == (conversion.problem is not None) for conversion in made.values())
    assert all(conversion.seconds >= 0 for conversion in made.values())
    assert made["a.h5"].problem == (
        "Layers that are not supported: Mystery (layer `x`). Classes of your own go into "
        "`custom_objects`, on the command line `--custom MODULE:NAME`."
    )
    assert "damaged or truncated" in str(made["cut.keras"].problem)
    assert "without weights" in str(made["arch.json"].problem)
    assert made["no_suffix"].result.directory == out / "deep" / "er" / "no_suffix"  # type: ignore[union-attr]
    assert load_model(out / "deep" / "er" / "no_suffix").count_params() == 4 * 5 * (F + 5 + 1)
    assert load_model(out / "b").count_params() == 4 * U * (F + U + 1)


def test_files_that_would_share_a_folder_keep_their_suffix(tmp_path: Path) -> None:
    root, out = tmp_path / "models", tmp_path / "out"
    _write_lstm(root / "m.h5", 4)
    _write_lstm(root / "m.hdf5", 5)
    made = [done.result for done in convert_all(root, models_in(root), out, force=True)]
    assert [conversion.directory for conversion in made if conversion] == [out / "m.h5", out / "m.hdf5"]
    assert load_model(out / "m.h5").count_params() < load_model(out / "m.hdf5").count_params()


def test_what_was_converted_before_can_be_left(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    [*convert_all(folder, models_in(folder), out)]
    (out / "b" / "config.json").write_text("touched")
    again = {done.file.path.name: done for done in convert_all(folder, models_in(folder), out, skip_existing=True)}
    assert again["b.h5"].result.report is None  # type: ignore[union-attr]
    assert (out / "b" / "config.json").read_text() == "touched"
    assert again["a.h5"].problem is not None


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.h5", b"", "The file is empty"),
        ("page.h5", b"<!DOCTYPE html><html><body>404</body></html>", "This is a page of a web site"),
        ("page.keras", b"\n<HTML>", "This is a page of a web site"),
        ("lfs.keras", b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "`git lfs pull`"),
        ("text.hdf5", b"no model", "This is not a Keras model"),
        ("other.keras", b"PK\x03\x04", "damaged or truncated"),
    ],
)
def test_what_has_the_name_of_a_model_and_is_none_fails(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    (done,) = convert_all(tmp_path, models_in(tmp_path), tmp_path / "out")
    assert words in str(done.problem)


@pytest.mark.parametrize("weights", ["arch.weights.h5", "arch_weights.h5", "other.h5"])
def test_weights_alone_belong_to_the_architecture_beside_them(tmp_path: Path, weights: str) -> None:
    root = tmp_path / "models"
    config = sequential(keras_2_lstm("l", U, batch_input_shape=[None, T, F]))
    values = lstm_weights(np.random.default_rng(1), F, U)
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), values, strict=True))
    for place in (root, root / "below"):
        place.mkdir(exist_ok=True)
        (place / "arch.json").write_text(json.dumps(config))
        write_legacy(place / weights, {"l": arrays})
    done = [*convert_all(root, models_in(root), tmp_path / "out")]
    assert [one.file.weights for one in done] == [root / weights, root / "below" / weights]
    assert all(one.problem is None for one in done)
    assert load_model(tmp_path / "out" / "below" / "arch").count_params() == 4 * U * (F + U + 1)
    write_legacy(root / "second.h5", {"l": arrays})
    if weights == "other.h5":  # nobody knows which
        assert {file.path.name: file.weights for file in models_in(root) if file.path.parent == root} == {
            "arch.json": None,
            "other.h5": None,
            "second.h5": None,
        }


def test_what_cannot_be_opened_does_not_stop_the_others(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "closed").mkdir()
    closed, opened = (folder / "a.h5", folder / "closed"), Path.open

    def refuse(path: Path, *arguments: object, **options: object) -> object:
        if path in closed:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    walked = os.walk

    def walk(top: str, onerror: object = None) -> object:
        for directory, folders, names in walked(top):
            if Path(directory) in closed:
                onerror(PermissionError(13, "Permission denied", directory))  # type: ignore[operator]
            else:
                yield directory, folders, names

    monkeypatch.setattr(os, "walk", walk)
    files = {file.path.name: file for file in models_in(folder)}
    assert files["a.h5"].problem == files["closed"].problem == "Permission denied"
    assert files["b.h5"].problem is None
