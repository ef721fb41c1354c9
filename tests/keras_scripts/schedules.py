"""Learning rates by schedules and by callbacks, early stopping with the best weights, logs to a file."""

import os
import tempfile

import keras
import numpy as np
from keras.callbacks import CSVLogger, EarlyStopping, LambdaCallback, LearningRateScheduler, TerminateOnNaN

rng = np.random.default_rng(28)
x = rng.standard_normal((40, 6, 2))
y = x[:, -1, :1] - x[:, 0, 1:]


def make_model(optimizer):
    model = keras.Sequential()
    model.add(keras.layers.LSTM(5, input_shape=(6, 2), kernel_regularizer=keras.regularizers.L1L2(1e-3, 1e-3)))
    model.add(keras.layers.Dense(1, kernel_constraint=keras.constraints.MaxNorm(1.0)))
    model.compile(optimizer=optimizer, loss=keras.losses.Huber(delta=0.5), metrics=["mse"])
    return model


def scheduler(epoch, lr):
    return lr if epoch < 1 else float(lr * np.exp(-0.3))


seen = []
curves = {}
for name, rate in {
    "exponential": keras.optimizers.schedules.ExponentialDecay(0.05, decay_steps=4, decay_rate=0.8, staircase=True),
    "piecewise": keras.optimizers.schedules.PiecewiseConstantDecay([3, 7], [0.05, 0.02, 0.01]),
    "cosine": keras.optimizers.schedules.CosineDecay(0.0, 8, warmup_target=0.05, warmup_steps=3),
}.items():
    curves[name] = make_model(keras.optimizers.Adam(rate)).fit(x, y, epochs=2, batch_size=10, verbose=0).history["loss"]

model = make_model("sgd")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "log.csv")
    history = model.fit(
        x,
        y,
        epochs=5,
        batch_size=10,
        validation_split=0.2,
        verbose=0,
        callbacks=[
            LearningRateScheduler(scheduler),
            EarlyStopping(monitor="val_loss", patience=1, min_delta=1.0, restore_best_weights=True),
            LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append([epoch, logs["loss"]])),
            CSVLogger(path),
            TerminateOnNaN(),
        ],
    )
    with open(path) as file:
        header = file.readline().strip()

results = {
    **curves,
    **history.history,
    "seen": seen,
    "header": header,
    "rate": float(np.array(model.optimizer.learning_rate)),
    "predicted": model.predict(x[:4], verbose=0),
    "history": [str(history.epoch), str(sorted(history.params))],
}
