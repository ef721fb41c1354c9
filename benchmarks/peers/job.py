"""What a peer makes of a case."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray


class Job(NamedTuple):
    """A case, ready to run.

    Attributes:
        run: one call; when it returns, all of its results are there.
        results: what ``agreement.check`` compares, from a call of its own.
    """

    run: Callable[[], object]
    results: Callable[[], Mapping[str, NDArray[Any]]]
