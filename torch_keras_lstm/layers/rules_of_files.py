"""The rules of the Keras that saved a file, for layers whose makers have no words for them.

A layer of ours is told of a rule by an argument, ``ends_mask=True``. A class of somebody's own whose constructor takes
no such argument, and a layer that its code makes, go by what holds around the making.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import nn

from torch_keras_lstm.layers.keywords import keywords_of

# The arguments of ours for what changed in Keras 3.16.
WORDS = ("ends_mask", "unseen_gives_zeros")

_OF_3_16: ContextVar[bool] = ContextVar("rules_of_3_16", default=False)


@contextmanager
def rules_of_3_16(hold: bool) -> Iterator[None]:
    """Whether layers that are made inside go by the rules from Keras 3.16 on; ``False`` leaves it as it is."""
    token = _OF_3_16.set(hold or _OF_3_16.get())
    try:
        yield
    finally:
        _OF_3_16.reset(token)


def hold_here() -> bool:
    """Whether what is made here goes by the rules from Keras 3.16 on."""
    return _OF_3_16.get()


def apart_from_rules(layer_class: type, config: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """``config`` without words for rules that the constructor does not take, and whether one of these holds."""
    words = [word for word in WORDS if word in config]
    untaken = [word for word in words if word not in keywords_of(layer_class)]
    taken = {name: value for name, value in config.items() if name not in untaken}
    return taken, any(config[word] for word in untaken)


def goes_by_3_16(layer: nn.Module) -> bool:
    """Whether all layers in a layer, itself among them, for which there are such rules go by them."""
    found = [getattr(part, word) for part in layer.modules() for word in WORDS if hasattr(part, word)]
    return bool(found) and all(found)
