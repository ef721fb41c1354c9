"""Make the checkpoints of Keras' `OrbaxCheckpoint` here: ``python make_orbax.py FOLDER``, with orbax-checkpoint."""

import sys
from pathlib import Path

import keras
import numpy as np

folder = Path(sys.argv[1]).resolve()
layers = keras.layers
random = np.random.default_rng(3)
model = keras.Sequential(
    [
        layers.Input((5, 3)),
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        layers.BatchNormalization(),
        layers.LSTM(3, dropout=0.1),
        layers.Dense(2),
    ]
)
model.compile("adam", "mse", metrics=["mae"])
x, y = random.normal(size=(6, 5, 3)).astype(np.float32), random.normal(size=(6, 2)).astype(np.float32)
both = [keras.callbacks.OrbaxCheckpoint(str(folder / "whole"), save_on_background=False)]
both.append(keras.callbacks.OrbaxCheckpoint(str(folder / "weights"), save_weights_only=True, save_on_background=False))
model.fit(x, y, epochs=2, batch_size=2, verbose=0, callbacks=both)
state = {variable.path.partition("/")[2]: variable.numpy() for variable in model.optimizer.variables}
np.savez(folder / "answer.npz", x0=x, y0=model(x), **state)
