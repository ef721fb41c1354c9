"""``keras.utils.set_random_seed``."""

import operator
import random
from typing import SupportsIndex

import numpy as np
import torch


def set_random_seed(seed: SupportsIndex) -> None:
    """Seed Python's, NumPy's and torch's global generators, from which weights, orders and dropout masks are drawn.

    Raises:
        ValueError: when ``seed`` is no whole number, as in Keras, or not in [0, 2**32 - 1], which is what NumPy takes.
    """
    try:
        seed = operator.index(seed)
    except TypeError:
        raise ValueError(f"`seed` must be a whole number, got {seed!r}.") from None
    np.random.seed(seed)  # noqa: NPY002 - what Keras scripts draw from
    random.seed(seed)
    torch.manual_seed(seed)
