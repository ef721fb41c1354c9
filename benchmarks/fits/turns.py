"""Epoch by epoch, when it is one's turn."""

import time
from multiprocessing.connection import Connection


class Turns:
    """At the start of an epoch wait for the parent's word, at its end tell the seconds and the loss."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.start = 0.0

    def begin(self) -> None:
        """Wait, then start the clock."""
        self.connection.recv()
        self.start = time.perf_counter()

    def end(self, loss: float) -> None:
        """Stop the clock."""
        self.connection.send((True, (time.perf_counter() - self.start, loss)))
