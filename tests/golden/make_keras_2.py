"""Make the files of Keras 2 and tf.keras here: ``python make_keras_2.py keras|tensorflow.keras FOLDER SUFFIX``."""

import importlib
import os
import sys

import numpy as np

keras = importlib.import_module(sys.argv[1]) if sys.argv[1] == "keras" else importlib.import_module("tensorflow").keras
layers, Model, Sequential = keras.layers, keras.models.Model, keras.models.Sequential


def stacked_cells():
    cells = [layers.LSTMCell(4), layers.LSTMCell(3)]
    return Sequential([layers.RNN(cells, return_sequences=True, input_shape=(7, 3)), layers.GRU(2)])


def nested():
    inner = Sequential([layers.Conv1D(4, 3, input_shape=(7, 3)), layers.LSTM(3, return_sequences=True)], name="inner")
    return Sequential([inner, layers.LSTM(3, return_sequences=True), layers.LSTM(2)])


def encoder_decoder():
    source, target = layers.Input((7, 3)), layers.Input((7, 3))
    _, h, c = layers.LSTM(4, return_state=True)(layers.Masking()(source))
    steps = layers.LSTM(4, return_sequences=True)(layers.Masking()(target), initial_state=[h, c])
    return Model([source, target], layers.Bidirectional(layers.LSTM(2, return_sequences=True))(steps))


random = np.random.RandomState(1)
for make in (stacked_cells, nested, encoder_decoder):
    model = make()
    model.set_weights([random.uniform(-0.6, 0.9, values.shape) for values in model.get_weights()])
    xs = [random.normal(size=(4, 7, 3)).astype("float32") for _ in model.inputs]
    for x in xs:
        x[0, :2] = x[1, 2:4] = x[3] = 0
    path = os.path.join(sys.argv[2], make.__name__)
    model.save(path + sys.argv[3])
    arrays = {"x%d" % i: x for i, x in enumerate(xs)}
    np.savez(path + ".npz", y0=model.predict(xs if len(xs) > 1 else xs[0]), **arrays)
