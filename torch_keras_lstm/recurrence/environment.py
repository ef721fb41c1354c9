"""The environment variables that choose what runs the steps, read once, when the package is imported."""

import os

BACKENDS = "TORCH_KERAS_LSTM_BACKENDS"
COMPILED = "TORCH_KERAS_LSTM_COMPILED"
PLANS = "TORCH_KERAS_LSTM_PLANS"


def wanted_backends() -> tuple[str, ...] | None:
    """The names that ``TORCH_KERAS_LSTM_BACKENDS`` lists, separated by commas; ``None`` where it is not set."""
    listed = [name.strip() for name in os.environ.get(BACKENDS, "").split(",")]
    return tuple(name for name in listed if name) or None


def wanted_vectors() -> str:
    """``TORCH_KERAS_LSTM_COMPILED``: "0" to do without the kernels in C, "1", or the vectors that they are to use."""
    return os.environ.get(COMPILED, "1")


def plans_are_wanted() -> bool:
    """Whether ``TORCH_KERAS_LSTM_PLANS`` is not "0": calls like the one before need not find out all anew."""
    return os.environ.get(PLANS, "1") != "0"
