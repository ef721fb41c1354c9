#!/usr/bin/env bash
# keras 3.15.1 on TensorFlow 2.21.0: in a functional model that holds a `Resizing` layer, the layers behind it run in training
# mode when the model is called without `training=`: dropout drops, and BatchNormalization takes the batch's statistics and
# moves its averages. `predict` and `model(x, training=False)` are right; without the `Resizing` layer the plain call is too.
# Seen:  Resizing: zeros of dropout in model(x) 26, with training=False 0; Rescaling: 0, 0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 2>/dev/null
cat >"$folder/run.py" <<'PY'
import keras
import numpy as np

assert keras.__version__ == "3.15.1"
keras.utils.set_random_seed(1)
images, zeros = np.ones((1, 8, 8, 1), "float32"), {}
for name, layer in {"Resizing": keras.layers.Resizing(8, 8), "Rescaling": keras.layers.Rescaling(1.0)}.items():
    inputs = keras.Input((8, 8, 1))
    model = keras.Model(inputs, keras.layers.Dropout(0.5)(layer(inputs)))
    plain, inference = (np.array(model(images, **given)) for given in ({}, {"training": False}))
    zeros[name] = int((plain == 0).sum()), int((inference == 0).sum())
    print(f"{name}: zeros of dropout in model(x) {zeros[name][0]}, with training=False {zeros[name][1]}")
assert zeros["Resizing"][0] > 0, "model(x) is inference now"
assert zeros["Resizing"][1] == 0 and zeros["Rescaling"] == (0, 0)
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
