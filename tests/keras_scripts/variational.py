"""A variational autoencoder of sequences: a layer that samples, a loss that the layers add, `add_loss` and trackers."""

import keras
import numpy as np
from keras import layers, ops


class Sampling(layers.Layer):
    """Draws from the distribution; here at the scale 0, for the sake of the comparison."""

    def __init__(self, scale=0.0, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1337)
        self.scale = scale

    def call(self, inputs):
        z_mean, z_log_var = inputs
        batch = ops.shape(z_mean)[0]
        dim = ops.shape(z_mean)[1]
        epsilon = self.scale * keras.random.normal(shape=(batch, dim), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * (epsilon + 0.3)


latent_dim = 2
encoder_inputs = keras.Input(shape=(8, 1))
x = layers.Bidirectional(layers.LSTM(6))(encoder_inputs)
x = layers.Dense(5, activation="relu")(x)
z_mean = layers.Dense(latent_dim, name="z_mean")(x)
z_log_var = layers.Dense(latent_dim, name="z_log_var")(x)
z = Sampling()([z_mean, z_log_var])
encoder = keras.Model(encoder_inputs, [z_mean, z_log_var, z], name="encoder")

latent_inputs = keras.Input(shape=(latent_dim,))
x = layers.RepeatVector(8)(latent_inputs)
x = layers.LSTM(6, return_sequences=True)(x)
decoder_outputs = layers.TimeDistributed(layers.Dense(1, activation="tanh"))(x)
decoder = keras.Model(latent_inputs, decoder_outputs, name="decoder")


class VAE(keras.Model):
    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder = encoder
        self.decoder = decoder
        self.kl_tracker = keras.metrics.Mean(name="kl")

    def call(self, inputs):
        z_mean, z_log_var, z = self.encoder(inputs)
        kl = -0.5 * ops.mean(1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var))
        self.add_loss(0.1 * kl)
        self.kl_tracker.update_state(kl)
        return self.decoder(z)


rng = np.random.default_rng(22)
data = np.sin(np.arange(8) / 2 + rng.uniform(0, 6, (40, 1)))[..., None]
vae = VAE(encoder, decoder)
vae.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
history = vae.fit(data, data, epochs=3, batch_size=10, verbose=0)
mean, _, code = encoder.predict(data[:4], verbose=0)

results = {
    **history.history,
    "mean": mean,
    "code": code,
    "decoded": decoder.predict(code, verbose=0),
    "evaluated": vae.evaluate(data, data, verbose=0, return_dict=True)["loss"],
    "layers": [layer.name for layer in vae.layers],
}
