"""Models are saved whole, by their weights, and as JSON, with parts of one's own, and loaded again."""

import os
import tempfile

import keras
import numpy as np


@keras.saving.register_keras_serializable(package="own")
class Scale(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        config = super().get_config()
        config.update({"factor": self.factor})
        return config


def swish_like(x):
    return x * keras.activations.sigmoid(1.5 * x)


rng = np.random.default_rng(10)
x, y = rng.standard_normal((24, 5, 2)), rng.standard_normal((24, 3))
model = keras.Sequential(
    [
        keras.layers.Input(shape=(5, 2)),
        keras.layers.LSTM(4, return_sequences=True, name="first"),
        Scale(0.5),
        keras.layers.LSTM(5, name="second"),
        keras.layers.Dense(3, activation=swish_like, name="head"),
    ]
)
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(x, y, epochs=1, verbose=0)
results = {"predicted": model.predict(x[:4], verbose=0)}
with tempfile.TemporaryDirectory() as folder:
    checkpoint = keras.callbacks.ModelCheckpoint(
        os.path.join(folder, "best.weights.h5"), save_weights_only=True, save_best_only=True, monitor="loss"
    )
    results["loss"] = model.fit(x, y, epochs=2, callbacks=[checkpoint], verbose=0).history["loss"]
    for name in ("model.keras", "model.h5"):
        path = os.path.join(folder, name)
        model.save(path)
        own = {"swish_like": swish_like, "Scale": Scale}
        again = keras.models.load_model(path, custom_objects=own, compile=name == "model.keras")
        results[name] = again.predict(x[:4], verbose=0)
        if name == "model.h5":
            again.compile("sgd", "mse")
        results[f"{name} goes on"] = again.fit(x, y, epochs=1, verbose=0).history["loss"]
    weights = os.path.join(folder, "model.weights.h5")
    model.save_weights(weights)
    with keras.utils.custom_object_scope({"swish_like": swish_like}):
        fresh = keras.models.model_from_json(model.to_json())
        copied = keras.models.clone_model(model)
    fresh.load_weights(weights)
    copied.set_weights(model.get_weights())
    results["json"] = fresh.predict(x[:4], verbose=0)
    results["clone"] = copied.predict(x[:4], verbose=0)
    model.load_weights(os.path.join(folder, "best.weights.h5"))
    results["best"] = model.evaluate(x, y, verbose=0, return_dict=True)["mae"]
