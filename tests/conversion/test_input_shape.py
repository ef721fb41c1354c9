"""Models whose files do not tell their input shape."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_2_lstm, lstm, lstm_weights, sequential, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import inspect, load_model

B, T, F, U = 3, 7, 5, 4


def _arrays(scope: str, weights: list[Array]) -> dict[str, Array]:
    return {
        f"{scope}/{name}:0": array for name, array in zip(("kernel", "recurrent_kernel", "bias"), weights, strict=True)
    }


def test_the_kernel_of_the_first_layer_tells_the_features(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    weights = lstm_weights(random, F, U)
    dropout, layer = entry("Dropout", "d", rate=0.5, dtype="float64"), keras_2_lstm("l", U, return_sequences=True)
    path = write_legacy(
        tmp_path / "m.h5", {"l": _arrays("l", weights)}, config=sequential(dropout, layer), keras_version="2.2.4"
    )
    report = inspect(path)
    assert (report.problem, report.input_shape) == (None, (None, None, F))
    assert report.notes == ("The file does not tell the shape of the input; the 5 features are those of layer `l`.",)
    x = random.normal(size=(B, T, F))
    with torch.no_grad():
        assert_close(load_model(path)(torch.from_numpy(x)), lstm(x, weights), "float64")


def test_both_halves_of_a_bidirectional_layer_have_the_features(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    halves = {
        **_arrays("b/forward_l", lstm_weights(random, F, U)),
        **_arrays("b/backward_l", lstm_weights(random, F, U)),
    }
    config = sequential(entry("Bidirectional", "b", layer=keras_2_lstm("l", U)))
    path = write_legacy(tmp_path / "m.h5", {"b": halves}, config=config, keras_version="2.3.1")
    assert inspect(path).input_shape == (None, None, F)


def test_a_layer_that_does_not_run_over_sequences_tells_nothing(tmp_path: Path) -> None:
    arrays = {"d/kernel:0": np.ones((F, U), "float32"), "d/bias:0": np.ones(U, "float32")}
    config = sequential(entry("Dense", "d", units=U))
    path = write_legacy(tmp_path / "m.h5", {"d": arrays}, config=config, keras_version="2.2.4")
    with pytest.raises(ValueError, match="does not tell the shape of the model's input: save the model after"):
        load_model(path)
