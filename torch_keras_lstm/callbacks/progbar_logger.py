"""The progress line as a callback."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from torch_keras_lstm import console
from torch_keras_lstm.callbacks.callback import Callback, Logs
from torch_keras_lstm.callbacks.progress_line import ProgressLine


class ProgbarLogger(Callback):
    """Prints Keras' lines: added by ``fit``, ``evaluate`` and ``predict`` themselves unless ``verbose=0``.

    With ``verbose=1`` a bar that moves, with ``verbose=2`` one line at the end of an epoch.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> history = model.fit(x, y, batch_size=4, epochs=1, verbose=2)
        2/2 - ... - loss: ...
    """

    def __init__(self) -> None:
        super().__init__()
        self._in_fit = self._in_validation = False
        self._seen = 0
        self._line = ProgressLine(None)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take ``verbose`` and the numbers of epochs and steps."""
        super().set_params(params)
        self._verbose = 1 if params["verbose"] == "auto" else int(params["verbose"])
        self._epochs = params["epochs"]
        self._steps: int | None = params["steps"]

    def needs_batch_logs(self, batch: int) -> bool:
        """Only when it is time to draw again."""
        if self._in_validation:
            return False
        self._seen = batch + 1
        return self._verbose == 1 and self._line.is_due()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Validation inside ``fit`` prints nothing of its own."""
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the number of the epoch."""
        self._begin()
        if self._verbose and self._epochs > 1:
            console.write(f"Epoch {epoch + 1}/{self._epochs}\n")

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Begin a line, unless it is validation."""
        self._in_validation = self._in_fit
        if not self._in_validation:
            self._begin()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Begin a line."""
        self._begin()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Draw."""
        self._line.draw(batch + 1, _scalars(logs))

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Draw."""
        self._line.draw(batch + 1, _scalars(logs))

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Draw; the predictions stay out of the line."""
        self._line.draw(batch + 1, {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Draw for the last time."""
        self._finish(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """From now on, what is evaluated has lines of its own."""
        self._in_fit = False

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Draw for the last time, unless it is validation."""
        if not self._in_validation:
            self._finish(logs)
        self._in_validation = False

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Draw for the last time."""
        self._finish({})

    def _begin(self) -> None:
        self._seen = 0
        self._line = ProgressLine(self._steps)

    def _finish(self, logs: Logs | None) -> None:
        if self._steps is None:
            self._steps = self._line.target = self._seen
        if self._steps and self._verbose == 1:
            self._line.finish(self._steps, _scalars(logs))
        elif self._steps and self._verbose == 2:
            self._line.finish_plain(self._steps, _scalars(logs))


def _scalars(logs: Logs | None) -> dict[str, float]:
    """Each value as one number: of a metric that gives several, their mean."""
    return {name: float(np.mean(value)) for name, value in (logs or {}).items()}
