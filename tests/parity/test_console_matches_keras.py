"""What is printed: summaries and progress lines, character by character as Keras 3 prints them."""

import time
from typing import Any

import keras
import pytest

import torch_keras_lstm
from torch_keras_lstm.callbacks.progress_line import ProgressLine

LOGS = {"accuracy": 0.52604, "loss": 1.5e-4, "negative": -0.25}


def summary(library: Any, **arguments: Any) -> str:
    layers = library.layers
    text: list[str] = []
    steps, extra = layers.Input((5, 3), name="steps"), layers.Input((3,), name="extra")
    hidden, state, _ = layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")(steps)
    joined = layers.Add(name="sum")([state, extra])
    model = library.Model([steps, extra], [layers.Dense(2, name="out")(joined), hidden], name="graph")
    model.summary(print_fn=text.append, **arguments)
    inner = library.Sequential([layers.LSTM(4, name="a", return_sequences=True), layers.LSTM(2, name="b")], name="in")
    chain = library.Sequential([layers.Input((10, 5)), inner, layers.Dense(1, name="c")], name="chain[0]")
    inner.layers[0].trainable = False
    chain.summary(print_fn=text.append, expand_nested=True, **arguments)
    library.Sequential([layers.LSTM(3, name="d")], name="free").summary(print_fn=text.append, **arguments)
    return "\n".join(text)


@pytest.mark.parametrize("arguments", [{}, {"show_trainable": True}, {"line_length": 60}], ids=str)
def test_summaries(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "130")
    assert summary(torch_keras_lstm, **arguments) == summary(keras, **arguments)


def masked(library: Any, **arguments: Any) -> str:
    """Models in which masks are made, handed on by layers, ended by initial states, shared, and not used."""
    layers = library.layers
    library.utils.clear_session()
    text: list[str] = []
    tokens, steps = layers.Input((6,), dtype="int32", name="tokens"), layers.Input((6, 4), name="steps")
    hidden = layers.Dense(4)(layers.Dropout(0.1)(layers.Embedding(5, 4, mask_zero=True)(tokens)))
    hidden = layers.TimeDistributed(layers.Dense(3))(layers.LSTM(4, return_sequences=True)(hidden))
    other, *states = layers.LSTM(3, return_sequences=True, return_state=True)(layers.Masking(0.5)(steps))
    hidden = layers.LSTM(3, return_sequences=True)(hidden, initial_state=states)
    attended = layers.MultiHeadAttention(2, 3)(hidden, other)
    joined = layers.GRU(2)(layers.Add()([hidden, other]) * 2)
    models = [library.Model([tokens, steps], [attended, joined, layers.GlobalAveragePooling1D()(hidden)])]
    models.append(library.Model(tokens, layers.LSTM(2)(layers.Embedding(5, 3, mask_zero=True)(tokens))))
    models.append(library.Model(tokens, layers.Dense(2)(layers.Embedding(5, 3, mask_zero=True)(tokens))))
    second = layers.Input((6,), dtype="int32", name="second")
    embedding, both_ways = layers.Embedding(5, 3, mask_zero=True), layers.Bidirectional(layers.LSTM(2))
    models.append(library.Model([tokens, second], [both_ways(embedding(one)) for one in (tokens, second)]))
    for model in models:
        model.summary(print_fn=text.append, **arguments)
    return "\n".join(text)


@pytest.mark.parametrize("arguments", [{}, {"show_trainable": True}], ids=str)
def test_summaries_with_masks(arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The operations that give the masks are rows of their own."""
    monkeypatch.setenv("COLUMNS", "130")
    assert masked(torch_keras_lstm, **arguments) == masked(keras, **arguments)


def test_progress_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A clock that stands still leaves the layout alone to compare."""
    monkeypatch.setattr(time, "time", lambda: 0.0)
    for target in (7, 120):
        theirs = keras.utils.Progbar(target, stateful_metrics=[*LOGS], interval=0.0)
        ours = ProgressLine(target)
        for step in (1, 3, 7):
            theirs.update(step, [*LOGS.items()], finalize=False)
            expected = capsys.readouterr().out
            ours.draw(step, LOGS)
            assert capsys.readouterr().out == expected
        theirs.update(target, [*LOGS.items()], finalize=True)
        expected = capsys.readouterr().out
        ours.finish(target, LOGS)
        assert capsys.readouterr().out == expected
        quiet = keras.utils.Progbar(target, verbose=2, stateful_metrics=[*LOGS])
        quiet.update(target, [*LOGS.items()], finalize=True)
        expected = capsys.readouterr().out
        ProgressLine(target).finish_plain(target, LOGS)
        assert capsys.readouterr().out == expected
