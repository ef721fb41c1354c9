"""Bidirectional encoders whose states begin a decoder; attention between them; masks of padded words."""

import keras
import numpy as np
from keras.layers import LSTM, AdditiveAttention, Attention, Bidirectional, Concatenate, Dense, Embedding, Input

rng = np.random.default_rng(26)
source = rng.integers(1, 20, (24, 7))
source[:, 5:] = 0
target = rng.integers(1, 15, (24, 6))

enc_in = Input(shape=(None,), name="enc_in")
enc_emb = Embedding(20, 6, mask_zero=True)(enc_in)
enc_out, fh, fc, bh, bc = Bidirectional(LSTM(4, return_sequences=True, return_state=True))(enc_emb)
state_h = Concatenate()([fh, bh])
state_c = Concatenate()([fc, bc])
dec_in = Input(shape=(None,), name="dec_in")
dec_emb = Embedding(15, 5)(dec_in)
dec_out, _, _ = LSTM(8, return_sequences=True, return_state=True)(dec_emb, initial_state=[state_h, state_c])
context = Attention()([dec_out, enc_out])
other = AdditiveAttention()([dec_out, enc_out])
joined = Concatenate(axis=-1)([dec_out, context, other])
probabilities = Dense(15, activation="softmax", name="words")(joined)
model = keras.Model([enc_in, dec_in], probabilities)
model.compile(
    optimizer=keras.optimizers.Adam(learning_rate=0.01, clipnorm=1.0),
    loss=keras.losses.SparseCategoricalCrossentropy(),
    metrics=[keras.metrics.SparseCategoricalAccuracy(name="acc")],
)
history = model.fit({"enc_in": source, "dec_in": target[:, :-1]}, target[:, 1:], epochs=2, batch_size=8, verbose=0)
encoder = keras.Model(model.get_layer("enc_in").output, [enc_out, state_h, state_c])
outputs, h, c = encoder.predict(source[:3], verbose=0)

results = {
    **history.history,
    "predicted": model.predict([source[:3], target[:3, :-1]], verbose=0),
    "outputs": outputs,
    "h": h,
    "c": c,
    "shapes": [str(t.shape) for t in (enc_out, state_h, dec_out, joined)],
}
