"""Structured data: categories and numbers through preprocessing layers, beside a series, inside one model."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(31)
colour = rng.choice(["red", "green", "blue", "grey"], 40)
age = rng.uniform(18, 90, (40, 1))
code = rng.integers(100, 105, (40, 1))
series = rng.standard_normal((40, 5, 2)) * 3 + 1
y = (age[:, 0] > 50).astype("int")

lookup = layers.StringLookup(output_mode="int")
lookup.adapt(colour)
integers = layers.IntegerLookup(vocabulary=[100, 101, 102, 103, 104], output_mode="one_hot")
buckets = layers.Discretization(num_bins=4, output_mode="int")
buckets.adapt(age)
fixed = layers.Discretization(bin_boundaries=[30.0, 60.0], output_mode="one_hot")
normal = layers.Normalization(axis=-1)
normal.adapt(series)
scaled_age = layers.Normalization()
scaled_age.adapt(age)
encode = layers.CategoryEncoding(num_tokens=len(lookup.get_vocabulary()), output_mode="multi_hot")

colours = np.asarray(encode(np.asarray(lookup(colour))[:, None]))
codes = np.asarray(integers(code))
ages = np.asarray(buckets(age))

colour_in = keras.Input(shape=(colours.shape[1],), name="colour")
code_in = keras.Input(shape=(codes.shape[1],), name="code")
age_in = keras.Input(shape=(1,), name="age")
series_in = keras.Input(shape=(5, 2), name="series")
x = layers.concatenate(
    [colour_in, code_in, scaled_age(age_in), fixed(age_in), layers.GRU(4)(layers.Rescaling(0.5)(normal(series_in)))]
)
x = layers.Dense(6, activation="gelu")(x)
model = keras.Model([colour_in, code_in, age_in, series_in], layers.Dense(1)(x))
model.compile(
    "adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=[keras.metrics.BinaryAccuracy(threshold=0.0)]
)
data = {"colour": colours, "code": codes, "age": age, "series": series}
history = model.fit(data, y, epochs=2, batch_size=10, verbose=0)

results = {
    **history.history,
    "colours": colours,
    "codes": codes,
    "ages": ages,
    "vocabulary": [str(word) for word in lookup.get_vocabulary()],
    "predicted": model.predict([value[:4] for value in data.values()], verbose=0),
}
