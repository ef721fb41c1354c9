"""Stop when the loss is no number any more."""

import math

from torch_keras_lstm.callbacks.callback import Callback, Logs


class TerminateOnNaN(Callback):
    """Stops ``fit`` at the first batch after which the loss is NaN or infinite.

    Args:
        raise_error: raise a ``RuntimeError`` instead, so that no other callback does its work at the end.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> len(model.fit(x, np.full((8, 1), np.nan), epochs=5, callbacks=[TerminateOnNaN()], verbose=0).epoch)
        Batch 0: Invalid loss, terminating training
        1
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss.

        Raises:
            RuntimeError: with ``raise_error``, when it is no number.
        """
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"The loss is {loss} after batch {batch}: training is terminated.")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
