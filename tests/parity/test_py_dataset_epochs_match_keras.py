"""When a PyDataset is told that an epoch begins and ends, in Keras and here."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm

pytestmark = pytest.mark.filterwarnings("ignore:.*ran out of data:UserWarning")
X, Y = np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")


def _told(k: Any, use: Callable[..., Any], number: int | None) -> str:
    class Batches(k.utils.PyDataset):  # type: ignore[misc]
        told = ""

        @property
        def num_batches(self) -> int | None:
            return number

        def __getitem__(self, index: int) -> Any:
            return X, Y

        def on_epoch_begin(self) -> None:
            self.told += "b"

        def on_epoch_end(self) -> None:
            self.told += "e"

    model = k.Sequential([k.Input((3,)), k.layers.Dense(1)])
    model.compile("sgd", "mse")
    batches = Batches()
    use(model, batches, k)
    return batches.told


def _stopping(k: Any) -> Any:
    class Stopping(k.callbacks.Callback):  # type: ignore[misc]
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = True

    return Stopping()


USES: dict[str, tuple[int | None, Callable[..., Any]]] = {
    "fit": (4, lambda model, batches, k: model.fit(batches, epochs=2, verbose=0)),
    "fewer steps": (4, lambda model, batches, k: model.fit(batches, epochs=3, steps_per_epoch=2, verbose=0)),
    "more steps": (4, lambda model, batches, k: model.fit(batches, epochs=2, steps_per_epoch=6, verbose=0)),
    "no end": (
        None,
        lambda model, batches, k: model.fit(batches, epochs=2, steps_per_epoch=3, shuffle=False, verbose=0),
    ),
    "stopped": (4, lambda model, batches, k: model.fit(batches, epochs=2, verbose=0, callbacks=[_stopping(k)])),
    "evaluate": (4, lambda model, batches, k: model.evaluate(batches, verbose=0)),
    "predict": (4, lambda model, batches, k: model.predict(batches, verbose=0)),
    "some steps of predict": (4, lambda model, batches, k: model.predict(batches, steps=2, verbose=0)),
    "validation": (4, lambda model, batches, k: model.fit(X, Y, validation_data=batches, epochs=2, verbose=0)),
    "some validation steps": (
        4,
        lambda model, batches, k: model.fit(X, Y, validation_data=batches, validation_steps=3, epochs=2, verbose=0),
    ),
}


@pytest.mark.parametrize("use", USES)
def test_what_it_is_told(use: str) -> None:
    number, run = USES[use]
    assert _told(torch_keras_lstm, run, number) == _told(keras, run, number)
