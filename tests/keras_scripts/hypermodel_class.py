"""A class that builds models from a configuration, trains and compares them, in the style of keras_tuner."""

import keras
import numpy as np
from keras import layers


class HyperParameters:
    def __init__(self, values):
        self.values = values

    def Int(self, name, min_value, max_value, step=1):
        return self.values.get(name, min_value)

    def Choice(self, name, values):
        return self.values.get(name, values[0])

    def Float(self, name, min_value, max_value, sampling=None):
        return self.values.get(name, min_value)


class LSTMHyperModel:
    def __init__(self, classes):
        self.classes = classes

    def build(self, hp):
        model = keras.Sequential()
        model.add(layers.Input(shape=(6, 2)))
        cell = hp.Choice("cell", ["lstm", "gru"])
        for i in range(hp.Int("depth", 1, 2)):
            kind = layers.LSTM if cell == "lstm" else layers.GRU
            last = i == hp.Int("depth", 1, 2) - 1
            model.add(kind(units=hp.Int(f"units_{i}", 3, 5), return_sequences=not last, name=f"{cell}_{i}"))
        if hp.Choice("norm", [False, True]):
            model.add(layers.LayerNormalization())
        model.add(layers.Dense(self.classes, activation=hp.Choice("activation", ["softmax", "sigmoid"])))
        model.compile(
            optimizer=keras.optimizers.get(
                {
                    "class_name": hp.Choice("optimizer", ["adam", "sgd"]),
                    "config": {"learning_rate": hp.Float("lr", 1e-2, 1e-1)},
                }
            ),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        return model

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, batch_size=hp.Choice("batch_size", [8, 16]), **kwargs)


rng = np.random.default_rng(33)
x, y = rng.standard_normal((40, 6, 2)), rng.integers(0, 3, 40)
hypermodel = LSTMHyperModel(3)
trials = {}
for index, values in enumerate(
    [{"cell": "gru", "norm": True}, {"depth": 2, "optimizer": "sgd", "batch_size": 16}, {"lr": 0.03}]
):
    keras.backend.clear_session()
    hp = HyperParameters(values)
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, x, y, epochs=1, validation_split=0.25, verbose=0)
    trials[index] = (history.history["val_loss"][-1], model)
best = min(trials, key=lambda index: trials[index][0])
copy = keras.models.clone_model(trials[best][1])
copy.set_weights(trials[best][1].get_weights())

results = {
    "losses": [loss for loss, _ in trials.values()],
    "best": best,
    "predicted": copy.predict(x[:4], verbose=0),
    "optimizers": [type(model.optimizer).__name__ for _, model in trials.values()],
    "names": [layer.name for layer in trials[1][1].layers],
}
