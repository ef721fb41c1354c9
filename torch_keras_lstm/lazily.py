"""Names of a module that are imported when they are asked for, and words for those that are not there at all."""

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from torch_keras_lstm.registry import close_match


def lazily(module: str, elsewhere: Mapping[str, str], absent: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__``.

    Args:
        module: its name.
        elsewhere: the module that each name comes from; one that ends in the name itself is the value.
        absent: what to use in the place of names that Keras has and this package has not.
    """

    def get(name: str) -> Any:
        source = elsewhere.get(name)
        if source is not None:
            found = importlib.import_module(source)
            value = found if source.rpartition(".")[2] == name and name not in vars(found) else getattr(found, name)
            setattr(sys.modules[module], name, value)
            return value
        if name in absent:
            raise AttributeError(f"`{module}` has no {name!r}, which Keras has: {absent[name]}.")
        here = vars(sys.modules[module])
        known = [*elsewhere, *here.get("__all__", (one for one in here if not one.startswith("_")))]
        raise AttributeError(f"`{module}` has no {name!r}. {close_match(name, known)}")

    return get
