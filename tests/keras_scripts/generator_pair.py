"""A recurrent generator against a recurrent discriminator, each with an optimizer of its own, in one `train_step`."""

import keras
import numpy as np
from keras import layers, ops

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    def step(loss_of, optimizer, weights):
        with tf.GradientTape() as tape:
            loss = loss_of()
        optimizer.apply(tape.gradient(loss, [v.value for v in weights]), weights)
        return loss

else:

    def step(loss_of, optimizer, weights):
        for v in weights:
            v.value.grad = None
        loss = loss_of()
        loss.backward()
        optimizer.apply([v.value.grad for v in weights], weights)
        return loss


class SequenceGAN(keras.Model):
    def __init__(self, discriminator, generator, noise):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.noise = noise
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.built = True

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def train_step(self, real):
        if isinstance(real, tuple):
            real = real[0]
        count = ops.shape(real)[0]
        noise = self.noise[:count]
        labels = ops.concatenate([ops.ones((count, 1)), ops.zeros((count, 1))], axis=0)

        def d_loss():
            both = ops.concatenate([self.generator(noise), real], axis=0)
            return self.loss_fn(labels, self.discriminator(both))

        def g_loss():
            return self.loss_fn(ops.zeros((count, 1)), self.discriminator(self.generator(noise)))

        d = step(d_loss, self.d_optimizer, self.discriminator.trainable_weights)
        g = step(g_loss, self.g_optimizer, self.generator.trainable_weights)
        self.d_loss_tracker.update_state(d)
        self.g_loss_tracker.update_state(g)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


rng = np.random.default_rng(21)
real = np.sin(np.arange(6) + rng.uniform(0, 3, (32, 1)))[..., None]
noise = ops.convert_to_tensor(rng.standard_normal((32, 6, 2)))
generator = keras.Sequential(
    [keras.Input((6, 2)), layers.LSTM(5, return_sequences=True), layers.TimeDistributed(layers.Dense(1))],
    name="generator",
)
discriminator = keras.Sequential(
    [keras.Input((6, 1)), layers.GRU(4), layers.LeakyReLU(negative_slope=0.2), layers.Dense(1)], name="discriminator"
)
gan = SequenceGAN(discriminator, generator, noise)
gan.compile(
    d_optimizer=keras.optimizers.Adam(learning_rate=0.003, beta_1=0.5),
    g_optimizer=keras.optimizers.Adam(learning_rate=0.003, beta_1=0.5),
    loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
)
history = gan.fit(real, epochs=2, batch_size=16, verbose=0)

results = {
    **history.history,
    "made": generator.predict(ops.convert_to_numpy(noise)[:3], verbose=0),
    "judged": discriminator.predict(real[:3], verbose=0),
    "metrics": [m.name for m in gan.metrics],
}
