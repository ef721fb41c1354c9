"""A Keras script whose import prefix was changed from `tensorflow.keras`; nothing else was."""

import numpy as np

from torch_keras_lstm.layers import LSTM, Dense
from torch_keras_lstm.models import Sequential

X = np.random.random((100, 10, 5))
y = np.random.randint(2, size=(100, 1))

model = Sequential()
model.add(LSTM(50, activation="tanh", return_sequences=True, input_shape=(10, 5)))
model.add(LSTM(30, activation="tanh"))
model.add(Dense(1, activation="sigmoid"))

model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.summary()
model.fit(X, y, epochs=10, batch_size=16)

layer = LSTM(50, return_sequences=True, return_state=True)
output, state_h, state_c = layer(np.random.random((5, 10, 8)).astype("float32"))
print(tuple(output.shape), tuple(state_h.shape), tuple(state_c.shape))
