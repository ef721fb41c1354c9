"""The dropout masks that a call draws: as many, as large and scaled as those of Keras 3.8 and later, run live."""

from itertools import product
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from torch_keras_lstm.layers import LSTM

BATCH, TIME, FEATURES, UNITS = 50, 3, 40, 30
RATES = (0.0, 0.25, 1.0)


def keras_masks(config: dict[str, Any]) -> list[list[np.ndarray]]:
    """What a training call of Keras multiplies with, for the inputs and for the hidden state: one mask, or one a gate.

    Keras draws masks that its cell then does not use, at a rate of 1; those do not count.
    """
    layer = keras.layers.LSTM(UNITS, use_cudnn=False, **config)
    drawn: dict[str, Any] = {}
    layer.build((BATCH, TIME, FEATURES))
    for name in ("dropout", "recurrent_dropout"):
        original = getattr(layer.cell, f"get_{name}_mask")

        def recorded(step: Any, name: str = name, original: Any = original) -> Any:
            drawn[name] = original(step)
            return drawn[name]

        setattr(layer.cell, f"get_{name}_mask", recorded)
    layer(tf.ones((BATCH, TIME, FEATURES)), training=True)
    masks = []
    for name in ("dropout", "recurrent_dropout"):
        mask = drawn.get(name) if 0 < config[name] < 1 else None
        masks.append([] if mask is None else [one.numpy() for one in (mask if isinstance(mask, list) else [mask])])
    return masks


@pytest.mark.parametrize(("dropout", "recurrent_dropout"), list(product(RATES, RATES)))
def test_as_many_masks_of_the_same_shape_and_scale(dropout: float, recurrent_dropout: float) -> None:
    config: dict[str, Any] = {"dropout": dropout, "recurrent_dropout": recurrent_dropout, "seed": 1, "dtype": "float32"}
    ours = LSTM(UNITS, input_size=FEATURES, **config).draw_dropout(torch.ones(BATCH, TIME, FEATURES), training=True)
    for mine, theirs in zip(ours, keras_masks(config), strict=True):
        if not theirs:
            assert mine is None
            continue
        assert mine is not None
        assert tuple(mine.shape) == (len(theirs), *theirs[0].shape)
        assert set(mine.unique().tolist()) == set(np.unique(theirs).tolist())
        for one, other in zip(mine, theirs, strict=True):
            # shares of zeros among 1200 draws or more at 0.25: five standard deviations of their difference
            assert abs((one == 0).float().mean().item() - (other == 0).mean()) < 0.09
        assert len({one.numpy().tobytes() for one in mine}) == len(theirs), "each gate has a mask of its own"
