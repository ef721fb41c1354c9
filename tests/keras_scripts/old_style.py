"""As scripts were written for Keras 2: positional arguments, Lambda, merging functions, functions of the backend."""

import numpy as np
from keras import ops
from keras.layers import (
    LSTM,
    Activation,
    Bidirectional,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    Lambda,
    Permute,
    RepeatVector,
    concatenate,
    multiply,
)
from keras.models import Model
from keras.optimizers import RMSprop
from keras.utils import to_categorical

np.random.seed(0)
x = np.random.randint(0, 25, (40, 8))
y = to_categorical(np.random.randint(0, 3, 40), num_classes=3)

words = Input(shape=(8,), dtype="int32", name="words")
embedded = Embedding(input_dim=25, output_dim=6, input_length=8)(words)
activations = Bidirectional(LSTM(5, return_sequences=True, dropout=0.0, recurrent_dropout=0.0))(embedded)
attention = Dense(1, activation="tanh")(activations)
attention = Flatten()(attention)
attention = Activation("softmax")(attention)
attention = RepeatVector(10)(attention)
attention = Permute([2, 1])(attention)
represented = multiply([activations, attention])
represented = Lambda(lambda steps: ops.sum(steps, axis=-2), output_shape=(10,))(represented)
last = Lambda(lambda t: t[:, -1, :])(activations)
merged = concatenate([represented, last], axis=-1)
probabilities = Dense(3, activation="softmax")(Dropout(0.0)(merged))
model = Model(inputs=words, outputs=probabilities)
model.compile(loss="categorical_crossentropy", optimizer=RMSprop(learning_rate=0.005), metrics=["acc"])
history = model.fit(x, y, batch_size=10, epochs=3, verbose=0, validation_data=(x[:8], y[:8]))
score = model.evaluate(x, y, batch_size=20, verbose=0)

results = {**history.history, "score": score, "predicted": model.predict(x[:6], verbose=0)}
