"""A training step of one's own in a model class, and a loop of one's own, with gradients as the back end has them."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(5)
x = rng.standard_normal((48, 7, 3))
y = x.sum(axis=(1, 2), keepdims=True)[:, 0]

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def gradients_of(loss_of, weights):
        with tf.GradientTape() as tape:
            loss, y_pred = loss_of()
        return loss, y_pred, tape.gradient(loss, [weight.value for weight in weights])

else:

    def gradients_of(loss_of, weights):
        for weight in weights:
            weight.value.grad = None
        loss, y_pred = loss_of()
        loss.backward()
        return loss, y_pred, [weight.value.grad for weight in weights]


class OwnStep(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lstm = layers.LSTM(6)
        self.dense = layers.Dense(1)
        self.loss_tracker = keras.metrics.Mean(name="loss")
        self.mae_metric = keras.metrics.MeanAbsoluteError(name="mae")

    def call(self, inputs):
        return self.dense(self.lstm(inputs))

    def train_step(self, data):
        x, y = data

        def loss_of():
            y_pred = self(x, training=True)
            return keras.ops.mean(keras.losses.mean_squared_error(y, y_pred)), y_pred

        loss, y_pred, gradients = gradients_of(loss_of, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.loss_tracker.update_state(loss)
        self.mae_metric.update_state(y, y_pred)
        return {"loss": self.loss_tracker.result(), "mae": self.mae_metric.result()}

    @property
    def metrics(self):
        return [self.loss_tracker, self.mae_metric]


model = OwnStep()
model(x[:2])
model.compile(optimizer=keras.optimizers.Adam(0.01))
history = model.fit(x, y, epochs=3, batch_size=16, verbose=0)

loop = keras.Sequential([keras.Input((7, 3)), layers.GRU(5), layers.Dense(1)])
optimizer = keras.optimizers.SGD(learning_rate=0.05, momentum=0.9)
loss_fn = keras.losses.MeanSquaredError()
curve = []
for epoch in range(3):
    for start in range(0, 48, 16):
        batch = slice(start, start + 16)

        def loss_of():
            y_pred = loop(keras.ops.convert_to_tensor(x[batch]), training=True)
            return loss_fn(y[batch], y_pred), y_pred

        loss, _, gradients = gradients_of(loss_of, loop.trainable_weights)
        optimizer.apply(gradients, loop.trainable_weights)
        curve.append(float(loss))

results = {**history.history, "loop": curve, "predicted": loop.predict(x[:4], verbose=0)}
