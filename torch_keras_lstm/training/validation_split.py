"""``validation_split``: the last part of the arrays, held back from training."""

import math

from torch_keras_lstm.structure import first_tensor, map_structure
from torch_keras_lstm.training.batch import Batch
from torch_keras_lstm.training.data_tensors import as_arrays, is_array_data


def split(data: Batch, fraction: float) -> tuple[Batch, Batch]:
    """The samples before and after the cut, which leaves at least ``fraction`` of them, rounded up, at the end.

    Raises:
        ValueError: when the data are no arrays, or one of the parts would be empty.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"`validation_split` is a fraction between 0 and 1, got {fraction!r}.")
    arrays = Batch(*map(as_arrays, data))
    if not is_array_data(arrays):
        raise ValueError(
            "`validation_split` needs arrays or tensors, which have an end to cut off; give `validation_data` with "
            "any other source."
        )
    samples = len(first_tensor(arrays))
    at = math.floor(samples * (1.0 - fraction))
    if at in (0, samples):
        raise ValueError(
            f"There are {samples} samples, too few to keep some for training and some for validation with "
            f"`validation_split={fraction}`."
        )
    return _rows(arrays, slice(at)), _rows(arrays, slice(at, None))


def _rows(data: Batch, rows: slice) -> Batch:
    return Batch(*(map_structure(lambda array: array[rows], part) for part in data))
