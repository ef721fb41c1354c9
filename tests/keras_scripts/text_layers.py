"""Raw strings into a model: a vectorizer in front of a network, labels through a look-up."""

import keras
import numpy as np
from keras import layers

texts = [
    "The cat sat on the mat.",
    "A dog barked at the cat!",
    "Birds sing; the dog sleeps.",
    "no animal here, none",
] * 6
labels = ["cat", "dog", "bird", "none"] * 6

vectorize = layers.TextVectorization(max_tokens=25, output_mode="int", output_sequence_length=8)
vectorize.adapt(texts)
lookup = layers.StringLookup(vocabulary=["bird", "cat", "dog", "none"], num_oov_indices=0)
x = np.asarray(vectorize(np.array(texts)))
y = np.asarray(lookup(np.array(labels)))

model = keras.Sequential(
    [
        layers.Embedding(len(vectorize.get_vocabulary()), 8, mask_zero=True),
        layers.LSTM(10),
        layers.Dense(4, activation="softmax"),
    ]
)
model.compile(optimizer=keras.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=4, batch_size=8, verbose=0)
inverse = layers.StringLookup(vocabulary=lookup.get_vocabulary(), invert=True, num_oov_indices=0)
asked = np.asarray(vectorize(np.array(["the cat sat", "the dog barked", "an unknown word"])))
probabilities = model.predict(asked, verbose=0)
named = [
    str(word.decode() if isinstance(word, bytes) else word) for word in np.asarray(inverse(probabilities.argmax(-1)))
]

results = {
    **history.history,
    "codes": x,
    "vocabulary": list(vectorize.get_vocabulary()),
    "probabilities": probabilities,
    "named": named,
}
