"""Results of metrics as the plain numbers that callbacks get."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from torch_keras_lstm.structure import map_structure


def as_numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    """Floats by name, the names in alphabetical order; a metric that gives several numbers gives a NumPy array.

    What has a dictionary for its result is in the logs by the names in there, as in Keras.
    """
    numbers: dict[str, Any] = {}
    for name in sorted(results):
        value = results[name]
        numbers |= as_numbers(value) if isinstance(value, Mapping) else {name: _number(value)}
    return numbers


def as_array(value: Any) -> Any:
    """Predictions as NumPy arrays; bfloat16, which NumPy lacks, as float32."""

    def convert(tensor: Tensor) -> Any:
        tensor = tensor.detach().cpu()
        return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()

    return map_structure(convert, value)


def in_order(logs: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The values in the order of ``names``, then those of other names; alone if there is one."""
    known = [name for name in names if name in logs]
    values = [logs[name] for name in [*known, *sorted(logs.keys() - set(names))]]
    return values[0] if len(values) == 1 else values


def _number(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.item() if value.numel() == 1 and value.ndim == 0 else as_array(value)
    return float(value) if isinstance(value, int) else value
