"""What every kind of batches is."""

from collections.abc import Iterator

from torch_keras_lstm.training.batch import Batch


class Batches:
    """Passes over some data: ``iter`` begins one.

    Attributes:
        num_batches: how many a pass has, ``None`` when nobody knows.
    """

    num_batches: int | None

    def __iter__(self) -> Iterator[Batch]:
        """The batches of a pass."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Called before the batches of each epoch, of which a pass may have several."""

    def on_epoch_end(self) -> None:
        """Called after those of each epoch, and, as Keras does, before the first one of ``fit`` and ``evaluate``."""
