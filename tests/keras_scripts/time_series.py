"""The next value of a series from windows of it, with callbacks that watch the validation."""

import keras
import numpy as np
from keras.callbacks import EarlyStopping, ReduceLROnPlateau

time = np.arange(240)
series = np.sin(time / 5) + 0.3 * np.cos(time / 11)
features = np.stack([series, np.roll(series, 3)], axis=1)
mean, std = features[:160].mean(axis=0), features[:160].std(axis=0)
features = (features - mean) / std

past, future = 12, 2
start = past + future
train = keras.utils.timeseries_dataset_from_array(
    features[:160], series[start : start + 160], sequence_length=past, sampling_rate=2, batch_size=16
)
validation = keras.preprocessing.timeseries_dataset_from_array(
    features[160:-start], series[160 + start :], sequence_length=past, sampling_rate=2, batch_size=16
)
for inputs, targets in train.take(1):
    shapes = [str(tuple(inputs.shape)), str(tuple(targets.shape))]

inputs = keras.layers.Input(shape=(inputs.shape[1], inputs.shape[2]))
hidden = keras.layers.LSTM(16)(inputs)
outputs = keras.layers.Dense(1)(hidden)
model = keras.Model(inputs=inputs, outputs=outputs)
model.compile(optimizer=keras.optimizers.Adam(learning_rate=0.01), loss="mse", metrics=["mae"])
history = model.fit(
    train,
    epochs=4,
    validation_data=validation,
    callbacks=[EarlyStopping(monitor="val_loss", patience=2), ReduceLROnPlateau(factor=0.5, patience=1)],
    verbose=0,
)
predicted = [model.predict(x, verbose=0) for x, _ in validation.take(2)]
results = {**history.history, "shapes": shapes, "first": predicted[0], "second": predicted[1]}
