"""Keras' models as tensorflowjs 4.22.0 converts them: ``python make_tfjs_converted.py WHEEL_FOLDER FOLDER``.

WHEEL_FOLDER is its unpacked wheel. Its modules that convert are run as they are; importing the package needs releases
of TensorFlow Hub and JAX that do not go with today's TensorFlow. `x0` and `y0` beside each model are what the Keras
that made it answered; `t0` is what TF.js answered, of models that TF.js runs.
"""

import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import tf_keras

sys.path.insert(0, str(Path(__file__).parents[2]))
wheel, folder = Path(sys.argv[1]), Path(sys.argv[2])
for name in ("tensorflowjs", "tensorflowjs.converters"):
    package = ModuleType(name)
    package.__path__ = [str(wheel / name.replace(".", "/"))]
    sys.modules[name] = package

from tensorflowjs.converters import keras_h5_conversion as converter  # noqa: E402

from tests.parity import tfjs_in_node  # noqa: E402

random = np.random.default_rng(7)


def randomize(model):
    model.set_weights([random.uniform(-0.8, 0.8, weight.shape) for weight in model.get_weights()])
    return model


def masked(library):
    layers = library.layers
    lstm = layers.LSTM(4, return_sequences=True, recurrent_activation="hard_sigmoid")
    return library.Sequential(
        [
            layers.Input((6,), dtype="int32"),
            layers.Embedding(9, 3, mask_zero=True, name="z_words"),
            layers.GRU(5, reset_after=False, return_sequences=True, name="layer_10"),
            layers.Bidirectional(lstm, name="layer_9"),
            layers.Dense(2, name="a_last"),
        ]
    )


def compiled(library):
    layers = library.layers
    x = layers.Input((5, 3), name="x")
    steps = layers.LSTM(4, return_sequences=True)(x)
    inner = library.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(4)], name="inner")
    steps = layers.TimeDistributed(layers.Dense(4, "selu"))(layers.Add()([steps, layers.TimeDistributed(inner)(steps)]))
    model = library.Model(x, layers.LSTM(2, go_backwards=True)(layers.LayerNormalization()(steps)))
    model.compile("adam", "mse", metrics=["mae"])
    return model


def record(name, model, x, path):
    answer = {"x0": x, "y0": np.asarray(model(x))}
    (said,) = tfjs_in_node.answers([(path, [x])])
    if isinstance(said, str):
        print(name, "is not run by TF.js:", said.split("\n")[0][:100])
    else:
        answer["t0"] = said[0]
    np.savez(folder / name / "answer.npz", **answer)


words = np.int32([[0, 3, 1, 0, 0, 0], [2, 0, 8, 4, 0, 0], [5, 6, 7, 1, 2, 3]])
steps = random.normal(size=(2, 5, 3)).astype(np.float32)
for name, make, x, quantization in (
    ("masked", masked, words, None),
    ("masked_uint8", masked, words, {"uint8": True}),
    ("compiled_float16", compiled, steps, {"float16": ["*lstm*"], "uint16": True}),
):
    model = randomize(make(tf_keras))
    converter.save_keras_model(model, folder / name, quantization, weight_shard_size_bytes=500)
    record(name, model, x, folder / name / "model.json")

for name, make, x in (("keras_3_masked", masked, words), ("keras_3_compiled", compiled, steps)):
    model = randomize(make(keras))
    model.save(folder / f"{name}.keras")
    with zipfile.ZipFile(folder / f"{name}.keras") as archive:
        archive.extract("model.weights.h5", folder)
        metadata, config = (json.loads(archive.read(member)) for member in ("metadata.json", "config.json"))
    topology, groups = converter.h5_v3_merged_saved_model_to_tfjs_format(
        str(folder / "model.weights.h5"), metadata, config
    )
    (folder / name).mkdir(exist_ok=True)
    converter.write_artifacts(topology, groups, folder / name, weight_shard_size_bytes=500)
    record(name, model, x, folder / name / "model.json")
    for left in (folder / f"{name}.keras", folder / "model.weights.h5"):
        left.unlink()
