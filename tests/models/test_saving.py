import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from tests.conversion.handmade import keras_2_lstm, lstm, lstm_weights, sequential, write_legacy
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
