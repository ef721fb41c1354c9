"""Keep the model of an epoch, or the best one."""

from pathlib import Path
from typing import Any

from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.callbacks.monitor import MonitorCallback
from torch_keras_lstm.callbacks.save_frequency import SaveFrequency
from torch_keras_lstm.callbacks.written_aside import written_aside


class ModelCheckpoint(MonitorCallback):
    """Saves the model as it is trained.

    A file is written aside and then put in place, so that one that cannot be written leaves that before it whole.

    Args:
        filepath: the file, which ends in ``.keras`` or ``.h5``, with ``save_weights_only`` in ``.weights.h5``. It may
            have fields such as ``{epoch:02d}-{val_loss:.2f}``, of the epoch, counted from 1, the batch, and the logs.
        monitor: the name, in the logs, of the value that tells which model is the best.
        verbose: 1 prints when it acts.
        save_best_only: save when ``monitor`` is better than ever.
        save_weights_only: save the weights without the architecture.
        mode: "min", "max" or "auto".
        save_freq: "epoch" or a number of batches.
        initial_value_threshold: with ``save_best_only`` the value that has to be beaten at first.

    Raises:
        ValueError: when ``filepath`` has another ending, or ``save_freq`` is something else.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> save = ModelCheckpoint("model-{epoch:02d}.weights.h5", save_weights_only=True)
        >>> history = model.fit(x, y, epochs=2, callbacks=[save], verbose=0)
        >>> model.load_weights("model-02.weights.h5")
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = str(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self._frequency = SaveFrequency(save_freq)
        endings = (".weights.h5",) if save_weights_only else (".keras", ".h5")
        if not self.filepath.endswith(endings):
            what = "weights" if save_weights_only else "a model"
            raise ValueError(f"`filepath` for {what} must end in {' or '.join(endings)}, got {self.filepath!r}.")
        self._epoch = 0

    def needs_batch_logs(self, batch: int) -> bool:
        """Every so many batches."""
        return self._frequency.is_due(batch)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the number of the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, every so many batches."""
        self._save({"batch": batch + 1, **(logs or {})}, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, after each epoch."""
        if self._frequency.each_epoch:
            self._save(logs or {}, logs or {})

    def _save(self, fields: Logs, logs: Logs) -> None:
        path = self._path(fields)
        if not self._is_wanted(logs, path):
            return
        if path.is_dir():
            raise IsADirectoryError(f"`filepath` of ModelCheckpoint is a folder: {path}. Name a file.")
        model: Any = self.model
        with written_aside(path) as aside:
            (model.save_weights if self.save_weights_only else model.save)(aside)
        self._say(f"finished saving model to {path}")

    def _path(self, fields: Logs) -> Path:
        try:
            return Path(self.filepath.format(epoch=self._epoch + 1, **fields))
        except KeyError as error:
            known = ", ".join(["epoch", *fields])
            raise KeyError(f"`filepath` {self.filepath!r} has the field {error}; there are {known}.") from None

    def _is_wanted(self, logs: Logs, path: Path) -> bool:
        if not self.save_best_only:
            self._say(f"saving model to {path}")
            return True
        current: Any = self.monitored(logs, "to know the best model")
        if current is None:
            return True
        before = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_better(current, self.best):
            self._say(f"{self.monitor} did not improve from {before}")
            return False
        self._say(f"{self.monitor} improved from {before} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _say(self, what: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {self._epoch + 1}: {what}")
