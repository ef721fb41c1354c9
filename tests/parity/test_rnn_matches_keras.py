"""RNN(LSTMCell) against Keras 3 on TensorFlow, run live: our general loop over a cell."""

import keras
import pytest

from tests.parity import keras_lstm, our_lstm
from tests.parity.lstm_cases import Case, draw_case
from tests.tolerances import assert_all_close
from torch_keras_lstm.layers import RNN, LSTMCell

CASES = [draw_case(seed, fusable=False) for seed in range(3000, 3060)]
OF_THE_LAYER = (
    "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask", "dtype",
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_rnn_matches_keras(case: Case) -> None:
    arrays = case.arrays()
    batch, _, features, _ = case.sizes
    config = keras_lstm.as_keras_config(case, "float64")
    del config["use_cudnn"]
    layer = {name: value for name, value in config.items() if name in OF_THE_LAYER}
    cell = {name: value for name, value in config.items() if name not in OF_THE_LAYER} | {"dtype": "float64"}

    theirs = keras.layers.RNN(keras.layers.LSTMCell(**cell), **layer)
    theirs.build((batch, None, features))
    theirs.set_weights(case.weights(arrays))
    states = ["hidden_0", "cell_0"]
    expected = keras_lstm.run(theirs, [theirs], case, arrays, states, "float64")

    our_cell = LSTMCell(**cell)
    ours = RNN(our_cell, **layer)
    ours.build((None, None, features))
    ours.set_weights(case.weights(arrays))
    our_lstm.hand_dropout(our_cell, case, arrays)
    assert_all_close(our_lstm.run(ours, case, arrays, states), expected, "float64")
