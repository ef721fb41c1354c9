"""Texts as tf.data through a vectorizer that is mapped over them, n-grams and counts, a model from strings."""

import keras
import numpy as np
from keras import layers

texts = ["good film, really good", "bad film", "a really bad plot", "good plot and good actors"] * 8
y = np.array([1, 0, 0, 1] * 8)

vectorizer = layers.TextVectorization(
    max_tokens=20, output_sequence_length=6, standardize="lower_and_strip_punctuation"
)
vectorizer.adapt(np.array(texts))
bags = layers.TextVectorization(max_tokens=30, ngrams=2, output_mode="multi_hot")
bags.adapt(texts)
tfidf = layers.TextVectorization(output_mode="tf_idf")
tfidf.adapt(texts)
words = vectorizer.get_vocabulary()
index = dict(zip(words, range(len(words))))
matrix = np.zeros((len(words) + 2, 5))
rng = np.random.default_rng(35)
for word, i in index.items():
    if word not in ("", "[UNK]"):
        matrix[i] = rng.standard_normal(5)

ids = np.asarray(vectorizer(np.array(texts)))
inputs = keras.Input(shape=(None,), dtype="int64")
embedded = layers.Embedding(
    len(words) + 2, 5, embeddings_initializer=keras.initializers.Constant(matrix), trainable=False, mask_zero=True
)(inputs)
x = layers.Bidirectional(layers.GRU(4))(embedded)
bag_in = keras.Input(shape=(len(bags.get_vocabulary()),))
x = layers.Dropout(0.0)(layers.concatenate([x, layers.Dense(3, activation="relu")(bag_in)]))
model = keras.Model([inputs, bag_in], layers.Dense(1, activation="sigmoid")(x))
model.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])
bag = np.asarray(bags(np.array(texts)))
history = model.fit([ids, bag], y, epochs=2, batch_size=8, verbose=0)

results = {
    **history.history,
    "ids": ids[:4],
    "bag": bag[:4],
    "tfidf": np.asarray(tfidf(np.array(texts[:4]))),
    "words": [str(word) for word in words],
    "bigrams": sorted(str(word) for word in bags.get_vocabulary()),
    "predicted": model.predict([ids[:4], bag[:4]], verbose=0),
}
