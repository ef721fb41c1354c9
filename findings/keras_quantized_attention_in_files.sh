#!/usr/bin/env bash
# keras 3.15.1, any backend: model.quantize("int8") quantizes the layers inside MultiHeadAttention, and model.save writes their
# arrays, but nothing in the configuration says so: the same Keras cannot load the file.
# Seen:  ValueError: A total of 4 objects could not be loaded. [...] Layer 'key' expected 2 variables, but received 0 [...]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/run.py" <<'PY'
import sys

import keras

assert keras.__version__ == "3.15.1"
inputs = keras.Input((5, 6))
model = keras.Model(inputs, keras.layers.MultiHeadAttention(2, 3)(inputs, inputs))
model.quantize("int8")
assert model.layers[1].query_dense.quantization_mode == "int8"
model.save(f"{sys.argv[1]}/model.keras")
try:
    keras.models.load_model(f"{sys.argv[1]}/model.keras")
except ValueError as error:
    print("ValueError:", " ".join(str(error).split())[:250])
else:
    raise AssertionError("the file can be loaded now")
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check keras==3.15.1 numpy==2.3.5 2>/dev/null
KERAS_BACKEND=numpy "$folder/venv/bin/python" "$folder/run.py" "$folder" 2>/dev/null
