from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from torch_keras_lstm.callbacks import ModelCheckpoint
from torch_keras_lstm.layers import LSTM, Dense
from torch_keras_lstm.models import Sequential, load_model


@pytest.fixture
def model() -> Sequential:
    model = Sequential([LSTM(4, input_shape=(5, 3)), Dense(2)])
    model.compile("sgd", "mse")
    return model


X, Y = torch.randn(12, 5, 3), torch.randn(12, 2)


def test_the_model_of_each_epoch(model: Sequential, tmp_path: Path) -> None:
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[ModelCheckpoint(tmp_path / "{epoch:02d}.keras")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["01.keras", "02.keras"]
    last, first = load_model(tmp_path / "02.keras"), load_model(tmp_path / "01.keras")
    assert all(map(np.array_equal, last.get_weights(), model.get_weights()))
    assert not all(map(np.array_equal, first.get_weights(), model.get_weights()))


def test_the_weights_of_the_best(model: Sequential, tmp_path: Path) -> None:
    path = tmp_path / "best.weights.h5"
    keep = ModelCheckpoint(path, monitor="loss", save_best_only=True, save_weights_only=True)
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[keep])
    best = model.get_weights()
    model.optimizer.learning_rate = 100.0  # it can only get worse
    model.fit(X, Y, epochs=3, batch_size=2, verbose=0, callbacks=[keep])
    model.load_weights(path)
    assert all(map(np.array_equal, model.get_weights(), best))


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    model: Sequential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "m.keras"
    model.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(path)])
    before = path.read_bytes()

    def full(aside: Path, *args: Any) -> None:
        Path(aside).write_bytes(b"half of")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model, "save", full)
    with pytest.raises(OSError, match="No space left on device"):
        model.fit(X, Y, verbose=0, callbacks=[ModelCheckpoint(path)])
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["m.keras"]
    monkeypatch.undo()
    model.fit(X, Y, verbose=0)  # and it can be trained on
