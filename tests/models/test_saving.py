import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from tests.conversion.handmade import entry, keras_2_lstm, lstm, lstm_weights, sequential, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.models.saving import load_model


def test_load_model_is_the_converters(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    weights, x = lstm_weights(random, 3, 4), random.normal(size=(2, 6, 3))
    config = sequential(keras_2_lstm("l", 4, batch_input_shape=[None, 6, 3], dtype="float64"))
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    path = write_legacy(tmp_path / "m.h5", {"l": arrays}, config=config, keras_version="2.2.4")
    for model in (load_model(path), load_model(path, weights=path, custom_objects={})):
        assert_close(model(torch.from_numpy(x)).detach(), lstm(x, weights)[:, -1], "float64")


def test_the_converter_is_imported_by_the_call_alone() -> None:
    code = "import sys, torch_keras_lstm.models.saving; sys.exit('h5py' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_training_that_is_not_known_is_named_when_it_is_needed(tmp_path: Path) -> None:
    config = sequential(entry("Dense", "d", units=2, batch_input_shape=[None, 3]))
    arrays = {"d": {"d/kernel:0": np.ones((3, 2), "float32"), "d/bias:0": np.zeros(2, "float32")}}
    path = write_legacy(tmp_path / "m.h5", arrays, config=config, keras_version="2.8.0")
    optimizer = {"class_name": "Adam", "config": {"learning_rate": 0.01}}
    training = {"loss": "my_loss", "metrics": None, "optimizer_config": optimizer}
    with h5py.File(path, "a") as file:
        file.attrs["training_config"] = json.dumps(training)
    model, x = load_model(path), np.ones((4, 3), "float32")
    assert model.predict(x, verbose=0).shape == (4, 2)
    assert model.compiled
    assert model.optimizer.learning_rate == 0.01
    with pytest.raises(ValueError, match=r"The loss cannot be had: .*'my_loss'.*goes into `custom_objects`"):
        model.fit(x, np.ones((4, 2)), verbose=0)
    model.compile(model.optimizer, "mse")
    model.fit(x, np.ones((4, 2)), verbose=0)
    assert load_model(path, compile=False).compile_error == ""


def test_reading_hdf5_needs_no_h5py(tmp_path: Path) -> None:
    config = sequential(entry("Dense", "d", units=2, batch_input_shape=[None, 3]))
    arrays = {"d": {"d/kernel:0": np.ones((3, 2), "float32"), "d/bias:0": np.zeros(2, "float32")}}
    path = write_legacy(tmp_path / "m.h5", arrays, config=config, keras_version="2.8.0")
    code = (
        f"import sys; from torch_keras_lstm.models import load_model; load_model({str(path)!r}); "
        "sys.exit('h5py' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
