"""``keras.utils.PyDataset``: batches that a class of the user's makes, by number."""

from collections.abc import Iterator
from typing import Any


class PyDataset:
    """Base of a data source that gives its batches by index.

    A subclass has ``__getitem__(index)``, which gives ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)`` of one batch,
    and ``__len__``, the number of batches, or a property ``num_batches`` that is ``None`` when there is no end. Keras 2
    calls it ``Sequence``. ``fit(shuffle=True)`` takes the batches in a new order at each epoch.

    Args:
        workers: taken for Keras' sake, like the next two: batches are made in the process that trains. For workers
            give ``fit`` a ``torch.utils.data.DataLoader``.
        use_multiprocessing: see ``workers``.
        max_queue_size: see ``workers``.
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """The batch of that number."""
        raise NotImplementedError(f"{type(self).__name__} has to define `__getitem__(index)`, which gives a batch.")

    @property
    def num_batches(self) -> int | None:
        """The number of batches; ``None`` for no end."""
        if hasattr(self, "__len__"):
            return len(self)
        raise NotImplementedError(
            f"{type(self).__name__} has to define `__len__`, the number of its batches, or a property `num_batches`, "
            "which is `None` when there is no end."
        )

    def __iter__(self) -> Iterator[Any]:
        index, known = 0, hasattr(self, "__len__") or type(self).num_batches is not PyDataset.num_batches
        while not known or self.num_batches is None or index < self.num_batches:
            yield self[index]
            index += 1

    def on_epoch_begin(self) -> None:
        """Called before each pass."""

    def on_epoch_end(self) -> None:
        """Called after each pass."""
