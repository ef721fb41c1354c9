"""Frames through a convolution at each step, then a recurrent layer; padded films are masked."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(27)
films = rng.standard_normal((12, 4, 8, 8, 1))
classes = rng.integers(0, 3, 12)

cnn = keras.Sequential(
    [
        keras.Input((8, 8, 1)),
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dense(5, activation="relu"),
    ],
    name="cnn",
)
model = keras.models.Sequential(
    [
        layers.Input(shape=(4, 8, 8, 1)),
        layers.TimeDistributed(layers.Conv2D(2, (3, 3), padding="same", activation="relu")),
        layers.TimeDistributed(layers.BatchNormalization()),
        layers.TimeDistributed(layers.MaxPooling2D((1, 1))),
        layers.TimeDistributed(layers.Conv2D(1, 1)),
        layers.TimeDistributed(cnn),
        layers.LSTM(6, dropout=0.0),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(
    optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    loss="categorical_crossentropy",
    metrics=["accuracy", keras.metrics.F1Score(average="macro")],
)
onehot = keras.utils.to_categorical(classes, 3)
history = model.fit(films, onehot, batch_size=4, epochs=2, verbose=0, class_weight={0: 1.0, 1: 2.0, 2: 0.5})

series = rng.standard_normal((10, 6, 3))
for row, length in zip(series, rng.integers(1, 6, 10)):
    row[length:] = -1.0
inputs = keras.Input((6, 3))
x = layers.Masking(mask_value=-1.0)(inputs)
x = layers.GRU(4, return_sequences=True)(x)
x = layers.LSTM(5, return_sequences=True)(x)
steps = layers.TimeDistributed(layers.Dense(1))(x)
padded = keras.Model(inputs, steps)
padded.compile("adam", "mse", weighted_metrics=["mae"])
second = padded.fit(series, series[..., :1], epochs=2, batch_size=5, verbose=0)

results = {
    **history.history,
    "predicted": model.predict(films[:3], verbose=0),
    "masked loss": second.history["loss"],
    "masked mae": second.history["mae"],
    "steps": padded.predict(series[:4], verbose=0),
}
