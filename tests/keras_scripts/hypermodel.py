"""A function that builds a model from its hyperparameters, tried over a grid; the best one is trained on."""

import itertools

import keras
import numpy as np

rng = np.random.default_rng(7)
x = rng.standard_normal((60, 6, 2))
y = (x[:, :, 0].mean(axis=1) > 0).astype(int)


def build_model(units, layers, rate, bidirectional):
    keras.backend.clear_session()
    model = keras.Sequential(name=f"model_{units}_{layers}")
    model.add(keras.layers.InputLayer(shape=(6, 2)))
    for index in range(layers):
        layer = keras.layers.LSTM(units, return_sequences=index < layers - 1)
        model.add(keras.layers.Bidirectional(layer) if bidirectional else layer)
    model.add(keras.layers.Dense(2, activation="softmax"))
    model.compile(optimizer=keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


tried = {}
for units, layers, bidirectional in itertools.product([4, 6], [1, 2], [False, True]):
    if layers == 2 and bidirectional:
        continue
    model = build_model(units, layers, 0.01, bidirectional)
    history = model.fit(x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=1, batch_size=10, verbose=0)
    tried[units, layers, bidirectional] = (min(history.history["val_loss"]), model.count_params())
best = min(tried, key=lambda key: tried[key][0])
final = build_model(best[0], best[1], 0.02, best[2])
history = final.fit(x, y, epochs=2, batch_size=10, verbose=0)

results = {**history.history, "tried": [list(row) for row in tried.values()], "best": list(map(int, best))}
