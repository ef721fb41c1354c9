"""Training across batches with kept states: batches are the pieces of long sequences, states forgotten each epoch."""

import numpy as np
from keras import layers, models, optimizers

batch_size, pieces, steps = 4, 3, 5
rng = np.random.default_rng(25)
long = rng.standard_normal((batch_size, pieces * steps, 2))
target = np.cumsum(long[..., :1], axis=1) / 4
x = np.concatenate(np.split(long, pieces, axis=1))
y = np.concatenate(np.split(target, pieces, axis=1))

model = models.Sequential()
model.add(layers.Input(batch_shape=(batch_size, steps, 2)))
model.add(layers.LSTM(6, stateful=True, return_sequences=True))
model.add(layers.SimpleRNN(5, stateful=True, return_sequences=True))
model.add(layers.TimeDistributed(layers.Dense(1)))
model.compile(loss="mean_squared_error", optimizer=optimizers.RMSprop(learning_rate=0.01))
losses = []
for i in range(3):
    history = model.fit(x, y, epochs=1, batch_size=batch_size, verbose=0, shuffle=False) if i < 0 else None
    for piece in range(pieces):
        rows = slice(piece * batch_size, (piece + 1) * batch_size)
        losses.append(model.train_on_batch(x[rows], y[rows]))
    for layer in model.layers:
        if hasattr(layer, "reset_states"):
            layer.reset_states()
first = model.predict(x, batch_size=batch_size, verbose=0)
again = model.predict(x, batch_size=batch_size, verbose=0)
model.layers[0].reset_state()
model.layers[1].reset_state()
fresh = model.predict(x, batch_size=batch_size, verbose=0)
state = [np.array(s) for s in model.layers[0].states]

results = {"losses": np.array(losses), "first": first, "again": again, "fresh": fresh, "h": state[0], "c": state[1]}
