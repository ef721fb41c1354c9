"""``keras.utils.pack_x_y_sample_weight`` and its inverse."""

from typing import Any


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Inputs, targets and weights as ``fit`` takes them: ``x``, or a tuple of as many as there are."""
    if y is None:
        return (x,) if isinstance(x, tuple | list) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of a batch, ``None`` for what it does not have.

    Raises:
        ValueError: for a tuple of another length.
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch has the form `x`, `(x,)`, `(x, y)` or `(x, y, sample_weight)`, got {len(data)} entries."
        )
    return (*data, None, None)[:3]
