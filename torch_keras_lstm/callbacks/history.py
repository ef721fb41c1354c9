"""What ``fit`` returns: loss and metrics of every epoch."""

from typing import Any

from torch_keras_lstm.callbacks.callback import Callback, Logs


class History(Callback):
    """Keeps the logs of the epochs.

    Attributes:
        history: a list of values by name, one for each epoch that had the name in its logs.
        epoch: the numbers of the epochs, from 0.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> history = model.fit(x, y, epochs=3, validation_split=0.25, verbose=0)
        >>> sorted(history.history), history.epoch
        (['loss', 'val_loss'], [0, 1, 2])
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin to count the epochs; values of an earlier ``fit`` stay."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Take the values of the epoch."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self

    def plot(self, *names: str) -> Any:
        """Draw the curves: one panel for each name, training and validation in it.

        Args:
            names: which of the logs, without ``val_``; by default all.

        Returns:
            The ``matplotlib.figure.Figure``, which a notebook shows and ``.savefig(path)`` writes.

        Raises:
            ImportError: when matplotlib, the extra ``plot``, is not installed.
            ValueError: when there is nothing of that name.
        """
        from matplotlib.figure import Figure

        known = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        for name in names:
            if name not in known:
                raise ValueError(f"There is no {name!r} in the history, which has {', '.join(known) or 'no epochs'}.")
        wanted = list(names) or known
        if not wanted:
            raise ValueError("There is nothing to draw: no epoch was run.")
        figure = Figure(figsize=(4.8 * len(wanted), 3.6), layout="constrained")
        for place, name in enumerate(wanted):
            axes = figure.add_subplot(1, len(wanted), place + 1, xlabel="epoch", title=name)
            for key, label in ((name, "training"), (f"val_{name}", "validation")):
                values = self.history.get(key, [])
                if values:
                    axes.plot(_epochs_of(self.epoch, values), values, marker=".", label=label)
            axes.legend()
        return figure


def _epochs_of(epochs: list[int], values: list[Any]) -> list[float]:
    """Where the values stand, counted from 1; those of validation at every nth epoch are spread evenly."""
    return [epochs[round((place + 1) * len(epochs) / len(values)) - 1] + 1 for place in range(len(values))]
