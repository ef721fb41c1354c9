"""Data from a pipeline of tf.data, where TensorFlow is at hand."""

import keras
import numpy as np
import tensorflow as tf

rng = np.random.default_rng(12)
x = rng.standard_normal((64, 6, 3))
y = (x.sum(axis=(1, 2)) > 0).astype("int32")
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(16).prefetch(tf.data.AUTOTUNE)
train, validation = data.take(3), data.skip(3)

model = keras.Sequential([keras.layers.LSTM(7), keras.layers.Dense(2, activation="softmax")])
model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
history = model.fit(train, validation_data=validation, epochs=3, verbose=0)

results = {
    **history.history,
    "evaluated": model.evaluate(validation, verbose=0),
    "predicted": model.predict(data.map(lambda inputs, target: inputs), verbose=0),
}
