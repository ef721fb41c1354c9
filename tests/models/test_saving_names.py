"""The arguments that Keras' saving functions have: what each does here."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from torch_keras_lstm.layers import LSTM, Dense, Input
from torch_keras_lstm.models import Sequential, load_model, load_weights, save_model

X, Y = np.random.default_rng(0).normal(size=(4, 5, 2)).astype("float32"), np.ones((4, 3), "float32")


def _model(head: int = 3, name: str = "head") -> Sequential:
    return Sequential([Input((5, 2)), LSTM(4, name="lstm"), Dense(head, name=name)])


@pytest.mark.parametrize("suffix", [".keras", ".h5", ""])
def test_save_model_keeps_how_a_model_is_compiled_and_its_optimizer(suffix: str, tmp_path: Path) -> None:
    model = _model()
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0, shuffle=False)
    save_model(model, tmp_path / f"model{suffix}")
    again = load_model(tmp_path / f"model{suffix}", safe_mode=True)
    histories = [one.fit(X, Y, verbose=0, shuffle=False, epochs=2).history["loss"] for one in (model, again)]
    assert histories[0] == histories[1]
    assert not load_model(tmp_path / f"model{suffix}", compile=False).compiled


def test_a_folder_that_is_missing_is_made_for_an_h5_file_as_in_keras(tmp_path: Path) -> None:
    _model().save(tmp_path / "a" / "b" / "model.h5")
    assert load_model(tmp_path / "a" / "b" / "model.h5").count_params() == _model().count_params()


def test_arguments_that_are_not_supported_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`save_model` does not support 'save_format': the suffix of the path says"):
        save_model(_model(), tmp_path / "model.keras", save_format="h5")
    with pytest.raises(ValueError, match="`load_weights` does not support 'objects_to_skip'"):
        _model().load_weights(tmp_path / "w.weights.h5", objects_to_skip=[])


def test_layers_of_the_same_names_take_weights_of_a_legacy_file_by_name(tmp_path: Path) -> None:
    source, target = _model(), _model(head=7, name="another")
    source.save(tmp_path / "model.h5")
    before: Any = target.get_weights()
    target.load_weights(tmp_path / "model.h5", by_name=True)
    for place, array in enumerate(target.get_weights()):
        assert np.array_equal(array, source.get_weights()[place] if place < 3 else before[place])
    source.save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(ValueError, match=r"`by_name=True` is for legacy `\.h5` files"):
        target.load_weights(tmp_path / "w.weights.h5", by_name=True)


@pytest.mark.parametrize("file", ["model.h5", "model.weights.h5"])
def test_layers_that_do_not_fit_are_skipped_with_a_warning(file: str, tmp_path: Path) -> None:
    source, target = _model(), _model(head=7)
    (source.save if file == "model.h5" else source.save_weights)(tmp_path / file)
    before = target.get_weights()
    with pytest.raises(ValueError, match="weight `kernel` of layer `head` needs shape"):
        target.load_weights(tmp_path / file)
    with pytest.warns(UserWarning, match="Some weights are not loaded: weight `kernel` of layer `head` needs shape"):
        load_weights(target, tmp_path / file, skip_mismatch=True)
    for place, array in enumerate(target.get_weights()):
        assert np.array_equal(array, source.get_weights()[place] if place < 3 else before[place])
