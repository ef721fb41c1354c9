"""Files with Reshape, Permute and EinsumDense, written live by Keras 3 and tf_keras, against what wrote them."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras

from tests.tolerances import assert_close
from torch_keras_lstm.models import load_model


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras' own, under NumPy 2
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
@pytest.mark.parametrize("namespace", [keras, tf_keras], ids=["keras", "tf_keras"])
def test_a_model_computes_what_its_writer_computes(namespace: Any, suffix: str, tmp_path: Path) -> None:
    kinds = namespace.layers
    model = namespace.Sequential(
        [
            kinds.Input((5, 6)),
            kinds.Permute((2, 1)),
            kinds.EinsumDense("abc,cde->abde", output_shape=(6, 3, 4), bias_axes="e", activation="tanh"),
            kinds.Reshape((-1, 24)),
            kinds.LSTM(7, return_sequences=True),
            kinds.EinsumDense("...x,xy->...y", output_shape=2),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(weight.shape) for weight in model.get_weights()])
    path = tmp_path / f"model{suffix}"
    model.save(path)
    inputs = rng.standard_normal((3, 5, 6)).astype("float32")
    expected = model.predict(inputs, verbose=0)
    assert_close(load_model(path)(inputs).detach(), expected, "float32 model")
