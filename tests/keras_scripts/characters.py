"""A model of characters is trained on windows of a text; a stateful one with its weights writes on, step by step."""

import keras
import numpy as np

text = "the cat sat on the mat and the rat sat on the cat " * 4
characters = sorted(set(text))
index_of = {character: index for index, character in enumerate(characters)}
codes = np.array([index_of[character] for character in text])
length = 10
windows = np.array([codes[start : start + length] for start in range(0, len(codes) - length - 1, 3)])
following = np.array([codes[start + 1 : start + length + 1] for start in range(0, len(codes) - length - 1, 3)])


def build(batch_size=None, stateful=False):
    model = keras.models.Sequential()
    model.add(keras.Input(batch_shape=(batch_size, None)))
    model.add(keras.layers.Embedding(len(characters), 6))
    model.add(keras.layers.LSTM(12, return_sequences=True, stateful=stateful))
    model.add(keras.layers.GRU(9, return_sequences=True, stateful=stateful))
    model.add(keras.layers.Dense(len(characters), activation="softmax"))
    return model


model = build()
model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(windows, following, batch_size=16, epochs=3, verbose=0)

writer = build(batch_size=1, stateful=True)
writer.set_weights(model.get_weights())
written, probabilities = [], []
for layer in writer.layers:
    if hasattr(layer, "reset_states"):
        layer.reset_states()
for code in codes[:5]:
    step = writer.predict(np.array([[code]]), verbose=0)[0, -1]
for _ in range(12):
    code = int(np.argmax(step))
    written.append(code)
    step = writer(np.array([[code]]))
    step = np.array(keras.ops.convert_to_numpy(step))[0, -1]
    probabilities.append(step)

results = {**history.history, "written": written, "probabilities": probabilities}
