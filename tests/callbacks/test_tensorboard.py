from pathlib import Path

import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from torch_keras_lstm.callbacks import TensorBoard
from torch_keras_lstm.layers import Dense
from torch_keras_lstm.models import Sequential


def test_curves_are_written(tmp_path: Path) -> None:
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    history = model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y), callbacks=[TensorBoard(tmp_path)])
    for part, name in (("train", "loss"), ("validation", "val_loss")):
        events = EventAccumulator(str(tmp_path / part))
        events.Reload()
        values = [event.value for event in events.Scalars("epoch_loss")]
        assert torch.allclose(torch.tensor(values), torch.tensor(history.history[name]))


def test_evaluations_and_speeds_are_written(tmp_path: Path) -> None:
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    x, y = torch.randn(8, 3), torch.randn(8, 1)
    board = TensorBoard(tmp_path, update_freq="batch", write_steps_per_second=True)
    history = model.fit(x, y, epochs=2, batch_size=2, verbose=0, validation_data=(x, y), callbacks=[board])
    events = EventAccumulator(str(tmp_path / "validation"))
    events.Reload()
    found = events.Scalars("evaluation_loss_vs_iterations")
    assert [event.step for event in found] == [4, 8]
    assert torch.allclose(torch.tensor([event.value for event in found]), torch.tensor(history.history["val_loss"]))
    events = EventAccumulator(str(tmp_path / "train"))
    events.Reload()
    assert len(events.Scalars("batch_steps_per_second")) == 8
