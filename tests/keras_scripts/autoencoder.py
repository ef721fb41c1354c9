"""Sequences are squeezed into a vector and drawn out again; the encoder is a model of its own."""

import numpy as np
from keras import Sequential
from keras.layers import LSTM, Dense, RepeatVector, TimeDistributed
from keras.models import Model

rng = np.random.default_rng(2)
phase = rng.uniform(0, 6, (40, 1))
x = np.sin(np.arange(9) / 2 + phase)[..., np.newaxis]

model = Sequential()
model.add(LSTM(12, activation="relu", input_shape=(9, 1)))
model.add(RepeatVector(9))
model.add(LSTM(12, activation="tanh", return_sequences=True))
model.add(TimeDistributed(Dense(1)))
model.compile(optimizer="adam", loss="mae")
history = model.fit(x, x, epochs=4, batch_size=8, verbose=0)
encoder = Model(inputs=model.inputs, outputs=model.layers[0].output)
errors = np.mean(np.abs(model.predict(x, verbose=0) - x), axis=(1, 2))

results = {**history.history, "codes": encoder.predict(x[:5], verbose=0), "errors": errors}
