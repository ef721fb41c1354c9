"""Make the files of Keras 3 here: ``python make_keras_3.py FOLDER``."""

import os
import sys

import keras
import numpy as np
from keras import Model, Sequential, layers

random = np.random.RandomState(1)


def masked_stack():
    """Masks of an embedding, through layers over time and a wrapper, to layers that heed them."""
    return Sequential(
        [
            layers.Input((7,)),
            layers.Embedding(9, 3, mask_zero=True),
            layers.LSTM(4, return_sequences=True),
            layers.TimeDistributed(layers.Dense(3)),
            layers.Bidirectional(layers.GRU(2, return_sequences=True)),
            layers.SimpleRNN(3, return_sequences=True),
            layers.GlobalAveragePooling1D(),
        ]
    )


def handed_on():
    """A graph in which one layer gets the mask that comes with its input, and another is handed it."""
    source = layers.Input((7, 3))
    steps = layers.Masking()(source)
    first = layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)], return_sequences=True)(steps)
    told = layers.LSTM(2)(first, mask=steps._keras_mask)
    return Model(source, layers.Concatenate()([told, layers.LSTM(3)(first)]))


def unseen():
    """Attention whose first queries see no key."""
    source = layers.Input((7, 3))
    keys = layers.Masking()(source)
    return Model(source, layers.Attention(use_scale=True)([layers.Dense(3)(source), keys], use_causal_mask=True))


for make in (masked_stack, handed_on, unseen):
    model = make()
    model.set_weights([random.uniform(-0.6, 0.9, values.shape) for values in model.get_weights()])
    if make is masked_stack:
        x = random.randint(1, 9, (4, 7))
    else:
        x = random.normal(size=(4, 7, 3)).astype("float32")
    x[0, :2] = x[1, 2:4] = x[2, 5:] = 0
    path = os.path.join(sys.argv[1], make.__name__)
    for suffix in (".keras", ".h5"):
        model.save(path + suffix)
    # As a graph of layers computes, of which `predict` would make one function more.
    np.savez(path + ".npz", x0=x, y0=keras.ops.convert_to_numpy(model(x)))
