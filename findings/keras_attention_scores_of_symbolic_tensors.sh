#!/usr/bin/env bash
# keras 3.15.1 on TensorFlow 2.21.0: `MultiHeadAttention` on symbolic tensors reports attention scores of (queries, queries)
# where a call gives (queries, keys): a layer that is built on them is built for the wrong size.
# Seen:  reported (None, 2, 5, 5), given (3, 2, 5, 6)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 keras==3.15.1 2>/dev/null
cat >"$folder/run.py" <<'PY'
import keras
import numpy as np

assert keras.__version__ == "3.15.1"
layer = keras.layers.MultiHeadAttention(2, 4)
queries, values = keras.Input((5, 8)), keras.Input((6, 8))
_, reported = layer(queries, values, return_attention_scores=True)
given = layer(np.ones((3, 5, 8)), np.ones((3, 6, 8)), return_attention_scores=True)[1]
print(f"reported {reported.shape}, given {tuple(given.shape)}")
assert tuple(reported.shape[1:]) == (2, 5, 5), "the symbolic shape has changed"
assert tuple(given.shape) == (3, 2, 5, 6)
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
