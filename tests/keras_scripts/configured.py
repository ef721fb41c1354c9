"""Configurations as JSON and dictionaries, weights that fit in part, settings of the library, layers looked up."""

import json
import os
import tempfile

import keras
import numpy as np
from keras import layers

assert keras.config.floatx() == "float64"
keras.utils.set_random_seed(3)
rng = np.random.default_rng(34)
x = rng.standard_normal((20, 5, 3))
y = rng.standard_normal((20, 2))


@keras.saving.register_keras_serializable(package="mine", name="Shift")
class Shift(layers.Layer):
    def __init__(self, by=1.0, initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.by = by
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape):
        self.shift = self.add_weight(shape=(input_shape[-1],), initializer=self.initializer, name="shift")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, dtype="float32", name="count")

    def call(self, inputs):
        return inputs + self.by * self.shift

    def get_config(self):
        config = super().get_config()
        config["by"] = self.by
        config["initializer"] = keras.initializers.serialize(self.initializer)
        return config


def build(units):
    inputs = keras.Input(shape=(5, 3), name="series")
    z = layers.LSTM(4, name="kept", unit_forget_bias=False, kernel_initializer=keras.initializers.HeNormal(seed=1))(
        inputs
    )
    z = Shift(0.5, keras.initializers.Constant(0.2), name="shift")(z)
    z = layers.Dense(units, activation="swish", name="changed")(z)
    return keras.Model(inputs, layers.Dense(2, name="end")(z), name="configured")


model = build(6)
model.compile(keras.optimizers.AdamW(0.01, weight_decay=0.02), loss=keras.losses.LogCosh())
curve = model.fit(x, y, epochs=2, batch_size=5, verbose=0).history["loss"]
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "some.weights.h5")
    model.save_weights(path)
    other = build(7)
    other.load_weights(path, skip_mismatch=True)
    saved = os.path.join(folder, "whole.keras")
    model.save(saved)
    loaded = keras.saving.load_model(saved)
    again = loaded.fit(x, y, epochs=1, batch_size=5, verbose=0).history["loss"]
text = model.to_json()
from_json = keras.models.model_from_json(text)
from_config = keras.Model.from_config(model.get_config())
from_config.set_weights(model.get_weights())
layer_config = keras.layers.serialize(model.get_layer("kept"))
layer = keras.layers.deserialize(layer_config)
wanted = model.predict(x[:3], verbose=0)

results = {
    "curve": curve,
    "again": again,
    "kept": other.get_layer("kept").get_weights()[0],
    "predicted": wanted,
    "from config": from_config.predict(x[:3], verbose=0),
    "json": [each["config"]["name"] for each in json.loads(text)["config"]["layers"]],
    "layers": [type(each).__name__ for each in from_json.layers if each.name != "series"],
    "config": {key: value for key, value in layer.get_config().items() if key == "units"}["units"],
    "same": float(np.abs(loaded.predict(x[:3], verbose=0) - keras.ops.convert_to_numpy(loaded(x[:3]))).max() < 1e-12),
    "registered": keras.saving.get_registered_name(Shift),
    "settings": [keras.config.floatx(), keras.config.image_data_format(), str(keras.config.epsilon())],
    "counts": [model.count_params(), len(model.trainable_weights), len(model.non_trainable_weights)],
    "tuple": [str(model.get_layer("kept").output.shape), model.layers[1].dtype],
}
