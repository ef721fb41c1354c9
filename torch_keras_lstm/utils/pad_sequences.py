"""``keras.utils.pad_sequences``."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> NDArray[Any]:
    """Sequences of different lengths as one array.

    Args:
        sequences: each (steps,) or (steps, ...), the axes after the first alike in all.
        maxlen: steps in the result; by default those of the longest sequence.
        dtype: of the result.
        padding: "pre" puts ``value`` before a shorter sequence, "post" after it.
        truncating: "pre" takes what is too long from the start of a sequence, "post" from its end.
        value: at the steps that a sequence does not have.

    Returns:
        (sequences, maxlen) or (sequences, maxlen, ...).

    Raises:
        ValueError: when ``sequences`` or one of them is none or has steps of another shape, when there is none to take
            ``maxlen`` from, or when ``padding`` or ``truncating`` is something else.
    """
    for argument, given in (("padding", padding), ("truncating", truncating)):
        if given not in ("pre", "post"):
            raise ValueError(f'`{argument}` is "pre" or "post", got {given!r}.')
    if not hasattr(sequences, "__len__"):
        raise ValueError(f"`sequences` must be a list of sequences, got {sequences!r:.100}.")
    if isinstance(value, str) and dtype is not object and np.dtype(dtype).kind not in "SU":
        raise ValueError(f"`value` is a string, which dtype {dtype!r} cannot hold: use `dtype=object`.")
    rows = [np.asarray(sequence) for sequence in sequences]
    if not rows and maxlen is None:
        raise ValueError("`sequences` is empty, so `maxlen` must be given.")
    for index, row in enumerate(rows):
        if not row.ndim:
            raise ValueError(f"`sequences` holds sequences, got {sequences[index]!r} at place {index}.")
    step_shape = next((row.shape[1:] for row in rows if len(row)), ())
    steps = max(map(len, rows)) if maxlen is None else maxlen
    padded = np.full((len(rows), steps, *step_shape), value, dtype)
    for index, row in enumerate(rows):
        if not len(row):
            continue
        if row.shape[1:] != step_shape:
            raise ValueError(
                f"The steps of all sequences must have one shape, but there are {step_shape} and, at place {index}, "
                f"{row.shape[1:]}."
            )
        kept = row[max(len(row) - steps, 0) :] if truncating == "pre" else row[:steps]
        start = steps - len(kept) if padding == "pre" else 0
        padded[index, start : start + len(kept)] = kept
    return padded
