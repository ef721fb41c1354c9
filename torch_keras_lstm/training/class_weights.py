"""``class_weight``: a weight for each sample after its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.structure import is_nested


def class_weights_to_sample_weights(y: Any, class_weight: Mapping[int, float], dtype: torch.dtype) -> Tensor:
    """The weight of each sample's class, 1 for classes that ``class_weight`` does not name, as in Keras.

    Args:
        y: targets: (samples,) or (samples, 1) class indices, or (samples, ..., classes) one-hot.
        class_weight: by the class' index.
        dtype: of the result.

    Returns:
        Of the shape of ``y`` without its last axis: one weight a sample, or one for each of its steps.

    Raises:
        ValueError: when ``class_weight`` is not a dictionary, or the targets are those of several outputs.
    """
    if not isinstance(class_weight, Mapping):
        raise ValueError(f"`class_weight` is a dictionary of weights by class index, got {class_weight!r}.")
    if y is None or is_nested(y):
        raise ValueError("`class_weight` needs the targets `y` of a model with one output.")
    targets = torch.as_tensor(y).cpu()
    if targets.ndim > 1:
        targets = targets.argmax(-1) if targets.shape[-1] != 1 else targets.squeeze(-1)
    classes = np.round(targets.numpy()).astype(np.int64)
    found, places = np.unique(classes, return_inverse=True)
    weights = np.array([float(class_weight.get(int(one), 1.0)) for one in found])
    return torch.as_tensor(weights[places.reshape(classes.shape)], dtype=dtype)
