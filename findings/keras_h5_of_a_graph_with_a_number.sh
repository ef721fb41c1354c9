#!/usr/bin/env bash
# keras 3.15.1 on TensorFlow 2.21.0: a functional model in which a tensor is multiplied by a number saves to .h5 without a
# word, and that file cannot be loaded by the same Keras. The .keras file of the same model can.
# Seen:  model.keras: loaded; model.h5: ValueError: Only input tensors may be passed as positional arguments. [...] 2.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 2>/dev/null
cat >"$folder/run.py" <<'PY'
import os
import sys

import keras

assert keras.__version__ == "3.15.1"
inputs = keras.Input((4,))
model = keras.Model(inputs, keras.layers.Dense(2)(inputs * 2.0))
for name in ("model.keras", "model.h5"):
    path = os.path.join(sys.argv[1], name)
    model.save(path)
    try:
        keras.models.load_model(path)
    except Exception as error:
        text = " ".join(str(error).split())
        print(f"{name}: {type(error).__name__}: {text[:200]}")
        assert name == "model.h5"
        assert "positional argument" in text
    else:
        print(f"{name}: loaded")
        assert name == "model.keras", "the .h5 file can be loaded now"
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" "$folder" 2>/dev/null
