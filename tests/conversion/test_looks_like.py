from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.conversion.handmade import Array, keras_1_arrays, lstm_weights, write_legacy
from torch_keras_lstm.conversion import inspect

F, U = 5, 4


def _zeros(*shapes: tuple[int, ...]) -> dict[str, Array]:
    return dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), map(np.zeros, shapes), strict=False))


HALVES = {
    f"b/{half}_x/{name}:0": np.zeros(shape)
    for half in ("forward", "backward")
    for name, shape in (("kernel", (F, 3 * U)), ("recurrent_kernel", (U, 3 * U)), ("bias", (2, 3 * U)))
}


@pytest.mark.parametrize(
    ("arrays", "looks"),
    [
        (_zeros((F, 4 * U), (U, 4 * U), (4 * U,)), "LSTM with 4 units"),
        (_zeros((F, 4 * U), (U, 4 * U)), "LSTM with 4 units"),
        (_zeros((F, 4 * U), (U, 4 * U), (8 * U,)), "LSTM with 4 units (CuDNN layout)"),
        (_zeros((F, 3 * U), (U, 3 * U), (6 * U,)), "GRU with 4 units (CuDNN layout)"),
        (_zeros((F, U), (U, U), (U,)), "SimpleRNN with 4 units"),
        (_zeros((F, 2 * U), (U, 2 * U)), "?"),
        (_zeros((3, 3, F, 4 * U), (3, 3, U, 4 * U)), "ConvLSTM2D with 4 filters"),
        (HALVES, "Bidirectional of GRU with 4 units"),
        (keras_1_arrays("l", lstm_weights(np.random.default_rng(0), F, U)), "LSTM with 4 units (Keras 1 layout)"),
        (
            {f"g_{letter}_{gate}": np.zeros((2, 3)) for letter in "WU" for gate in "zrh"},
            "GRU with 2 units (Keras 1 layout)",
        ),
        ({"embedding_1_W": np.zeros((9, 3))}, "Embedding of 9 words in 3 dimensions"),
        ({"d_W": np.zeros((9, 3)), "d_b": np.zeros(3)}, "Dense with 3 units"),
        ({"e/embeddings:0": np.zeros((9, 3))}, "Embedding of 9 words in 3 dimensions"),
        ({"c/kernel:0": np.zeros((3, 5, 7)), "c/bias:0": np.zeros(7)}, "Conv1D with 7 filters"),
        ({f"n/{name}:0": np.zeros(3) for name in ("gamma", "moving_mean", "moving_variance")}, "BatchNormalization"),
        ({"n/gamma:0": np.zeros(3), "n/beta:0": np.zeros(3)}, "LayerNormalization"),
        ({"x/strange:0": np.zeros(3)}, "?"),
        ({"a/kernel:0": np.zeros((2, 3)), "b/kernel:0": np.zeros((2, 3))}, "?"),
    ],
)
def test_layers_by_their_arrays(tmp_path: Path, arrays: dict[str, Array], looks: str) -> None:
    other = {"o/kernel:0": np.zeros((2, 6))}
    report = inspect(write_legacy(tmp_path / "w.h5", {"l": arrays, "dropout": {}, "o": other}))
    assert [(layer.name, layer.kind, layer.arrays) for layer in report.layers] == [
        ("l", looks, len(arrays)),
        ("o", "Dense with 6 units", 1),
    ]
    assert report.problem is not None
    assert "holds weights without an architecture" in report.problem
    assert report.notes[1] == "o: o/kernel:0 (2, 6)"


def test_layers_by_their_place(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for index, shape in enumerate([(F, 4 * U), (U, 4 * U), (4 * U,)]):
            file[f"layers/lstm_1/cell/vars/{index}"] = np.zeros(shape)
            file[f"layers/bidirectional/forward_layer/cell/vars/{index}"] = np.zeros(shape)
            file[f"layers/bidirectional/backward_layer/cell/vars/{index}"] = np.zeros(shape)
        file["layers/dense_12/vars/0"] = np.zeros((2, 3))
        file["layers/my_own/vars/0"] = np.zeros((2, 3))
    assert {layer.name: layer.kind for layer in inspect(tmp_path / "w.weights.h5").layers} == {
        "layers/bidirectional": "Bidirectional of LSTM with 4 units",
        "layers/dense_12": "Dense",
        "layers/lstm_1": "LSTM with 4 units",
        "layers/my_own": "my_own",
    }
