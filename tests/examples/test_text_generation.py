import runpy
from pathlib import Path

import numpy as np
import pytest

from tests.tolerances import assert_close
from torch_keras_lstm import Sequential
from torch_keras_lstm.layers import Input

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "text_generation.py"))


@pytest.mark.slow
def test_it_beats_frequencies_on_held_out_text(capsys: pytest.CaptureFixture[str]) -> None:
    result = EXAMPLE["main"](epochs=6, units=64, characters=40_000, length=50)
    assert result.lstm < result.bigrams < result.unigrams
    assert result.sample.startswith(EXAMPLE["OPENING"])
    assert len(result.sample) == len(EXAMPLE["OPENING"]) + 50
    printed = capsys.readouterr().out
    assert f"LSTM                 {result.lstm:.3f}" in printed
    assert printed.rstrip("\n").endswith(result.sample)


def test_the_held_out_text_is_not_learnt_from() -> None:
    training, held_out = EXAMPLE["prose"]()
    assert len(held_out) > 5000
    assert not [paragraph for paragraph in held_out.split("\n") if paragraph in training]


def test_the_stateful_model_remembers_what_came_before() -> None:
    """Character by character it gives what the trained model gives for the whole text at once."""
    units, vocabulary = 7, 12
    model = Sequential([Input((None,), dtype="int32"), *EXAMPLE["layers"](vocabulary, units)])
    speaker = EXAMPLE["one_step_model"](model, vocabulary, units)
    text = np.random.default_rng(0).integers(0, vocabulary, (1, 20))
    expected = model.predict(text, verbose=0)
    for _ in range(2):
        speaker.reset_states()
        steps = [speaker.predict_on_batch(text[:, step : step + 1]) for step in range(20)]
        assert_close(np.concatenate(steps, axis=1), expected, "float32 model")


def test_a_low_temperature_takes_the_likeliest_character() -> None:
    alphabet = "".join(sorted({*EXAMPLE["OPENING"], *"xyz"}))
    model = Sequential([Input((None,), dtype="int32"), *EXAMPLE["layers"](len(alphabet), 9)])
    model.set_weights([3 * weight for weight in model.get_weights()])
    text = EXAMPLE["write"](EXAMPLE["one_step_model"](model, len(alphabet), 9), alphabet, 12, 1e-6)
    logits = model.predict(np.array([[alphabet.index(one) for one in text[:-1]]]), verbose=0)
    likeliest = "".join(alphabet[index] for index in logits[0].argmax(axis=-1))
    start = len(EXAMPLE["OPENING"])
    assert text[start:] == likeliest[start - 1 :]


def test_frequencies_are_measured_as_they_are_in_the_text() -> None:
    training = np.array([0, 1, 0, 1, 0, 2])
    pairs, singles = EXAMPLE["bits_of_frequencies"](training, np.array([0, 1]), np.array([1, 0]), 3)
    assert singles == pytest.approx(-np.log2([3 / 9, 4 / 9]).mean())
    assert pairs == pytest.approx(-np.log2([3 / 6, 3 / 5]).mean())
