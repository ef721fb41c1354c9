"""Write like Python's reference manual: a character LSTM, and a stateful one-step model that speaks for it.

The text is the prose of the help topics that come with every Python (``pydoc_data.topics``). The model learns to tell
the next character from those before; how well is measured in bits per character on the last tenth of the paragraphs,
which it was not trained on, against the frequencies of characters alone and after the one before.

    python examples/text_generation.py [--epochs 16] [--units 192] [--temperature 0.6]
"""

import argparse
import math
import re
from pydoc_data.topics import topics
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from torch_keras_lstm import Sequential
from torch_keras_lstm.layers import LSTM, Dense, Embedding, Input
from torch_keras_lstm.losses import SparseCategoricalCrossentropy
from torch_keras_lstm.optimizers import Adam
from torch_keras_lstm.utils import set_random_seed

WINDOW = 100  # characters that the model sees at once in training
OPENING = "The value of the expression "

Indices = NDArray[np.int64]


class Result(NamedTuple):
    """Bits per character on held-out text, by the model and by frequencies, and what the model wrote."""

    lstm: float
    bigrams: float
    unigrams: float
    sample: str


def prose(characters: int | None = None) -> tuple[str, str]:
    """The text to learn from, its first ``characters`` or all of them, and the text that is held out.

    Programs, grammars and tables are left out, and each paragraph is taken once: some topics quote others.
    """
    paragraphs = dict.fromkeys(part for topic in topics.values() for part in topic.split("\n\n"))
    plain = [" ".join(part.split()) for part in paragraphs if re.match(r"[A-Z]", part) and "::=" not in part]
    text = [part for part in plain if part.isascii() and len(part) > 80]
    split = len(text) * 9 // 10
    return "\n".join(text[:split])[:characters], "\n".join(text[split:])


def windows(indices: Indices) -> tuple[Indices, Indices]:
    """The text cut into rows (rows, WINDOW), and the character that follows each of theirs."""
    rows = (len(indices) - 1) // WINDOW
    return indices[: rows * WINDOW].reshape(rows, WINDOW), indices[1 : rows * WINDOW + 1].reshape(rows, WINDOW)


def layers(vocabulary: int, units: int, stateful: bool = False) -> list[Any]:
    """The layers of both models: the logits of the next character after each."""
    return [
        Embedding(vocabulary, 32),
        LSTM(units, return_sequences=True, stateful=stateful),
        Dense(vocabulary),
    ]


def one_step_model(model: Sequential, vocabulary: int, units: int) -> Sequential:
    """A model with the weights of ``model`` that takes one character at a time and remembers those before."""
    speaker = Sequential([Input(batch_shape=(1, 1), dtype="int32"), *layers(vocabulary, units, stateful=True)])
    speaker.set_weights(model.get_weights())
    return speaker


def write(speaker: Sequential, alphabet: str, length: int, temperature: float) -> str:
    """Go on from ``OPENING``: the lower the temperature, the likelier the characters."""
    rng = np.random.default_rng(0)
    speaker.reset_states()
    text = OPENING
    for character in OPENING:
        logits = speaker.predict_on_batch(np.array([[alphabet.index(character)]]))
    for _ in range(length):
        scores = logits[0, 0].astype("float64") / temperature
        odds = np.exp(scores - scores.max())
        chosen = rng.choice(len(alphabet), p=odds / odds.sum())
        text += alphabet[chosen]
        logits = speaker.predict_on_batch(np.array([[chosen]]))
    return text


def bits_of_frequencies(training: Indices, x: Indices, y: Indices, vocabulary: int) -> tuple[float, float]:
    """Bits per character of ``y`` by how often characters, and pairs of them, stand in the text; one is added to each.

    Args:
        training: the text to count in.
        x: the character before each of ``y``.
    """
    pairs = np.ones((vocabulary, vocabulary))
    np.add.at(pairs, (training[:-1], training[1:]), 1)
    singles = np.bincount(training, minlength=vocabulary) + 1
    after = pairs / pairs.sum(axis=1, keepdims=True)
    return float(-np.log2(after[x, y]).mean()), float(-np.log2((singles / singles.sum())[y]).mean())


def main(
    epochs: int = 16, units: int = 192, temperature: float = 0.6, characters: int | None = None, length: int = 600
) -> Result:
    """Train, measure and write; print and return the figures and the text.

    Args:
        epochs: passes through the text.
        units: of the LSTM.
        temperature: of the writing.
        characters: how much of the text to learn from; all of it by default.
        length: characters to write.
    """
    set_random_seed(0)
    training_text, held_out_text = prose(characters)
    alphabet = "".join(sorted({*training_text, *held_out_text, *OPENING}))
    training, held_out = (np.array([alphabet.index(one) for one in text]) for text in (training_text, held_out_text))
    print(f"{len(training):,} characters to learn from, {len(held_out):,} held out, {len(alphabet)} different ones")

    model = Sequential([Input((None,), dtype="int32"), *layers(len(alphabet), units)])
    model.compile(optimizer=Adam(0.004), loss=SparseCategoricalCrossentropy(from_logits=True))
    x, y = windows(training)
    held_out_x, held_out_y = windows(held_out)
    model.fit(x, y, batch_size=16, epochs=epochs, validation_data=(held_out_x, held_out_y))

    lstm = model.evaluate(held_out_x, held_out_y, verbose=0) / math.log(2)
    bigrams, unigrams = bits_of_frequencies(training, held_out_x, held_out_y, len(alphabet))
    sample = write(one_step_model(model, len(alphabet), units), alphabet, length, temperature)
    print("bits per character on held-out text:")
    for name, bits in {"LSTM": lstm, "pairs of characters": bigrams, "characters alone": unigrams}.items():
        print(f"  {name:20} {bits:.3f}")
    print(f"\nWritten at temperature {temperature}:\n{sample}")
    return Result(lstm, bigrams, unigrams, sample)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--units", type=int, default=192)
    parser.add_argument("--temperature", type=float, default=0.6)
    main(**vars(parser.parse_args()))
