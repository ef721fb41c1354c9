"""Go slower when a value gets better no more."""

from typing import Any

from torch_keras_lstm.callbacks.callback import Logs
from torch_keras_lstm.callbacks.logged_learning_rate import learning_rate_of, single_optimizers
from torch_keras_lstm.callbacks.monitor import MonitorCallback
from torch_keras_lstm.single_precision import to_single


class ReduceLROnPlateau(MonitorCallback):
    """Multiplies the learning rate by ``factor`` when ``monitor`` has not become better for ``patience`` epochs.

    The rate that the epoch was trained with enters the logs as ``learning_rate``.

    Args:
        monitor: the value's name in the logs.
        factor: less than 1.
        patience: epochs without a better value.
        verbose: 1 prints when it acts.
        mode: "min", "max" or "auto".
        min_delta: by how much a value must be better to count as such.
        cooldown: epochs after a reduction that do not count.
        min_lr: the rate does not go below it.

    Raises:
        ValueError: when ``factor`` would not reduce.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> reduce = ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1, min_delta=1000.0)
        >>> history = model.fit(x, y, epochs=3, callbacks=[reduce], verbose=0)
        >>> [round(rate, 5) for rate in history.history["learning_rate"]]
        [0.01, 0.01, 0.005]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        **_: Any,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"`factor` must be less than 1, for a rate that gets smaller; got {factor!r}.")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._forget()

    def _forget(self) -> None:
        self.best = None
        self.wait = 0
        self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare, and reduce the rate when it is time."""
        logs = {} if logs is None else logs
        logs |= {name: learning_rate_of(self.model, one) for name, one in single_optimizers(self.model).items()}
        current = self.monitored(logs, "to reduce the learning rate")
        if current is None:
            return
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_better(current, self.best):
            self.best = current
            self.wait = 0
        elif self.cooldown_counter == 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizers = [*single_optimizers(self.model).values()]
        for optimizer in optimizers:
            old = learning_rate_of(self.model, optimizer)
            if old <= to_single(self.min_lr):
                continue
            new = max(old * self.factor, self.min_lr)
            optimizer.learning_rate = new
            self.cooldown_counter = self.cooldown
            self.wait = 0
            if self.verbose > 0:
                name = f" {optimizer.name}" if len(optimizers) > 1 else ""
                print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing{name} learning rate to {new}.")
