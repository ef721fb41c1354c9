"""The predictions of many batches as one array."""

from typing import Any

import numpy as np

from torch_keras_lstm.structure import map_structure
from torch_keras_lstm.training.logs import as_array


class Predictions:
    """Collects what a model gives."""

    def __init__(self) -> None:
        self._batches: list[Any] = []

    def extend(self, outputs: list[Any]) -> None:
        """Take the outputs of some batches."""
        self._batches += [as_array(one) for one in outputs]

    def whole(self) -> Any:
        """All of them, in the structure of the outputs.

        Raises:
            ValueError: when there was no batch, or the batches differ in more than their number of samples.
        """
        if not self._batches:
            raise ValueError("There is nothing to predict: the data gave no batch.")
        return map_structure(_concatenate, *self._batches) if len(self._batches) > 1 else self._batches[0]


def _concatenate(*arrays: Any) -> Any:
    shapes = {array.shape[1:] for array in arrays}
    if len(shapes) > 1:
        raise ValueError(
            f"The predictions of the batches have the shapes {sorted(shapes)} and make no one array: predict each "
            "batch with `predict_on_batch`."
        )
    return np.concatenate(arrays)
