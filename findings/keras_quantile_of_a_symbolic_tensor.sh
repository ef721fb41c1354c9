#!/usr/bin/env bash
# keras 3.15.1 on TensorFlow 2.21.0: `ops.quantile(x, 0.4, method="lower")` of a symbolic tensor forgets the method, so
# that a functional model interpolates between the two numbers, where the same call on an array takes the lower one.
# Seen:  on the array: 2.0; through the model: 2.2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 2>/dev/null
cat >"$folder/run.py" <<'PY'
import keras
import numpy as np

values = np.array([[1.0, 2.0, 3.0, 4.0]], "float32")
on_array = float(keras.ops.quantile(values, 0.4, axis=1, method="lower")[0])
start = keras.Input((4,))
model = keras.Model(start, keras.ops.quantile(start, 0.4, axis=1, method="lower"))
in_model = float(model(values)[0])
print(f"on the array: {on_array}; through the model: {in_model:.1f}")
assert keras.__version__ == "3.15.1"
assert on_array == 2.0
assert abs(in_model - 2.2) < 1e-6, "the model takes the method now"
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
