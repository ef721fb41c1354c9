"""A Keras script whose import prefix was changed from `tensorflow.keras`; nothing else was.

An encoder-decoder learns to say sequences of words backwards; then a classifier on its encoder learns to tell which
sequences have a rare word in them. The rare words weigh more, in two ways: Keras' `class_weight` is for one class a
sample, so the words of a sequence are weighed by `sample_weight`.
"""

import tempfile
from pathlib import Path

import numpy as np

from torch_keras_lstm.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from torch_keras_lstm.layers import LSTM, Bidirectional, Concatenate, Dense, Embedding, Input
from torch_keras_lstm.metrics import Recall
from torch_keras_lstm.models import Model
from torch_keras_lstm.optimizers import Adam
from torch_keras_lstm.utils import pad_sequences

FREQUENCIES = [0.3, 0.25, 0.2, 0.15, 0.06, 0.04]  # of the words 1 to 6; 0 is padding
RARE, START, END, WORDS = 5, 7, 8, 9
LONGEST = 6

rng = np.random.default_rng(1)
sequences = [rng.choice(6, rng.integers(1, LONGEST + 1), p=FREQUENCIES) + 1 for _ in range(1000)]
source = pad_sequences(sequences, maxlen=LONGEST, padding="post")
spoken = pad_sequences([[START, *words[::-1]] for words in sequences], maxlen=LONGEST + 1, padding="post")
target = pad_sequences([[*words[::-1], END] for words in sequences], maxlen=LONGEST + 1, padding="post")
weight_of_word = np.where((np.arange(WORDS) >= RARE) & (np.arange(WORDS) < START), 2.0, 1.0)
has_rare_word = (source >= RARE).any(axis=1).astype("float32")
train, validation = slice(0, 800), slice(800, None)

heard = Input((LONGEST,), dtype="int32", name="heard")
said = Input((LONGEST + 1,), dtype="int32", name="said")
encoder = Bidirectional(LSTM(24, return_state=True))
_, forward_h, forward_c, backward_h, backward_c = encoder(Embedding(WORDS, 8, mask_zero=True)(heard))
state_h = Concatenate()([forward_h, backward_h])
state_c = Concatenate()([forward_c, backward_c])
decoder = LSTM(48, return_sequences=True)
decoded = decoder(Embedding(WORDS, 8, mask_zero=True)(said), initial_state=[state_h, state_c])
model = Model([heard, said], Dense(WORDS, activation="softmax")(decoded))
model.compile(optimizer=Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()

with tempfile.TemporaryDirectory() as folder:
    best, log = Path(folder, "best.keras"), Path(folder, "epochs.csv")
    model.fit(
        [source[train], spoken[train]],
        target[train],
        batch_size=32,
        epochs=30,
        sample_weight=weight_of_word[target[train]],
        validation_data=([source[validation], spoken[validation]], target[validation]),
        callbacks=[
            ModelCheckpoint(best, save_best_only=True, verbose=1),
            ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.01, verbose=1),
            EarlyStopping(patience=3, min_delta=0.01, restore_best_weights=True, verbose=1),
            CSVLogger(log),
        ],
    )
    print(f"{len(log.read_text().splitlines()) - 1} epochs")
    model.load_weights(best)
loss, accuracy = model.evaluate([source[validation], spoken[validation]], target[validation])
print(f"The best model says {accuracy:.1%} of the words right.")

classifier = Model(heard, Dense(1, activation="sigmoid")(state_h))
classifier.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy", Recall(name="recall")])
classifier.summary()
classifier.fit(
    source[train],
    has_rare_word[train],
    epochs=5,
    class_weight={0: 1.0, 1: 4.0},
    validation_data=(source[validation], has_rare_word[validation]),
    callbacks=[EarlyStopping(monitor="val_recall", mode="max", patience=2)],
)
