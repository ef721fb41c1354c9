"""A cell of one's own in `RNN`, a layer derived from LSTM, a stack of cells, `ops.scan`-like loops inside layers."""

import keras
import numpy as np
from keras import layers, ops


@keras.saving.register_keras_serializable()
class MinimalRNNCell(keras.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="uniform", name="kernel")
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, self.units), initializer="uniform", name="recurrent_kernel"
        )

    def call(self, inputs, states):
        prev_output = states[0]
        h = ops.matmul(inputs, self.kernel)
        output = h + ops.matmul(prev_output, self.recurrent_kernel)
        return output, [output]


class Peek(layers.LSTM):
    """Gives the mean over the steps beside the last output."""

    def __init__(self, units, **kwargs):
        super().__init__(units, return_sequences=True, **kwargs)

    def call(self, sequences, initial_state=None, mask=None, training=False):
        steps = super().call(sequences, initial_state=initial_state, mask=mask, training=training)
        return ops.concatenate([ops.mean(steps, axis=1), steps[:, -1]], axis=-1)

    def compute_output_shape(self, sequences_shape, initial_state_shape=None):
        return (sequences_shape[0], 2 * self.units)


class Weighted(layers.Layer):
    def call(self, inputs):
        total = ops.zeros_like(inputs[:, 0])
        for step in range(inputs.shape[1]):
            total = 0.9 * total + ops.squeeze(ops.take(inputs, [step], axis=1), axis=1)
        return ops.einsum("bf,bf->bf", total, ops.softmax(total, axis=-1))


rng = np.random.default_rng(36)
x = rng.standard_normal((30, 6, 3))
y = x[:, :, 0].max(axis=1, keepdims=True)
inputs = keras.Input((6, 3))
a = layers.RNN(MinimalRNNCell(4))(inputs)
b = layers.RNN([MinimalRNNCell(3), layers.LSTMCell(4)], return_sequences=True)(inputs)
c = Peek(3)(inputs)
d = Weighted()(b)
e = layers.Bidirectional(layers.RNN(MinimalRNNCell(2), return_sequences=True))(inputs)
joined = layers.Concatenate()([a, c, d, layers.GlobalMaxPooling1D()(e)])
model = keras.Model(inputs, layers.Dense(1)(joined))
model.compile(
    optimizer=keras.optimizers.Adamax(0.02), loss="mae", metrics=[keras.metrics.RootMeanSquaredError(name="rmse")]
)
history = model.fit(x, y, epochs=2, batch_size=10, validation_split=0.2, verbose=0)

results = {
    **history.history,
    "predicted": model.predict(x[:4], verbose=0),
    "shapes": [str(t.shape) for t in (a, b, c, d, e)],
    "weights": [f"{w.path} {tuple(w.shape)}" for w in model.weights],
}
