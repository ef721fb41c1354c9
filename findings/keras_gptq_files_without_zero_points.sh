#!/usr/bin/env bash
# keras 3.15.1, any backend: a layer that GPTQ (or AWQ) quantized is saved without its zero points, so that no Keras can load
# the file, and what asymmetric quantization made of the weights is lost. keras 3.13.2 saved them.
# Seen:  3.15.1 saves 4 of 5 variables, without kernel_zero; ValueError: [...] expected 5 variables, but received 4 [...]
#        3.13.2 saves 5 of 5 variables; loaded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/run.py" <<'PY'
import sys

import h5py
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
config = keras.quantizers.GPTQConfig(dataset=None, tokenizer=None, group_size=2)
if keras.__version__ == "3.13.2":
    model.layers[0].quantize("gptq", config=config)
else:
    model.layers[0].quantize(config=config)
path = f"{sys.argv[1]}/model"
model.save_weights(f"{path}.weights.h5")
with h5py.File(f"{path}.weights.h5") as file:
    saved = len(file["layers/dense/vars"])
names = ["bias", "quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"]
assert all(hasattr(model.layers[0], name) for name in names)
print(f"{keras.__version__} saves {saved} of {len(names)} variables")
try:
    model.load_weights(f"{path}.weights.h5")
except ValueError as error:
    print("ValueError:", " ".join(str(error).split())[:250])
    assert (keras.__version__, saved) == ("3.15.1", 4)
else:
    print("loaded")
    assert (keras.__version__, saved) == ("3.13.2", 5)
PY
python3 -m venv "$folder/venv"
for version in 3.15.1 3.13.2; do
  "$folder/venv/bin/pip" install -q --disable-pip-version-check "keras==$version" numpy==2.3.5 2>/dev/null
  KERAS_BACKEND=numpy "$folder/venv/bin/python" "$folder/run.py" "$folder" 2>/dev/null
done
