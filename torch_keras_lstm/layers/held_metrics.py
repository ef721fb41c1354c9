"""The metrics that a layer keeps as attributes."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from torch_keras_lstm.structure import leaves

if TYPE_CHECKING:
    from torch_keras_lstm.metrics import Metric

# Attributes of torch's modules and of layers that hold many things, and no metrics.
_NOT_OF_THE_USER = frozenset(["_parameters", "_buffers", "_modules", "_inbound_nodes", "_rows", "_tensors", "_places"])


def held_metrics(layer: Any) -> Iterator["Metric"]:
    """The metrics among the attributes of a layer, also in lists and dictionaries."""
    from torch_keras_lstm.metrics import Metric

    for name, value in vars(layer).items():
        if isinstance(value, Metric):
            yield value
        elif type(value) in (list, tuple, dict) and value and name not in _NOT_OF_THE_USER:
            yield from leaves(Metric, value)
