"""Ordinary Keras scripts: the same text in Keras 3 on TensorFlow and, with `keras` read as this package, here.

Each leaves a dictionary ``results``: curves, predictions, texts. Both sides start from the same weights, whose values
follow from their shapes, and take the samples in their order.
"""

import re
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close, largest_error

SCRIPTS = Path(__file__).parents[1] / "keras_scripts"
RANDOM = ("RandomNormal", "TruncatedNormal", "RandomUniform", "VarianceScaling", "Orthogonal")


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    with float64(keras, torch_keras_lstm):
        yield


def values_of(shape: Any) -> Any:
    sizes = tuple(int(size) for size in shape)
    return np.random.default_rng(zlib.crc32(repr(sizes).encode())).standard_normal(sizes) * 0.3


def run(name: str, library: ModuleType, patched: pytest.MonkeyPatch) -> dict[str, Any]:
    def for_keras(self: Any, shape: Any, dtype: Any = None) -> Any:
        return tf.constant(values_of(shape), dtype or keras.config.floatx())

    def here(self: Any, shape: Any, *args: Any, dtype: Any = None, device: Any = None, **kwargs: Any) -> Any:
        return torch.tensor(values_of(shape), dtype=dtype or torch.get_default_dtype(), device=device)

    for kind in RANDOM:
        patched.setattr(getattr(library.initializers, kind), "__call__", for_keras if library is keras else here)
    fit = library.Model.fit
    patched.setattr(library.Model, "fit", lambda self, *args, **kwargs: fit(self, *args, shuffle=False, **kwargs))
    library.utils.clear_session()
    source = (SCRIPTS / name).read_text()
    if library is not keras:
        source = re.sub(r"^import keras$", f"import {library.__name__} as keras", source, flags=re.MULTILINE)
        source = re.sub(
            r"^from tensorflow import keras$", f"import {library.__name__} as keras", source, flags=re.MULTILINE
        )
        source = re.sub(r"^from (tensorflow\.)?keras\b", f"from {library.__name__}", source, flags=re.MULTILINE)
    space: dict[str, Any] = {"__name__": "__main__"}
    with warnings.catch_warnings():
        # Keras' own, of input shapes, of NumPy 2, of its HDF5 format; here the same ones where they mean something.
        warnings.simplefilter("ignore")
        exec(compile(source, name, "exec"), space)
    return {"tolerance": space.get("tolerance"), **space["results"]}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.glob("*.py")))
def test_the_same_results(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        expected = run(name, keras, patched)
    with monkeypatch.context() as patched:
        got = run(name, torch_keras_lstm, patched)
    assert got.keys() == expected.keys()
    assert len(expected) > 2, "a script that leaves nothing proves nothing"
    tolerance = expected.pop("tolerance")
    for key, wanted in expected.items():
        if isinstance(wanted, str) or (isinstance(wanted, list) and isinstance(wanted[0], str)):
            assert got[key] == wanted, key
        elif tolerance is None:
            assert_close(got[key], wanted, "float64 curve", key)
        else:
            assert largest_error(got[key], wanted) <= tolerance, key
