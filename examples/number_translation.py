"""Translate numbers from English into French: an encoder-decoder with masks, trained by teacher forcing.

The sentences come from num2words. French counts from 70 to 99 by twenties and joins some words by hyphens, so there is
more to it than exchanging words. The encoder reads the English words both ways; its states start the decoder, which
says one French word after the other, in training after the right one and in translation after its own. The figures are
of numbers that it was not trained on, against the translation of the nearest number that it was.

    python examples/number_translation.py [--epochs 12] [--units 64] [--plot curves.png]
"""

import argparse
import re
from typing import Any, NamedTuple

import numpy as np
from num2words import num2words
from numpy.typing import NDArray

from torch_keras_lstm import Input, Model
from torch_keras_lstm.callbacks import EarlyStopping
from torch_keras_lstm.layers import LSTM, Bidirectional, Concatenate, Dense, Embedding
from torch_keras_lstm.optimizers import Adam
from torch_keras_lstm.utils import pad_sequences, set_random_seed

START, END = "<start>", "<end>"
Indices = NDArray[np.int32]


class Figures(NamedTuple):
    """Of the held-out numbers: the share that is translated right, and the share of words that are right."""

    exact: float
    words: float
    nearest_exact: float
    nearest_words: float


class Language:
    """The words of one language's numbers, and their indices; 0 is padding.

    Args:
        code: of the language in num2words.
        limit: the numbers from 0 up to this one are known.
    """

    def __init__(self, code: str, limit: int) -> None:
        sentences = [num2words(number, lang=code) for number in range(limit)]
        self.words = [re.findall(r"\w+|-", sentence) for sentence in sentences]
        self.longest = max(map(len, self.words))
        known = sorted({word for sentence in self.words for word in sentence})
        self.vocabulary = ["", START, END, *known]
        self._indices = {word: index for index, word in enumerate(self.vocabulary)}

    def indices(self, numbers: Any, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Indices:
        """The sentences of ``numbers``, with words before and after each, padded to (numbers, longest + 1)."""
        sentences = ([*before, *self.words[number], *after] for number in numbers)
        rows = [[self._indices[word] for word in sentence] for sentence in sentences]
        return pad_sequences(rows, maxlen=self.longest + 1, padding="post")

    def sentence(self, indices: Any) -> str:
        """The words of a row up to its end, as they are written."""
        words = [self.vocabulary[index] for index in indices]
        return " ".join(words[: words.index(END)] if END in words else words).replace(" - ", "-")


def build(source_words: int, target_words: int, units: int) -> tuple[Model, Model, Model]:
    """The model to train, and two of the same layers: the encoder, and the decoder of one word at a time."""
    source = Input((None,), dtype="int32", name="source")
    read = Bidirectional(LSTM(units // 2, return_state=True), name="reader")
    _, forward_h, forward_c, backward_h, backward_c = read(Embedding(source_words, 32, mask_zero=True)(source))
    states = [Concatenate()([forward_h, backward_h]), Concatenate()([forward_c, backward_c])]

    target = Input((None,), dtype="int32", name="target")
    embedding = Embedding(target_words, 32, mask_zero=True)
    speak = LSTM(units, return_sequences=True, return_state=True, name="speaker")
    choose = Dense(target_words, activation="softmax")
    spoken, _, _ = speak(embedding(target), initial_state=states)
    model = Model([source, target], choose(spoken))

    before = [Input((units,)), Input((units,))]
    spoken, *after = speak(embedding(target), initial_state=before)
    return model, Model(source, states), Model([target, *before], [choose(spoken), *after])


def translate(encoder: Model, decoder: Model, source: Indices, start: int, longest: int) -> Indices:
    """The likeliest word after those before, ``longest`` times: (sentences, longest)."""
    states = encoder.predict(source, verbose=0)
    words = [np.full((len(source), 1), start)]
    for _ in range(longest):
        odds, *states = decoder.predict([words[-1], *states], verbose=0)
        words.append(odds.argmax(axis=-1))
    return np.concatenate(words[1:], axis=1)


def compare(translated: Indices, target: Indices) -> tuple[float, float]:
    """The share of rows that are right up to their end, and of words, each at its place, that are right."""
    counts = target != 0
    right = (translated == target) | ~counts
    return float(right.all(axis=1).mean()), float(right[counts].mean())


def main(
    epochs: int = 12,
    units: int = 64,
    limit: int = 10_000,
    training: int = 2500,
    held_out: int = 500,
    plot: str | None = None,
) -> Figures:
    """Train and translate; print and return the figures.

    Args:
        epochs: passes through the training numbers, at the most.
        units: of the decoder; the encoder has half of them each way.
        limit: numbers are smaller than this.
        training: how many of them to learn from.
        held_out: how many to translate in the end, and as many again to watch the training with.
        plot: where to draw the curves.
    """
    set_random_seed(0)
    english, french = Language("en", limit), Language("fr", limit)
    shuffled = np.random.default_rng(0).permutation(limit)[: 2 * held_out + training]
    unseen, validation, learnt = np.split(shuffled, [held_out, 2 * held_out])

    def pairs(numbers: Any) -> tuple[list[Indices], Indices]:
        spoken = french.indices(numbers, before=(START,))
        return [english.indices(numbers), spoken], french.indices(numbers, after=(END,))

    model, encoder, decoder = build(len(english.vocabulary), len(french.vocabulary), units)
    model.compile(optimizer=Adam(0.005), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *pairs(learnt),
        batch_size=50,
        epochs=epochs,
        validation_data=pairs(validation),
        callbacks=[EarlyStopping(patience=3, restore_best_weights=True)],
    )
    if plot is not None:
        history.plot("loss", "accuracy").savefig(plot)

    target = french.indices(unseen, after=(END,))
    start = french.vocabulary.index(START)
    translated = translate(encoder, decoder, english.indices(unseen), start, target.shape[1])
    nearest = np.array([learnt[np.abs(learnt - number).argmin()] for number in unseen])
    neighbours = french.indices(nearest, after=(END,))
    figures = Figures(*compare(translated, target), *compare(neighbours, target))
    for number, indices in zip(unseen[:8], translated, strict=False):
        print(f"  {number}: {num2words(number)} -> {french.sentence(indices)}")
    print(f"of {held_out} numbers that were not learnt from:")
    print(f"  LSTM             {figures.exact:6.1%} right, {figures.words:6.1%} of the words")
    print(f"  nearest learnt   {figures.nearest_exact:6.1%} right, {figures.nearest_words:6.1%} of the words")
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--plot", help="where to draw the curves, such as curves.png")
    main(**vars(parser.parse_args()))
