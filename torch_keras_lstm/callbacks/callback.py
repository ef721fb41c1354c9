"""The base of callbacks: what ``fit``, ``evaluate`` and ``predict`` call as they go."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.callbacks.trained_model import TrainedModel

Logs = dict[str, Any]


class Callback:
    """Derive from it and define those methods that should do something.

    ``logs`` are the present values of loss and metrics by name, as Python floats; those of an epoch have the names of
    validation too, with ``val_`` in front. What a callback writes into the logs of an epoch, the callbacks after it
    see, ``History`` and the progress line among them. ``self.model.stop_training = True`` ends ``fit`` after the batch.

    Attributes:
        model: the model that is trained.
        params: ``verbose``, ``epochs`` and ``steps``, the number of batches in an epoch or ``None``.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> class StopBelow(Callback):
        ...     def __init__(self, loss):
        ...         super().__init__()
        ...         self.loss = loss
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         if logs["loss"] < self.loss:
        ...             self.model.stop_training = True
        >>> history = model.fit(x, y, epochs=500, callbacks=[StopBelow(0.01)], verbose=0)
        >>> len(history.epoch) < 500, history.history["loss"][-1] < 0.01
        (True, True)
    """

    model: TrainedModel

    def __init__(self) -> None:
        self.params: Mapping[str, Any] = {}

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Take ``params``, before anything else is called."""
        self.params = params

    def set_model(self, model: TrainedModel) -> None:
        """Take the model, before anything else is called."""
        self.model = model

    def needs_batch_logs(self, batch: int) -> bool:
        """Whether this callback reads the logs at the end of this batch.

        Computing them waits for the device. A callback that only now and then looks at a batch says ``False`` in
        between, and its ``on_..._batch_end`` is then not called.
        """
        return True

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before an epoch of ``fit``; ``epoch`` counts from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after an epoch and its validation."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """The older name of :meth:`on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a training step; ``batch`` counts from 0 in each epoch."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a training step, with loss and metrics since the epoch began."""
        self.on_batch_end(batch, logs=logs)

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of ``evaluate``, or of validation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of ``evaluate``, or of validation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before a batch of ``predict``."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after a batch of ``predict``, with what the model gave as ``outputs``."""

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of ``fit``."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called at the end of ``fit``, with the logs of the last epoch."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of ``evaluate``, or of validation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called at the end of ``evaluate``, or of validation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called at the start of ``predict``."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called at the end of ``predict``."""
