"""Arrays as Keras scripts prepare them: one-hot classes, unit vectors."""

from typing import Any

import numpy as np
import torch


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """One-hot vectors of classes.

    Args:
        x: whole numbers from 0 on, of any shape; a last axis of size 1 is dropped. A tensor gives a tensor.
        num_classes: by default the largest number, plus 1.

    Returns:
        0 and 1 (*shape, classes): float64 as an array, of torch's default type as a tensor.

    Raises:
        IndexError: for an array with a class that is not below ``num_classes``; in a tensor it is all zeros.
    """
    if isinstance(x, torch.Tensor):
        numbers = x.squeeze(-1) if x.dim() > 1 and x.shape[-1] == 1 else x
        count = num_classes or int(numbers.max()) + 1
        return (numbers[..., None] == torch.arange(count, device=x.device)).to(torch.get_default_dtype())
    classes = np.asarray(x, np.int64)
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    count = num_classes or int(classes.max()) + 1
    return np.eye(count)[classes]


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """``x`` over its norms along an axis; what has norm 0 stays 0.

    Args:
        x: an array or a tensor.
        axis: along which a vector lies.
        order: of the norm, as in ``numpy.linalg.norm``.
    """
    if isinstance(x, torch.Tensor):
        norms = torch.linalg.vector_norm(x, order, dim=axis, keepdim=True)
        return x / torch.where(norms == 0, 1.0, norms)
    array = np.asarray(x)
    norms = np.linalg.norm(array, order, axis, keepdims=True)
    return array / np.where(norms == 0, 1, norms)
