"""Sentences as numbers of words: which of two lists has more of its words in them."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(0)
sentences = [rng.integers(1, 40, rng.integers(3, 12)).tolist() for _ in range(96)]
labels = np.array([sum(word < 20 for word in sentence) * 2 > len(sentence) for sentence in sentences], dtype=int)
x = keras.utils.pad_sequences(sentences, maxlen=12)

model = keras.Sequential(
    [
        layers.Embedding(40, 8, mask_zero=True),
        layers.Bidirectional(layers.LSTM(6, return_sequences=True)),
        layers.LSTM(5),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.02), loss="binary_crossentropy", metrics=["accuracy"])
history = model.fit(x, labels, batch_size=16, epochs=3, validation_split=0.25, verbose=0)
loss, accuracy = model.evaluate(x, labels, verbose=0)

results = {**history.history, "evaluated": [loss, accuracy], "predicted": model.predict(x[:7], verbose=0)}
