"""Computations in bfloat16, variables in float32, the last layer in float32."""

import keras
import numpy as np

keras.mixed_precision.set_global_policy("mixed_bfloat16")
try:
    rng = np.random.default_rng(9)
    x = rng.standard_normal((32, 6, 4)).astype("float32")
    y = (x.mean(axis=(1, 2)) > 0).astype("float32")
    inputs = keras.Input(shape=(6, 4))
    lstm = keras.layers.LSTM(8)
    z = keras.layers.Dense(6, activation="relu")(lstm(inputs))
    outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32")(z)
    model = keras.Model(inputs, outputs)
    model.compile(optimizer="adam", loss="binary_crossentropy")
    history = model.fit(x, y, epochs=3, batch_size=8, verbose=0)
    predicted = model.predict(x[:6], verbose=0)
    types = [lstm.compute_dtype, lstm.variable_dtype, lstm.dtype_policy.name, str(predicted.dtype)]
    types.append(str(keras.layers.Dense(2).compute_dtype))
finally:
    keras.mixed_precision.set_global_policy("float32")

tolerance = 2e-2  # a bfloat16 has three digits
results = {"loss": history.history["loss"], "predicted": predicted, "types": types}
