"""A table of the epochs in a file."""

import csv
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from torch_keras_lstm.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes the logs of each epoch into a CSV file, whose columns are ``epoch`` and the names of the first epoch.

    Args:
        filename: the file.
        separator: between two values.
        append: go on with the file if there is one; otherwise it is replaced.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> history = model.fit(x, y, epochs=2, callbacks=[CSVLogger("log.csv", separator=";")], verbose=0)
        >>> with open("log.csv") as file:
        ...     print([line.split(";")[0] for line in file])
        ['epoch', '0', '1']
    """

    def __init__(self, filename: str | Path, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = Path(filename)
        self.separator = separator
        self.append = append
        self._file: TextIO | None = None
        self._columns: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self._close()
        self._columns = None
        self._has_header = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._file = self.filename.open("a" if self.append else "w", newline="")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a row."""
        assert self._file is not None  # for mypy
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if self._columns is None:
            self._columns = _columns(logs)
            if not self._has_header:
                writer.writerow(["epoch", *self._columns])
                self._has_header = True
        writer.writerow([epoch, *(_text(logs.get(name, "NA")) for name in self._columns)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _columns(logs: Logs) -> list[str]:
    """The names; without a validation in the first epoch there are columns for it nevertheless, as in Keras."""
    names = sorted(logs)
    return names if any(name.startswith("val_") for name in names) else [*names, *(f"val_{name}" for name in names)]


def _text(value: Any) -> Any:
    return f'"[{", ".join(map(str, value))}]"' if isinstance(value, np.ndarray) and value.ndim else value
