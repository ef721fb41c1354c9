"""Keras' global precision, switched to float64 and back: its two settings, the second of which Keras caches."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import keras


@contextmanager
def float64(*libraries: ModuleType) -> Iterator[None]:
    """Layers of ``libraries``, keras, tf_keras and this package, that are made inside have float64 by default."""
    _set(libraries, "float64")
    try:
        yield
    finally:
        _set(libraries, "float32")


def _set(libraries: tuple[ModuleType, ...], dtype: str) -> None:
    for library in libraries:
        library.backend.set_floatx(dtype)
        if library is keras:  # the policy is made of floatx once, at the first layer, and stays
            keras.config.set_dtype_policy(dtype)
