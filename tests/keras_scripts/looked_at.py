"""What a user looks at: the summary, layers and weights by name, shapes, and a part of the model."""

import keras
import numpy as np
from keras.layers import LSTM, Dense, Dropout, Embedding

lines = []
model = keras.Sequential(name="looked_at")
model.add(keras.Input(shape=(7,)))
model.add(Embedding(30, 8, name="words"))
model.add(LSTM(6, return_sequences=True, name="lower"))
model.add(Dropout(0.3))
model.add(LSTM(5, name="upper"))
model.add(Dense(2, activation="softmax", name="head"))
model.get_layer("words").trainable = False
model.summary(print_fn=lambda line, *args, **kwargs: lines.append(line))
model.compile("adam", "categorical_crossentropy")

rng = np.random.default_rng(11)
x = rng.integers(0, 30, (10, 7))
part = keras.Model(inputs=model.inputs, outputs=[model.get_layer("lower").output, *model.outputs])
lower, whole = part.predict(x, verbose=0)
kernel = model.get_layer("lower").cell.kernel
recurrent = np.array(model.layers[3].cell.recurrent_kernel)
model.get_layer("head").kernel.assign(np.ones((5, 2)))

results = {
    "summary": "\n".join(lines),
    "names": [layer.name for layer in model.layers if "dropout" not in layer.name],
    "weights": [f"{weight.path} {tuple(weight.shape)}" for weight in model.weights],
    "trainable": [len(model.trainable_weights), len(model.non_trainable_weights), model.count_params()],
    "shapes": [str(model.input_shape), str(model.output_shape), str(model.inputs[0].shape)],
    "lower": lower,
    "whole": whole,
    "kernel": np.array(kernel),
    "recurrent": recurrent,
    "after": model.predict(x, verbose=0),
    "called": keras.ops.convert_to_numpy(model(x)),
}
