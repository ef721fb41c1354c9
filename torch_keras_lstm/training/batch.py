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


def pack(batch: Batch) -> Any:
    """A batch as Keras hands it to a ``train_step``: the parts that there are, ``x`` alone where it is one thing."""
    x, y, sample_weight = batch
    if sample_weight is not None:
        return (x, y, sample_weight)
    if y is not None:
        return (x, y)
    return (x,) if isinstance(x, list | tuple) else x
