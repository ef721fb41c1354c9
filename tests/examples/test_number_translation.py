import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from num2words import num2words

from tests.tolerances import assert_close

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "number_translation.py"))


@pytest.mark.slow
def test_it_translates_numbers_that_it_has_not_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot = tmp_path / "curves.png"
    figures = EXAMPLE["main"](epochs=15, limit=1000, training=600, held_out=100, plot=str(plot))
    assert figures.exact > 0.5
    assert figures.nearest_exact == 0, "no two numbers have one translation"
    assert figures.words > figures.nearest_words + 0.1
    assert plot.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert f"LSTM             {figures.exact:6.1%} right" in printed
    assert "814: eight hundred and fourteen -> " in printed


def test_the_nearest_number_is_what_it_has_to_beat() -> None:
    """Untrained, it does worse."""
    figures = EXAMPLE["main"](epochs=1, units=8, limit=300, training=100, held_out=20)
    assert figures.words < figures.nearest_words


@pytest.mark.parametrize("code", ["en", "fr"])
def test_sentences_come_back_from_their_indices(code: str) -> None:
    language = EXAMPLE["Language"](code, 1200)
    numbers = [*range(0, 1200, 7), 71, 80, 1000]
    rows = language.indices(numbers, after=("<end>",))
    assert [language.sentence(row) for row in rows] == [num2words(one, lang=code).replace(",", "") for one in numbers]


def test_word_by_word_the_decoder_says_what_the_trained_model_says() -> None:
    rng = np.random.default_rng(0)
    model, encoder, decoder = EXAMPLE["build"](9, 11, 6)
    source, target = rng.integers(1, 9, (4, 5)), rng.integers(1, 11, (4, 7))
    source[1:, 3:] = 0  # padding, which the encoder's mask leaves out
    assert_close(encoder.predict(source[1:], verbose=0), encoder.predict(source[1:, :3], verbose=0), "float32 model")
    states: list[Any] = encoder.predict(source, verbose=0)
    steps = []
    for step in range(7):
        odds, *states = decoder.predict([target[:, step : step + 1], *states], verbose=0)
        steps.append(odds)
    assert_close(np.concatenate(steps, axis=1), model.predict([source, target], verbose=0), "float32 model")


def test_greedy_translation_goes_on_from_its_own_words() -> None:
    _, encoder, decoder = EXAMPLE["build"](9, 11, 6)
    source = np.random.default_rng(1).integers(1, 9, (4, 5))
    got = EXAMPLE["translate"](encoder, decoder, source, start=1, longest=3)
    states = encoder.predict(source, verbose=0)
    word = np.full((4, 1), 1)
    for step in range(3):
        odds, *states = decoder.predict([word, *states], verbose=0)
        word = odds.argmax(axis=-1)
        np.testing.assert_array_equal(got[:, step : step + 1], word)
