"""What stands for a loss, metric, initializer or the like that a file names and nobody gave: it raises when it is used.

Such things of an author's own are not needed to run a model whose weights are in the file, so they do not stop loading.
"""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from torch_keras_lstm.losses import Loss
from torch_keras_lstm.metrics import Metric

_T = TypeVar("_T")


def absent_loss(entry: Any, reason: str) -> Loss | Callable[..., NoReturn]:
    """A loss by the name in ``entry``, its configuration in the file; computing it raises a ``ValueError``."""
    return _absent(entry, reason, Loss, "call")


def absent_metric(entry: Any, reason: str) -> Metric | Callable[..., NoReturn]:
    """A metric likewise."""
    return _absent(entry, reason, Metric, "update_state")


def is_absent(given: object) -> bool:
    """Whether ``given`` is one of these."""
    return getattr(given, "__module__", None) == __name__


def name_in(entry: Any) -> str:
    """The name in a configuration, a name alone, or ``{"class_name": "function", "config": name}``."""
    if not isinstance(entry, Mapping):
        return str(entry)
    is_function = entry.get("class_name") == "function" and isinstance(entry.get("config"), str)
    return str(entry["config"] if is_function else entry.get("class_name"))


def _absent(entry: Any, reason: str, base: type[_T], method: str) -> _T | Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ValueError(reason)

    name = name_in(entry)
    config = entry.get("config") if isinstance(entry, Mapping) else None
    if not isinstance(config, Mapping):
        refuse.__name__ = refuse.__qualname__ = name
        return refuse
    kept = dict(config)
    members = {method: refuse, "get_config": lambda self: kept, "__module__": __name__}
    made = type(name, (base,), members)
    absent: _T = made(name=kept["name"]) if isinstance(kept.get("name"), str) else made()
    return absent
