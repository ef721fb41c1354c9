"""The same samples from arrays, from a PyDataset, and from a generator."""

import math

import keras
import numpy as np

rng = np.random.default_rng(8)
x = rng.standard_normal((50, 5, 3))
y = x[:, -1].sum(axis=1, keepdims=True)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y, self.batch_size, self.epochs = x, y, batch_size, 0

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, index):
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.epochs += 1


class OldSequence(keras.utils.Sequence):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        return x[index::5], y[index::5]


def generator(batch_size):
    while True:
        for start in range(0, len(x), batch_size):
            yield x[start : start + batch_size], y[start : start + batch_size]


def model_of(**arguments):
    model = keras.Sequential([keras.layers.Input((5, 3)), keras.layers.SimpleRNN(6), keras.layers.Dense(1)])
    model.compile("sgd", "mse", **arguments)
    return model


batches = Batches(x, y, 16)
curves = {
    "arrays": model_of().fit(x, y, batch_size=16, epochs=2, verbose=0).history["loss"],
    "dataset": model_of().fit(batches, epochs=2, verbose=0).history["loss"],
    "sequence": model_of().fit(OldSequence(), epochs=2, verbose=0, validation_data=batches).history["val_loss"],
    "generator": model_of().fit(generator(10), steps_per_epoch=5, epochs=2, verbose=0).history["loss"],
}
model = model_of(metrics=["mae"])
single = [model.train_on_batch(x[:8], y[:8]) for _ in range(3)]
tested = model.test_on_batch(x[8:20], y[8:20], return_dict=True)

results = {
    **curves,
    "epochs": batches.epochs,
    "single": np.array(single),
    "tested": [tested["loss"], tested["mae"]],
    "predicted": model.predict_on_batch(x[:4]),
    "from generator": model.predict(Batches(x, y, 16), verbose=0),
}
