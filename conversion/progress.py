"""How far the reading of a model's weights has come, for whoever shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Takes how many numbers were read, and how many there are.
Tell = Callable[[int, int], None]
_TELL: ContextVar[Tell | None] = ContextVar("tells of numbers that were read", default=None)


@contextmanager
def telling(tell: Tell) -> Iterator[None]:
    """Inside, ``tell`` is called each time that some of a model's weights were read."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def counting(total: int) -> Callable[[int], None]:
    """What to call with a number of numbers when so many more of ``total`` were read."""
    tell, done = _TELL.get(), 0

    def count(read: int) -> None:
        nonlocal done
        done += read
        if tell is not None:
            tell(done, total)

    return count
