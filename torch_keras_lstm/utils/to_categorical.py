"""``keras.utils.to_categorical``."""

from typing import Any

import numpy as np
import torch


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Class indices (...) or (..., 1) as one-hot rows (..., num_classes).

    Args:
        x: integers from 0 to ``num_classes - 1``, an array or a tensor; fractions are cut off.
        num_classes: by default one more than the largest index.

    Returns:
        0 and 1: float64 as an array; for a tensor a tensor of torch's default type, in which a class
        out of range is all zeros, as in Keras.

    Raises:
        ValueError: when an index of an array does not lie in that range, or there is none to take ``num_classes`` from.
    """
    if isinstance(x, torch.Tensor):
        numbers = x.squeeze(-1) if x.dim() > 1 and x.shape[-1] == 1 else x
        count = num_classes or int(numbers.max()) + 1
        return (numbers.unsqueeze(-1) == torch.arange(count, device=x.device)).to(torch.get_default_dtype())
    indices = np.asarray(x).astype(np.int64)
    if indices.ndim > 1 and indices.shape[-1] == 1:
        indices = indices[..., 0]
    if not num_classes:
        if not indices.size:
            raise ValueError("`x` holds no class, so `num_classes` must be given.")
        num_classes = int(indices.max()) + 1
    if indices.size and (indices.min() < 0 or indices.max() >= num_classes):
        raise ValueError(
            f"Classes must lie in [0, {num_classes - 1}], got classes from {indices.min()} to {indices.max()}."
        )
    rows = np.zeros((*indices.shape, num_classes))
    np.put_along_axis(rows, indices[..., None], 1.0, axis=-1)
    return rows
