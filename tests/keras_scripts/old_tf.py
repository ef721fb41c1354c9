"""As scripts for tf.keras were written: its modules imported under `tensorflow.keras`."""

import numpy as np
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras.callbacks import EarlyStopping
from tensorflow.keras.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Bidirectional,
    Conv1D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling1D,
    SpatialDropout1D,
)
from tensorflow.keras.models import Model, Sequential
from tensorflow.keras.optimizers import Adam
from tensorflow.keras.preprocessing.sequence import pad_sequences
from tensorflow.keras.utils import to_categorical

K.clear_session()
rng = np.random.default_rng(32)
sequences = [rng.integers(1, 50, rng.integers(4, 15)) for _ in range(40)]
X = pad_sequences(sequences, maxlen=12, padding="post", truncating="post", value=0)
Y = to_categorical([len(s) % 3 for s in sequences])
X = X.reshape((X.shape[0], X.shape[1], 1)) / 50.0

model = Sequential()
model.add(Conv1D(filters=8, kernel_size=3, padding="same", activation="relu", input_shape=(X.shape[1], X.shape[2])))
model.add(MaxPooling1D(pool_size=2))
model.add(SpatialDropout1D(0.0))
model.add(Bidirectional(LSTM(6, return_sequences=True, recurrent_dropout=0.0)))
model.add(BatchNormalization())
model.add(GRU(5, return_sequences=True))
model.add(Flatten())
model.add(Dense(Y.shape[1], activation="softmax"))
model.compile(loss="categorical_crossentropy", optimizer=Adam(learning_rate=0.005), metrics=["accuracy"])
es = EarlyStopping(monitor="val_loss", mode="min", verbose=0, patience=5)
history = model.fit(X, Y, validation_split=0.2, epochs=2, batch_size=8, verbose=0, callbacks=[es])
scores = model.evaluate(X, Y, verbose=0)
classes = np.argmax(model.predict(X[:6], verbose=0), axis=1)

inp = Input(shape=(None, 1))
lstm, h, c = LSTM(4, return_state=True)(inp)
out = Dense(1)(Dropout(0.0)(h))
other = Model(inputs=inp, outputs=[out, c])
other.compile(loss=["mse", None], optimizer="adam")
second = other.fit(X, Y[:, :1], epochs=1, batch_size=8, verbose=0)

results = {
    **history.history,
    "scores": scores,
    "classes": classes,
    "second": second.history["loss"],
    "pad": X[..., 0],
    "config": [str(layer["class_name"]) for layer in model.get_config()["layers"]],
    "one": float(K.get_value(model.optimizer.learning_rate)),
    "version": type(keras.__version__).__name__,
}
