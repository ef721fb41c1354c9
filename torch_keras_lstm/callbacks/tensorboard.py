"""Curves for TensorBoard."""

import re
import time
from numbers import Integral
from pathlib import Path
from typing import Any

from torch_keras_lstm.callbacks.callback import Callback, Logs
from torch_keras_lstm.callbacks.logged_learning_rate import learning_rate_of, single_optimizers
from torch_keras_lstm.callbacks.trained_model import TrainedModel


class TensorBoard(Callback):
    """Writes what TensorBoard shows, under Keras' names: ``epoch_loss`` in ``train/`` and ``validation/``.

    It needs the package ``tensorboard``; graphs, profiles and embeddings, which are TensorFlow's, are not written.

    Args:
        log_dir: the folder.
        histogram_freq: write histograms of the weights every so many epochs; 0 for never.
        write_images: write the weights as images too.
        write_steps_per_second: write the speed of each epoch.
        update_freq: "epoch", "batch", or every so many batches, at which loss and metrics so far are written too.
        **_: ``write_graph``, ``profile_batch``, ``embeddings_freq``, ``embeddings_metadata``: without effect.

    Raises:
        ValueError: when ``update_freq`` is something else.

    Example:
        >>> board = TensorBoard("logs", histogram_freq=5)  # fit(callbacks=[board]), then: tensorboard --logdir logs
        >>> board.log_dir.name, board.histogram_freq
        ('logs', 5)
    """

    def __init__(
        self,
        log_dir: str | Path = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        **_: Any,
    ) -> None:
        super().__init__()
        if update_freq not in ("epoch", "batch") and not isinstance(update_freq, Integral):
            raise ValueError(f"`update_freq` is 'epoch', 'batch' or a number of batches, got {update_freq!r}.")
        self.log_dir = Path(log_dir)
        self.histogram_freq = histogram_freq
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self._every = {"epoch": 0, "batch": 1}[update_freq] if isinstance(update_freq, str) else int(update_freq)
        self._writers: dict[str, Any] = {}
        self._steps = 0
        self._started = (0.0, 0)

    def set_model(self, model: TrainedModel) -> None:
        """Take the model; files are begun anew."""
        super().set_model(model)
        self._writers = {}

    def needs_batch_logs(self, batch: int) -> bool:
        """Every so many batches."""
        self._steps += 1
        return self._every > 0 and self._steps % self._every == 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin to count."""
        self._steps = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self._started = (time.perf_counter(), int(self.model.optimizer.iterations))

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self._batch_started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Write the values so far."""
        if self.write_steps_per_second:
            speed = 1 / (time.perf_counter() - self._batch_started)
            self._writer("train").add_scalar("batch_steps_per_second", speed, self._steps - 1)
        for name, value in (logs or {}).items():
            self._writer("train").add_scalar(f"batch_{name}", value, self._steps - 1)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Write the values of an evaluation, by the number of updates that there were before it."""
        optimizer = self.model.optimizer
        if optimizer is not None:
            for name, value in (logs or {}).items():
                tag = f"evaluation_{name}_vs_iterations"
                self._writer("validation").add_scalar(tag, value, int(optimizer.iterations))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the values of the epoch."""
        rates = {name: learning_rate_of(self.model, one) for name, one in single_optimizers(self.model).items()}
        values = {**(logs or {}), **rates}
        if self.write_steps_per_second:
            start, before = self._started
            done = int(self.model.optimizer.iterations) - before
            values["steps_per_second"] = done / (time.perf_counter() - start)
        for name, value in values.items():
            kind = "validation" if name.startswith("val_") else "train"
            self._writer(kind).add_scalar(f"epoch_{name.removeprefix('val_')}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.weighted_layers():
            for row, tensor in layer.own_weights():
                name = f"{layer.name}/{row.name}"
                self._writer("train").add_histogram(f"{name}/histogram", tensor.detach(), epoch)
                if self.write_images and tensor.ndim <= 2:
                    image = tensor.detach().reshape(1, len(tensor), -1)
                    self._writer("train").add_image(f"{name}/image", image, epoch)

    def _writer(self, kind: str) -> Any:
        if kind not in self._writers:
            from torch.utils.tensorboard import SummaryWriter  # tensorboard is an optional package

            self._writers[kind] = SummaryWriter(str(self.log_dir / re.sub(r"\W", "", kind)))
        return self._writers[kind]
