"""``keras.utils.normalize``."""

from typing import Any

import numpy as np
import torch


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
