"""How often something is saved."""

from numbers import Integral


class SaveFrequency:
    """At the end of each epoch, or after every so many batches.

    Args:
        frequency: "epoch" or a number of batches.

    Raises:
        ValueError: when it is neither.
    """

    def __init__(self, frequency: str | int) -> None:
        is_number = isinstance(frequency, Integral) and not isinstance(frequency, bool) and frequency > 0
        if frequency != "epoch" and not is_number:
            raise ValueError(f"`save_freq` is 'epoch' or a number of batches, got {frequency!r}.")
        self.each_epoch = frequency == "epoch"
        self._batches = 0 if isinstance(frequency, str) else int(frequency)
        self._since = 0
        self._last: int | None = None

    def is_due(self, batch: int) -> bool:
        """Whether to save after this batch of the epoch; called after each of them, or every few."""
        if self.each_epoch:
            return False
        is_new_epoch = self._last is None or batch <= self._last
        self._since += batch + 1 if is_new_epoch or self._last is None else batch - self._last
        self._last = batch
        if self._since < self._batches:
            return False
        self._since = 0
        return True
