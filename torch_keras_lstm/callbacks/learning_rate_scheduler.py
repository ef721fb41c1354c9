"""A learning rate for each epoch."""

import inspect
from collections.abc import Callable
from numbers import Real

from torch_keras_lstm.callbacks.callback import Callback, Logs
from torch_keras_lstm.callbacks.logged_learning_rate import learning_rate_of, single_optimizers


class LearningRateScheduler(Callback):
    """Sets the learning rate before each epoch; it enters the logs as ``learning_rate``.

    Args:
        schedule: called with the number of the epoch, from 0, and the present rate, gives the new one, a float; one
            that takes the number alone will do.
        verbose: 1 prints the rate.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> history = model.fit(x, y, epochs=3, callbacks=[halve], verbose=0)
        >>> [round(rate, 5) for rate in history.history["learning_rate"]]
        [0.005, 0.0025, 0.00125]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the rate.

        Raises:
            ValueError: when ``schedule`` does not give a float.
        """
        optimizers = [*single_optimizers(self.model).values()]
        for optimizer in optimizers:
            rates = (learning_rate_of(self.model, optimizer),) if _takes_rate(self.schedule) else ()
            rate = self.schedule(epoch, *rates)
            if not isinstance(rate, Real) or isinstance(rate, int):
                raise ValueError(f"`schedule` must give a float, got {rate!r} for epoch {epoch}.")
            optimizer.learning_rate = float(rate)
            if self.verbose > 0:
                name = f"{optimizer.name} " if len(optimizers) > 1 else ""
                print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting {name}learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the rate into the logs."""
        if logs is not None:
            logs |= {name: learning_rate_of(self.model, one) for name, one in single_optimizers(self.model).items()}


def _takes_rate(schedule: Callable[..., float]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return False
    return True
