"""The next frame of small films, by layers of ConvLSTM2D."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(3)
films = np.zeros((10, 6, 8, 8, 1))
for film in films:
    row, column = rng.integers(0, 5, 2)
    for step, frame in enumerate(film):
        frame[row : row + 2, (column + step) % 8 : (column + step) % 8 + 2] = 1.0
x, y = films[:, :-1], films[:, 1:]

inputs = layers.Input(shape=(None, *x.shape[2:]))
z = layers.ConvLSTM2D(filters=5, kernel_size=(3, 3), padding="same", return_sequences=True, activation="relu")(inputs)
z = layers.BatchNormalization()(z)
z = layers.ConvLSTM2D(filters=4, kernel_size=(1, 1), padding="same", return_sequences=True)(z)
z = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(z)
model = keras.models.Model(inputs, z)
model.compile(loss=keras.losses.binary_crossentropy, optimizer=keras.optimizers.Adam())
reduce = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=5)
history = model.fit(x, y, batch_size=5, epochs=2, callbacks=[reduce], validation_split=0.2, verbose=0)
frames = x[0]
for _ in range(2):
    new = np.expand_dims(model.predict(np.expand_dims(frames, axis=0), verbose=0)[0, -1, ...], axis=0)
    frames = np.concatenate((frames, new), axis=0)

results = {**history.history, "frames": frames}
