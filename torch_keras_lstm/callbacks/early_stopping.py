"""Stop when a value gets better no more."""

from typing import Any

from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stops ``fit`` when ``monitor`` has not become better for ``patience`` epochs.

    Args:
        monitor: the value's name in the logs.
        min_delta: by how much a value must be better to count as such.
        patience: epochs without a better value after which to stop.
        verbose: 1 prints when it acts.
        mode: "min", "max" or "auto".
        baseline: a value that must be beaten to start the count of ``patience`` anew.
        restore_best_weights: at the end give the model the weights of the best epoch. Without one that beats
            ``baseline`` it is the best of those that there were.
        start_from_epoch: epochs, from the first, that do not count.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> stop = EarlyStopping(monitor="loss", min_delta=1000.0, patience=2, restore_best_weights=True)
        >>> len(model.fit(x, y, epochs=50, callbacks=[stop], verbose=0).epoch)
        3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._forget()

    def _forget(self) -> None:
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and stop when it is time."""
        current = self.monitored(logs or {}, "to stop early")
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep_weights(epoch)
        self.wait += 1
        if self.is_better(current, self.best):
            self.best = current
            self._keep_weights(epoch)
            if self.baseline is None or self.is_better(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Give the model its best weights."""
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose > 0:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def _keep_weights(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()
