"""An encoder and a decoder, trained together; models for inference are made of the trained layers."""

import keras
import numpy as np
from keras.layers import LSTM, Dense, Input
from keras.models import Model

rng = np.random.default_rng(1)
tokens, units, samples, length = 7, 10, 48, 6
source = keras.utils.to_categorical(rng.integers(1, tokens, (samples, length)), tokens)
target = np.concatenate([np.zeros((samples, 1, tokens)), source[:, ::-1]], axis=1)
target[:, 0, 0] = 1

encoder_inputs = Input(shape=(None, tokens))
encoder_outputs, state_h, state_c = LSTM(units, return_state=True)(encoder_inputs)
encoder_states = [state_h, state_c]
decoder_inputs = Input(shape=(None, tokens))
decoder_lstm = LSTM(units, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(tokens, activation="softmax")
decoder_outputs = decoder_dense(decoder_outputs)

model = Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit([source, target[:, :-1]], target[:, 1:], batch_size=16, epochs=3, validation_split=0.25, verbose=0)

encoder_model = Model(encoder_inputs, encoder_states)
state_input_h, state_input_c = Input(shape=(units,)), Input(shape=(units,))
decoder_states_inputs = [state_input_h, state_input_c]
outputs, state_h, state_c = decoder_lstm(decoder_inputs, initial_state=decoder_states_inputs)
decoder_model = Model([decoder_inputs, *decoder_states_inputs], [decoder_dense(outputs), state_h, state_c])

states = encoder_model.predict(source[:1], verbose=0)
token = np.zeros((1, 1, tokens))
token[0, 0, 0] = 1
decoded, seen = [], []
for _ in range(length):
    probabilities, h, c = decoder_model.predict([token, *states], verbose=0)
    decoded.append(int(np.argmax(probabilities[0, -1])))
    seen.append(probabilities[0, -1])
    token = np.zeros((1, 1, tokens))
    token[0, 0, decoded[-1]] = 1
    states = [h, c]

results = {**history.history, "decoded": decoded, "probabilities": seen}
