import pytest
import torch

from torch_keras_lstm.callbacks import LambdaCallback
from torch_keras_lstm.layers import Dense
from torch_keras_lstm.models import Sequential


def test_its_functions_are_called() -> None:
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    seen: list[object] = []
    callback = LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append((epoch, sorted(logs))),
        on_train_batch_end=lambda batch, logs: seen.append(batch),
    )
    model.fit(torch.randn(4, 3), torch.randn(4, 1), batch_size=2, epochs=2, verbose=0, callbacks=[callback])
    assert seen == [0, 1, (0, ["loss"]), 0, 1, (1, ["loss"])]


def test_an_unknown_moment_is_refused() -> None:
    with pytest.raises(TypeError, match=r"no argument 'on_epoch_ends'\. Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)
