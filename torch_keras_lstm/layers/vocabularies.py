"""What there is to do about vocabularies beside looking things up: where they come from, and what a file holds."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from torch_keras_lstm.strings import Strings

#: whether configurations hold what was learned, too
LEARNED: ContextVar[bool] = ContextVar("learned_vocabularies", default=False)


@contextmanager
def learned_vocabularies() -> Iterator[None]:
    """Within it configurations hold the vocabularies that were learned too, as those in files do."""
    token = LEARNED.set(True)
    try:
        yield
    finally:
        LEARNED.reset(token)


def batches_to_adapt_to(data: Any, steps: int | None = None) -> Iterator[Any]:
    """The batches in ``data``: an array or a list is one, in which a sample without axes is a row of one entry."""
    if isinstance(data, list | tuple):
        yield (
            [[one] for one in data] if all(isinstance(one, str | bytes) or np.ndim(one) == 0 for one in data) else data
        )
    elif isinstance(data, np.ndarray | Tensor | Strings):
        yield data.reshape(-1, 1) if data.ndim == 1 else data
    else:
        yield from islice(data, steps)


def as_salt(salt: Any) -> list[int] | None:
    """The two numbers that a hash depends on.

    Raises:
        ValueError: unless they are given as two integers, or as one for both.
    """
    if salt is None:
        return None
    if isinstance(salt, tuple | list) and len(salt) == 2:
        return [int(number) for number in salt]
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(f"`salt` must be an integer or two of them, got {salt!r}.")


def refuse_path(config: Mapping[str, Any]) -> None:
    """Raise a ``ValueError`` when the vocabulary in a configuration is a path, which only a user may give."""
    if isinstance(config.get("vocabulary"), str):
        raise ValueError(
            f"The configuration names a file as its vocabulary, {config['vocabulary']!r:.100}: no file is opened "
            "because a configuration names it. Read it yourself, and pass the tokens as `vocabulary`."
        )


def listed(values: Any) -> list[Any] | None:
    """A list or an array as a list of Python's own values; ``None`` stays."""
    if values is None:
        return None
    array = np.asarray(values) if hasattr(values, "__array__") else None
    return [value.item() if isinstance(value, np.generic) else value for value in (values if array is None else array)]


def lines_of(path: Path) -> list[str]:
    """The lines of a text file, which the user named.

    Raises:
        ValueError: when it is not there.
    """
    if not path.is_file():
        raise ValueError(f"Vocabulary file {path} does not exist.")
    return path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
