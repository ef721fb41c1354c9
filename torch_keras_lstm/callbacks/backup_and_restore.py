"""Go on where a killed run stopped."""

import shutil
from pathlib import Path
from pickle import UnpicklingError

import torch

from torch_keras_lstm.callbacks.callback import Callback, Logs
from torch_keras_lstm.callbacks.save_frequency import SaveFrequency
from torch_keras_lstm.callbacks.training_state import load_training_state, training_state
from torch_keras_lstm.callbacks.written_aside import written_aside


class BackupAndRestore(Callback):
    """Keeps the state of the training in a folder; ``fit`` of the same model with the same folder goes on from there.

    The state is the weights, the optimizer's, the number of the epoch, the random number generators' and the states of
    stateful layers, so that the curve is the one that an unbroken run would have had. It is one file, written aside and
    then put in place: a run that is killed while it writes leaves the state before.

    Args:
        backup_dir: the folder, which holds nothing else: it is deleted at the end of ``fit``.
        save_freq: "epoch", or a number of batches; after a stop within an epoch that epoch begins anew.
        double_checkpoint: keep the state before the last one too, to be used when the last cannot be read.
        delete_checkpoint: ``False`` leaves the folder at the end of ``fit``.

    Raises:
        ValueError: when ``backup_dir`` is empty or ``save_freq`` something else.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> class Killed(Callback):
        ...     def on_epoch_begin(self, epoch, logs=None):
        ...         if epoch == 2:
        ...             raise KeyboardInterrupt
        >>> try:
        ...     model.fit(x, y, epochs=5, callbacks=[BackupAndRestore("backup"), Killed()], verbose=0)
        ... except KeyboardInterrupt:
        ...     history = model.fit(x, y, epochs=5, callbacks=[BackupAndRestore("backup")], verbose=0)
        >>> history.epoch  # the epochs that were left
        [2, 3, 4]
    """

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError("`backup_dir` is empty: name a folder.")
        self.backup_dir = Path(backup_dir)
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._frequency = SaveFrequency(save_freq)
        self._latest = self.backup_dir / "training_state.pt"
        self._previous = self.backup_dir / "previous_training_state.pt"
        self._epoch = 0

    def needs_batch_logs(self, batch: int) -> bool:
        """Whenever it is to save; it never reads them."""
        return self._frequency.is_due(batch)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore the state, if there is one.

        Raises:
            ValueError: when the model is not built yet, or is another than that of the state.
            OSError: when the file is damaged.
        """
        if not self.model.built:
            raise ValueError(
                "`BackupAndRestore` needs a model that is built: give the first layer an `input_shape`, or call "
                "`model.build(input_shape)`."
            )
        for path in (self._latest, self._previous):
            if path.exists():
                try:
                    state = torch.load(path, map_location="cpu", weights_only=True)
                except (RuntimeError, EOFError, UnpicklingError) as error:
                    if path == self._latest and self._previous.exists():
                        continue
                    raise OSError(f"The backup {path} is damaged: {error}") from error
                self._epoch = load_training_state(self.model, state)
                return

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, every so many batches."""
        self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, after each epoch."""
        self._epoch = epoch + 1
        if self._frequency.each_epoch:
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Delete the folder: there is nothing to go on with."""
        if self.delete_checkpoint and self.backup_dir.exists():
            shutil.rmtree(self.backup_dir)

    def _save(self) -> None:
        with written_aside(self._latest) as path:
            torch.save(training_state(self.model, self._epoch), path)
            if self.double_checkpoint and self._latest.exists():
                self._latest.replace(self._previous)
