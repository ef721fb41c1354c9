"""`compute_loss`, `compute_metrics`, `train_step` on top of them; a metric with `sample_weight`; functions as metrics."""

import keras
import numpy as np
from keras import layers, ops


class WeightedHits(keras.metrics.Metric):
    def __init__(self, name="weighted_hits", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")
        self.hits = self.add_variable(shape=(), initializer="zeros", name="hits")

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true = ops.cast(y_true, "bool")
        hits = ops.cast(ops.equal(y_true, ops.greater_equal(y_pred, 0.5)), self.dtype)
        if sample_weight is not None:
            sample_weight = ops.cast(sample_weight, self.dtype)
            sample_weight = ops.broadcast_to(ops.reshape(sample_weight, (-1, 1)), ops.shape(hits))
            hits = ops.multiply(hits, sample_weight)
            self.total.assign(self.total + ops.sum(sample_weight))
        else:
            self.total.assign(self.total + ops.cast(ops.size(hits), self.dtype))
        self.hits.assign(self.hits + ops.sum(hits))

    def result(self):
        return self.hits / self.total

    def reset_state(self):
        self.hits.assign(0.0)
        self.total.assign(0.0)


def mean_pred(y_true, y_pred):
    return ops.mean(y_pred)


class CustomModel(keras.Model):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = keras.metrics.Mean(name="extra")

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        penalty = 0.01 * ops.mean(ops.square(y_pred))
        self.extra.update_state(penalty)
        return loss + penalty


rng = np.random.default_rng(29)
x = rng.standard_normal((48, 5, 3))
y = (x.mean(axis=(1, 2)) > 0).astype("float32")[:, None]
weights = rng.uniform(0.2, 2.0, 48)
inputs = keras.Input(shape=(5, 3))
hidden = layers.LSTM(6, name="hidden")(inputs)
outputs = layers.Dense(1, activation="sigmoid")(hidden)
model = CustomModel(inputs, outputs)
model.compile(
    optimizer=keras.optimizers.Nadam(0.01),
    loss="binary_crossentropy",
    metrics=[WeightedHits(), mean_pred, keras.metrics.Precision(thresholds=0.4), keras.metrics.Recall()],
    weighted_metrics=[WeightedHits(name="weighted"), "mse"],
)
history = model.fit(x, y, sample_weight=weights, epochs=2, batch_size=12, verbose=0)
evaluated = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
part = keras.Model(model.input, model.get_layer("hidden").output)
metric = WeightedHits()
metric.update_state(y[:6], y[:6] * 0.9)
metric.update_state(y[:6], 1 - y[:6], sample_weight=weights[:6])

results = {
    **{key.replace("_1", ""): value for key, value in history.history.items()},
    "evaluated": sorted(evaluated.values()),
    "hidden": part.predict(x[:3], verbose=0),
    "alone": float(metric.result()),
    "names": sorted(evaluated),
}
