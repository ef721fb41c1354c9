from pathlib import Path
from typing import Any

import numpy as np
import torch

from tests.conversion.handmade import (
    entry,
    hard_sigmoid_keras2,
    keras_2_lstm,
    lstm,
    lstm_weights,
    sequential,
    write_legacy,
)
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert, inspect, load_model
from torch_keras_lstm.layers import LSTM, Dense, Layer

B, T, F, U = 3, 7, 5, 4


class Reversed(LSTM):
    """An LSTM whose outputs come last step first."""

    def forward(self, inputs: Any, *arguments: Any, **keywords: Any) -> Any:
        return super().forward(inputs, *arguments, **keywords).flip(1)


CUSTOM: dict[str, type[Layer]] = {"Backwards": Reversed}


def test_a_layer_derived_from_ours_is_read_in_the_dialect_of_the_file(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    weights, x = lstm_weights(random, F, U), random.normal(size=(B, T, F))
    layer = keras_2_lstm("l", U, return_sequences=True, time_major=False, dtype="float64")
    layer["class_name"] = "Backwards"
    layer["config"]["batch_input_shape"] = [None, T, F]
    arrays = dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True))
    path = write_legacy(tmp_path / "m.h5", {"l": arrays}, config=sequential(layer), keras_version="2.8.0")
    assert inspect(path, custom_objects=CUSTOM).problem is None
    convert(path, tmp_path / "out", custom_objects=CUSTOM)
    for source in (path, tmp_path / "out"):
        model = load_model(source, custom_objects=CUSTOM)
        with torch.no_grad():
            output = model(torch.from_numpy(x))
        assert_close(output, lstm(x, weights, hard_sigmoid_keras2)[:, ::-1], "float64")


def test_so_is_one_inside_a_wrapper(tmp_path: Path) -> None:
    class Doubled(Dense):
        def forward(self, inputs: Any) -> Any:
            return 2 * super().forward(inputs)

    random = np.random.default_rng(4)
    kernel, x = random.normal(size=(F, U)), random.normal(size=(B, T, F))
    inner = entry("Double", "d", units=U, activation="hard_sigmoid", use_bias=False, dtype="float64")
    wrapper = entry("TimeDistributed", "t", layer=inner, batch_input_shape=[None, T, F], dtype="float64")
    path = write_legacy(
        tmp_path / "m.h5", {"t": {"t/kernel:0": kernel}}, config=sequential(wrapper), keras_version="2.8.0"
    )
    with torch.no_grad():
        output = load_model(path, custom_objects={"Double": Doubled})(torch.from_numpy(x))
    assert_close(output, 2 * hard_sigmoid_keras2(x @ kernel), "float64")
