#!/usr/bin/env bash
# keras 3.15.1 on TensorFlow 2.21.0: `ops.argpartition` casts floating-point numbers to int32 first, so that all numbers
# between 0 and 1 are equal to it, and the indices come back in the order in which the numbers stand. No word is said.
# Seen:  smallest by argpartition: [0 1] -> [0.9 0.8]; by sorting: [3 2] -> [0.1 0.3]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 2>/dev/null
cat >"$folder/run.py" <<'PY'
import keras
import numpy as np

values = np.array([0.9, 0.8, 0.3, 0.1], "float32")
got = np.array(keras.ops.argpartition(values, 1))[:2]
want = np.argsort(values)[:2]
print(f"smallest by argpartition: {got} -> {values[got]}; by sorting: {want} -> {values[want]}")
assert keras.__version__ == "3.15.1"
assert set(got) != set(want), "the two smallest numbers are found now"
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
