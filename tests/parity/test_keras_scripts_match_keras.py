"""The Keras scripts in ``examples/``, run here and, their import prefix changed back, in Keras 3 on TensorFlow."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close

EXAMPLES = Path(__file__).parents[2] / "examples"


class Fit(NamedTuple):
    """What one call of ``fit`` started from, gave and left behind."""

    before: list[np.ndarray]
    history: dict[str, list[float]]
    after: list[np.ndarray]


@pytest.fixture
def double_precision() -> Iterator[None]:
    """Both libraries in float64: the printed digits are then the same."""
    torch.set_default_dtype(torch.float64)
    with float64(keras):
        yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("double_precision")
@pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")  # Keras, of the first script's layers
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn:DeprecationWarning")  # Keras with NumPy 2
@pytest.mark.parametrize(("script", "fits"), [("keras_script.py", 1), ("keras_encoder_decoder.py", 2)])
def test_same_curves_and_same_output(
    script: str, fits: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = (EXAMPLES / script).read_text()
    monkeypatch.setenv("COLUMNS", "130")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)  # whose standing still leaves one look to each line
    theirs: list[Fit] = []
    with monkeypatch.context() as patched:
        _watch(patched, keras.Model, theirs, lambda model, number: None)
        expected = _printed(source.replace("torch_keras_lstm", "keras"), keras, capsys)
    ours: list[Fit] = []
    with monkeypatch.context() as patched:
        _watch(patched, torch_keras_lstm.Model, ours, lambda model, number: model.set_weights(theirs[number].before))
        got = _printed(source, torch_keras_lstm, capsys)
    assert len(ours) == len(theirs) == fits
    for mine, reference in zip(ours, theirs, strict=True):
        assert list(mine.history) == list(reference.history)
        for name, values in reference.history.items():
            assert_close(mine.history[name], values, "float64 curve", name)
        losses = reference.history["loss"]
        assert losses[-1] < losses[0], "it must train, or the test proves nothing"
        for weight, expected_weight in zip(mine.after, reference.after, strict=True):
            assert_close(weight, expected_weight, "float64 curve", "weights")
    assert got == expected


def _watch(patched: pytest.MonkeyPatch, model_class: Any, fits: list[Fit], prepare: Callable[[Any, int], None]) -> None:
    """Let ``fit`` take the samples in their order, and note what it does."""
    fit = model_class.fit

    def watched(model: Any, *args: Any, **kwargs: Any) -> Any:
        prepare(model, len(fits))
        before = model.get_weights()
        history = fit(model, *args, **kwargs, shuffle=False)
        fits.append(Fit(before, history.history, model.get_weights()))
        return history

    patched.setattr(model_class, "fit", watched)


def _printed(source: str, library: Any, capsys: pytest.CaptureFixture[str]) -> str:
    """What the script prints, but for the name of the folder that it writes to."""
    np.random.seed(0)  # noqa: NPY002 - what the first script draws from
    library.utils.clear_session()
    exec(compile(source, library.__name__, "exec"), {"__name__": "__main__"})
    return re.sub(r"/\S+/", "", capsys.readouterr().out)
