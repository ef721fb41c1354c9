#!/usr/bin/env bash
# keras 3.15.1 with orbax-checkpoint 0.12.8: `load_model` of what `OrbaxCheckpoint` saved gives a Sequential fresh weights, all
# of them (a functional model those of layers inside of others), and an optimizer without its moments. It looks for the paths
# that variables had in the model that was made, which they have not in one that is loaded. No word is said.
# Seen:  weights that came back: 0 of 8; Adam's momentum before: 3.5, after: 0.0
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check \
    tensorflow==2.21.0 keras==3.15.1 orbax-checkpoint==0.12.8 jax==0.10.2 2>/dev/null
cat >"$folder/run.py" <<'PY'
import sys

import keras
import numpy as np

keras.utils.set_random_seed(0)
layers = keras.layers
model = keras.Sequential([layers.Input((5, 3)), layers.Bidirectional(layers.LSTM(4), merge_mode="sum"), layers.Dense(2)])
model.compile("adam", "mse")
x, y = np.random.default_rng(0).normal(size=(6, 5, 3)), np.ones((6, 2))
save = keras.callbacks.OrbaxCheckpoint(sys.argv[1], save_on_background=False)
model.fit(x, y, epochs=5, verbose=0, callbacks=[save])
loaded = keras.models.load_model(sys.argv[1])
pairs = zip(model.get_weights(), loaded.get_weights(), strict=True)
same = [np.array_equal(one, other) for one, other in pairs]
before, after = (
    sum(float(abs(np.array(one)).sum()) for one in each.optimizer.variables if one.path.endswith("momentum"))
    for each in (model, loaded)
)
print(f"weights that came back: {sum(same)} of {len(same)}; Adam's momentum before: {before:.1f}, after: {after:.1f}")
assert keras.__version__ == "3.15.1"
assert not any(same) and after == 0.0, "all of it comes back now"
PY
KERAS_BACKEND=tensorflow TF_CPP_MIN_LOG_LEVEL=3 "$folder/venv/bin/python" "$folder/run.py" "$folder/checkpoint" 2>/dev/null
