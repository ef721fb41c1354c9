"""A dictionary of outputs, losses and weights by name; shared layers; a model in the model; `return_dict`."""

import keras
import numpy as np
from keras import layers

rng = np.random.default_rng(30)
left, right = rng.standard_normal((36, 6, 2)), rng.standard_normal((36, 4, 2))
same = rng.integers(0, 2, (36, 1))
kind = keras.utils.to_categorical(rng.integers(0, 3, 36))

tower = keras.Sequential([layers.LSTM(5, return_sequences=True), layers.LSTM(4)], name="tower")
a = keras.Input(shape=(None, 2), name="a")
b = keras.Input(shape=(None, 2), name="b")
va, vb = tower(a), tower(b)
distance = layers.Lambda(lambda pair: keras.ops.abs(pair[0] - pair[1]))([va, vb])
cosine = layers.dot([va, vb], axes=1, normalize=True)
hidden = layers.concatenate([distance, cosine, va * vb, va - vb, keras.ops.maximum(va, vb)])
hidden = layers.UnitNormalization()(hidden)
outputs = {
    "same": layers.Dense(1, activation="sigmoid", name="same")(hidden),
    "kind": layers.Dense(3, activation="softmax", name="kind")(hidden),
}
model = keras.Model(inputs={"a": a, "b": b}, outputs=outputs)
model.compile(
    optimizer="rmsprop",
    loss={"same": "binary_crossentropy", "kind": "categorical_crossentropy"},
    loss_weights={"same": 1.0, "kind": 0.5},
    metrics={"same": ["accuracy", "auc"], "kind": keras.metrics.CategoricalAccuracy(name="acc")},
)
history = model.fit(
    {"a": left, "b": right},
    {"same": same, "kind": kind},
    validation_data=({"a": left[:8], "b": right[:8]}, {"same": same[:8], "kind": kind[:8]}),
    epochs=2,
    batch_size=12,
    verbose=0,
)
evaluated = model.evaluate({"a": left, "b": right}, {"same": same, "kind": kind}, return_dict=True, verbose=0)
predicted = model.predict({"a": left[:3], "b": right[:3]}, verbose=0)

results = {
    **history.history,
    **{f"evaluated {key}": value for key, value in evaluated.items()},
    **predicted,
    "outputs": sorted(model.output),
    "metrics": list(model.metrics_names),
    "parameters": model.count_params(),
}
