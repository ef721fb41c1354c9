"""Make the files of Keras 1 here: ``KERAS_BACKEND=theano python make_keras_1.py FOLDER`` with Keras 1.2.2."""

import os
import sys

import numpy as np
from keras.layers import LSTM, BatchNormalization, Bidirectional, Convolution2D, Embedding, Flatten, TimeDistributed
from keras.models import Sequential


def recurrent():
    return Sequential(
        [
            Embedding(11, 4, mask_zero=True, input_length=7),
            Bidirectional(LSTM(3, return_sequences=True)),
            LSTM(2, consume_less="gpu"),
        ]
    ), "indices"


def convolution():
    layers = [
        TimeDistributed(Convolution2D(3, 2, 3, dim_ordering="th"), input_shape=(4, 2, 5, 6)),
        TimeDistributed(Flatten()),
        BatchNormalization(),
        LSTM(3),
    ]
    return Sequential(layers), "numbers"


random = np.random.RandomState(1)
for make in (recurrent, convolution):
    model, kind = make()
    model.set_weights(
        [
            random.uniform(0.3 if (w.name or "").split(":")[0].endswith("running_std") else -0.6, 0.9, values.shape)
            for w, values in zip([w for layer in model.layers for w in layer.weights], model.get_weights())
        ]
    )
    shape = (4,) + tuple(model.input_shape[1:])
    x = random.randint(0, 11, shape) if kind == "indices" else random.normal(size=shape)
    x[0, :2] = x[1, 2:4] = 0
    path = os.path.join(sys.argv[1], make.__name__)
    model.save(path + ".h5")
    with open(path + ".yaml", "w") as file:
        file.write(model.to_yaml())
    np.savez(path + ".npz", x0=x.astype("float32"), y0=model.predict(x))
