"""Bounds with slope 1 where a value lies exactly on them, as TensorFlow's ``clip_by_value`` and ``maximum`` have it.

``torch.clamp`` had that slope up to 2.13 and has 0 from 2.14.1 on. Here it is written out.
"""

import torch
from torch import Tensor


def at_least(x: Tensor, low: float) -> Tensor:
    """``x``, or ``low`` where it is less; nan stays nan."""
    return torch.where(x < low, low, x)


def at_most(x: Tensor, high: float) -> Tensor:
    """``x``, or ``high`` where it is more; nan stays nan."""
    return torch.where(x > high, high, x)


def clip(x: Tensor, low: float, high: float) -> Tensor:
    """``x`` within ``low`` and ``high``; nan stays nan."""
    return at_most(at_least(x, low), high)
