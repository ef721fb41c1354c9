"""The script of the benchmark, which is the same for a Keras and for us."""

from typing import Any

from benchmarks.fits.turns import Turns
from benchmarks.tasks import Task


def fit(keras: Any, task: Task, turns: Turns) -> None:
    """Make the model of the modules of ``keras`` and fit it. The order of the samples is that of the data, so that
    the losses can be compared.
    """

    class TakeTurns(keras.callbacks.Callback):  # type: ignore[misc]
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            turns.begin()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            turns.end(float(logs["loss"]))

    model = keras.models.Sequential()
    for index, units in enumerate(task.units):
        first = {"input_shape": (task.time, task.features)} if index == 0 else {}
        model.add(keras.layers.LSTM(units, return_sequences=index < len(task.units) - 1, **first))
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    model.set_weights(task.weights)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(
        task.x,
        task.y,
        epochs=task.epochs,
        batch_size=task.batch,
        shuffle=False,
        verbose=0,
        callbacks=[TakeTurns()],
    )
