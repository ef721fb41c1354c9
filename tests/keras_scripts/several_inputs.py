"""A text, its tags and numbers go in; a class and a score come out; rare classes weigh more."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(4)
words = rng.integers(0, 30, (60, 8))
tags = rng.integers(0, 2, (60, 5)).astype("float32")
numbers = rng.standard_normal((60, 4, 3))
scores = rng.standard_normal((60, 1))
urgent = rng.integers(0, 2, 60)

title = keras.Input(shape=(None,), name="title", dtype="int32")
tag_input = keras.Input(shape=(5,), name="tags")
series = keras.Input(shape=(4, 3), name="series")
title_features = layers.LSTM(6)(layers.Embedding(30, 5, mask_zero=True)(title))
series_features = layers.GRU(4, name="series_gru")(series)
joined = layers.concatenate([title_features, tag_input, series_features])
joined = layers.add([layers.Dense(8, activation="relu")(joined), layers.Dense(8)(joined)])
urgency = layers.Dense(1, activation="sigmoid", name="urgency")(joined)
model = keras.Model(inputs=[title, tag_input, series], outputs=urgency)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=[keras.metrics.AUC(name="auc"), "accuracy"])
history = model.fit(
    {"title": words, "tags": tags, "series": numbers},
    urgent,
    epochs=2,
    batch_size=16,
    class_weight={0: 1.0, 1: 3.0},
    verbose=0,
)

score = layers.Dense(1, name="score")(joined)
both = keras.Model([title, tag_input, series], {"urgency": urgency, "score": score})
both.compile(
    optimizer=keras.optimizers.RMSprop(1e-3),
    loss={"urgency": keras.losses.BinaryCrossentropy(), "score": "mse"},
    loss_weights={"urgency": 1.0, "score": 0.2},
    metrics={"score": ["mae"]},
)
second = both.fit([words, tags, numbers], {"urgency": urgent, "score": scores}, epochs=2, batch_size=16, verbose=0)
predicted = both.predict([words[:5], tags[:5], numbers[:5]], verbose=0)

results = {
    **history.history,
    **{f"both {name}": values for name, values in second.history.items()},
    "urgency": predicted["urgency"],
    "score": predicted["score"],
}
