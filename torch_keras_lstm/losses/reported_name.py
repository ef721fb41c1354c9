"""The name under which a loss or a metric is reported when its user gave none."""

import re

from torch_keras_lstm.layers.naming import snake_case


def name_of(item: object) -> str:
    """The ``name`` of a loss or metric; for a function or any other object its own or its class' name in snake case."""
    if hasattr(item, "name"):
        return str(item.name)
    return snake_case(re.sub(r"\W", "", getattr(item, "__name__", type(item).__name__)))
