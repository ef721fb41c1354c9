"""What one training step works on."""

from typing import Any, NamedTuple


class Batch(NamedTuple):
    """Inputs, targets and weights of some samples, each a tensor or a list or dictionary of them, or ``None``."""

    x: Any
    y: Any = None
    sample_weight: Any = None


def unpack(data: Any) -> Batch:
    """A batch from what a user's data source gives: ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``.

    Raises:
        ValueError: when a list or tuple has another length.
    """
    if not isinstance(data, list | tuple):
        return Batch(data)
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch has the form `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, got {len(data)} entries."
        )
    return Batch(*data)
