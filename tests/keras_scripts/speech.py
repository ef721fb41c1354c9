"""Speech to text in small: a convolution, bidirectional layers, CTC loss, greedy decoding."""

import keras
import numpy as np
from keras import layers, ops


def CTCLoss(y_true, y_pred):
    batch_len = ops.cast(ops.shape(y_true)[0], dtype="int32")
    input_length = ops.cast(ops.shape(y_pred)[1], dtype="int32") * ops.ones(shape=(batch_len,), dtype="int32")
    label_length = ops.cast(ops.shape(y_true)[1], dtype="int32") * ops.ones(shape=(batch_len,), dtype="int32")
    return ops.mean(ops.ctc_loss(ops.cast(y_true, "int32"), y_pred, label_length, input_length, mask_index=0))


def build_model(input_dim, output_dim, rnn_layers=2, rnn_units=4):
    input_spectrogram = layers.Input((None, input_dim), name="input")
    x = layers.Reshape((-1, input_dim, 1), name="expand_dim")(input_spectrogram)
    x = layers.Conv2D(filters=3, kernel_size=[3, 3], strides=[1, 2], padding="same", use_bias=False, name="conv_1")(x)
    x = layers.BatchNormalization(name="conv_1_bn")(x)
    x = layers.ReLU(name="conv_1_relu")(x)
    x = layers.Reshape((-1, x.shape[-2] * x.shape[-1]))(x)
    for i in range(1, rnn_layers + 1):
        recurrent = layers.GRU(
            units=rnn_units,
            activation="tanh",
            recurrent_activation="sigmoid",
            use_bias=True,
            return_sequences=True,
            reset_after=True,
            name=f"gru_{i}",
        )
        x = layers.Bidirectional(recurrent, name=f"bidirectional_{i}", merge_mode="concat")(x)
    x = layers.Dense(units=rnn_units * 2, name="dense_1")(x)
    output = layers.Dense(units=output_dim + 1)(x)
    model = keras.Model(input_spectrogram, output, name="DeepSpeech_2")
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=1e-2), loss=CTCLoss)
    return model


rng = np.random.default_rng(24)
spectrograms = rng.standard_normal((12, 10, 6))
labels = rng.integers(1, 5, (12, 3))
model = build_model(6, 4)
lines = []
model.summary(line_length=110, print_fn=lambda line, **kwargs: lines.append(line))
history = model.fit(spectrograms, labels, batch_size=4, epochs=2, verbose=0)
predicted = model.predict(spectrograms[:3], verbose=0)

tolerance = 1e-6  # TensorFlow computes this loss in float32
results = {
    "loss": history.history["loss"],
    "predicted": predicted,
    "best": predicted.argmax(axis=-1),
    "summary": [line.split("(")[0].strip() for line in "\n".join(lines).splitlines()[:4]],
}
