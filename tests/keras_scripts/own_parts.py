"""A layer, a loss, a metric and a callback of one's own, in Keras' functional API."""

import keras
import numpy as np
from keras import ops


class Attention(keras.layers.Layer):
    """Weighs the steps of a sequence."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            name="w", shape=(input_shape[-1], self.units), initializer="glorot_uniform", trainable=True
        )
        self.b = self.add_weight(name="b", shape=(self.units,), initializer="zeros", regularizer="l2")
        self.score = keras.layers.Dense(1)
        self.score.build((*input_shape[:-1], self.units))
        super().build(input_shape)

    def call(self, inputs, mask=None):
        scores = self.score(ops.tanh(ops.matmul(inputs, self.w) + self.b))
        if mask is not None:
            scores = ops.where(ops.expand_dims(mask, -1), scores, -1e9)
        self.add_loss(1e-3 * ops.mean(ops.square(scores) * 0 + 1.0))
        return ops.sum(inputs * ops.softmax(scores, axis=1), axis=1)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Asymmetric(keras.losses.Loss):
    def __init__(self, weight=2.0, name="asymmetric"):
        super().__init__(name=name)
        self.weight = weight

    def call(self, y_true, y_pred):
        error = ops.cast(y_true, y_pred.dtype) - y_pred
        return ops.mean(ops.where(error > 0, self.weight * error, -error), axis=-1)


class Within(keras.metrics.Metric):
    """The share of predictions within some distance."""

    def __init__(self, distance=0.5, name="within", **kwargs):
        super().__init__(name=name, **kwargs)
        self.distance = distance
        self.hits = self.add_weight(name="hits", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        near = ops.abs(ops.cast(y_true, y_pred.dtype) - y_pred) < self.distance
        self.hits.assign_add(ops.sum(ops.cast(near, self.dtype)))
        self.count.assign_add(ops.cast(ops.size(y_true), self.dtype))

    def result(self):
        return self.hits / self.count


class Norms(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.norms = []

    def on_epoch_end(self, epoch, logs=None):
        self.norms.append(float(sum(np.sum(np.abs(w)) for w in self.model.get_weights())) + logs["loss"])
        if epoch == 2:
            self.model.stop_training = True


rng = np.random.default_rng(6)
x = rng.integers(0, 20, (48, 9))
y = (x < 10).mean(axis=1, keepdims=True)
inputs = keras.Input(shape=(9,))
z = keras.layers.Embedding(20, 6, mask_zero=True)(inputs)
z = keras.layers.LSTM(7, return_sequences=True)(z)
z = Attention(5)(z)
outputs = keras.layers.Dense(1)(z)
model = keras.Model(inputs, outputs)
model.compile(optimizer="adam", loss=Asymmetric(3.0), metrics=[Within(0.3)])
norms = Norms()
history = model.fit(x, y, epochs=5, batch_size=12, callbacks=[norms], verbose=0)
names = [weight.name for weight in model.trainable_weights]

results = {**history.history, "norms": norms.norms, "weights": len(names), "predicted": model.predict(x[:5], verbose=0)}
