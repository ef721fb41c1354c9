#!/usr/bin/env bash
# tf_keras 2.21.0 on TensorFlow 2.21.0: `TimeDistributed` around a model asks the model for its mask after each call, which
# runs the model once more, in training too. Batch normalization inside moves its averages twice a step, around a layer once.
# Seen:  one step of training, momentum 0.9, moving mean of ones: in a layer 0.1000, in a model 0.1900
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check tensorflow==2.21.0 tf_keras==2.21.0 2>/dev/null
cat >"$folder/run.py" <<'PY'
import numpy as np
import tf_keras
from tf_keras import layers

found = []
for wrap in (lambda inner: inner, lambda inner: tf_keras.Sequential([inner])):
    normalization = layers.BatchNormalization(momentum=0.9)
    model = tf_keras.Sequential([layers.Input((3, 2)), layers.TimeDistributed(wrap(normalization))])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 3, 2), "float32"), np.zeros((4, 3, 2), "float32"))
    found.append(float(normalization.moving_mean.numpy()[0]))
print(f"one step of training, momentum 0.9, moving mean of ones: in a layer {found[0]:.4f}, in a model {found[1]:.4f}")
assert tf_keras.__version__ == "2.21.0"
assert abs(found[0] - 0.1) < 1e-5 and abs(found[1] - 0.19) < 1e-5, "the averages move as often now"
PY
TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" 2>/dev/null
