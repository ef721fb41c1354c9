"""Layer names as Keras gives them: the class in snake case, numbered from the second one on."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_given: Counter[str] = Counter()
_uids: Counter[str] = Counter()
_scopes = threading.local()


def snake_case(class_name: str) -> str:
    """``TimeDistributed`` -> ``time_distributed``, ``LSTMCell`` -> ``lstm_cell``, ``ConvLSTM2D`` -> ``conv_lstm2d``."""
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", class_name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def unique_name(class_name: str) -> str:
    """The next free name for a layer of this class in this process: ``lstm``, ``lstm_1``, ``lstm_2``, ..."""
    base = snake_case(class_name)
    number = _given[base]
    _given[base] += 1
    return f"{base}_{number}" if number else base


def clear_session() -> None:
    """``keras.utils.clear_session``: names of layers, losses and metrics are counted from the start again."""
    _given.clear()
    _uids.clear()


def uid(prefix: str) -> int:
    """How many times this was asked of ``prefix`` since :func:`clear_session`, from 1."""
    _uids[prefix] += 1
    return _uids[prefix]


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Inside, layers that are built belong to the one of this name."""
    _scopes.names = (*getattr(_scopes, "names", ()), name)
    try:
        yield
    finally:
        _scopes.names = _scopes.names[:-1]


def scoped(path: str) -> str:
    """``path`` behind the names of the layers that are being built around it."""
    return "/".join((*getattr(_scopes, "names", ()), path))


def current_path(name: str) -> str:
    """``name`` behind the names of the layers that are being built around it."""
    names = getattr(_scopes, "names", ())
    return "/".join(names if names and names[-1] == name else (*names, name))
