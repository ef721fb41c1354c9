"""A model as a class, with layers in a list, whose weights go to a file and come back into a new one."""

import os
import tempfile

import keras
import numpy as np
from keras import layers


class Block(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.lstm = layers.LSTM(units, return_sequences=True)
        self.norm = layers.LayerNormalization()
        self.supports_masking = True

    def call(self, inputs, training=None):
        return self.norm(self.lstm(inputs, training=training))


class Tagger(keras.Model):
    def __init__(self, words, tags, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.embedding = layers.Embedding(words, 6, mask_zero=True)
        self.blocks = [Block(5 + index) for index in range(depth)]
        self.dropout = layers.Dropout(0.4)
        self.head = layers.Dense(tags, activation="softmax")

    def call(self, inputs, training=False):
        x = self.embedding(inputs)
        for block in self.blocks:
            x = block(x)
        if training is None:
            x = self.dropout(x)
        return self.head(x)


rng = np.random.default_rng(13)
x = rng.integers(0, 20, (30, 7))
y = x % 4
model = Tagger(20, 4)
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=3, batch_size=10, verbose=0)
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "tagger.weights.h5")
    model.save_weights(path)
    other = Tagger(20, 4)
    other(x[:1])
    other.load_weights(path)

results = {
    **history.history,
    "predicted": model.predict(x[:5], verbose=0),
    "loaded": other.predict(x[:5], verbose=0),
    "weights": len(model.weights),
    "layers": [type(layer).__name__ for layer in model.layers],
}
