"""Files that this package writes, loaded by Keras 3 live, and read back: a model with every layer that Keras 3 has."""

import json
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch

import torch_keras_lstm
from tests.parity.functional_scripts import SCRIPTS, Script
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import Training, writing
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.layers import LSTM, BatchNormalization, Bidirectional, Dense, Input, LSTMCell
from torch_keras_lstm.models import Model, Sequential, load_model
from torch_keras_lstm.structure import flatten

# Keras says of HDF5 that it is legacy, and of the models that they are not compiled.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

SHAPES: Mapping[str, tuple[int, ...]] = {
    "vector": (5,),
    "sequence": (7, 4),
    "image": (8, 9, 3),
    "volume": (6, 7, 5, 2),
    "frames": (3, 6, 5, 2),
    "words": (6,),
}
WINDOW = {"kernel_size": 2, "filters": 3}
# Each layer's arguments and what it is called on.
CASES: Mapping[str, tuple[dict[str, Any], str]] = {
    "Activation": ({"activation": "softsign"}, "vector"),
    "ActivityRegularization": ({"l1": 0.1}, "vector"),
    "AdaptiveAveragePooling1D": ({"output_size": 3}, "sequence"),
    "AdaptiveAveragePooling2D": ({"output_size": (3, 2)}, "image"),
    "AdaptiveAveragePooling3D": ({"output_size": 2}, "volume"),
    "AdaptiveMaxPooling1D": ({"output_size": 3}, "sequence"),
    "AdaptiveMaxPooling2D": ({"output_size": (3, 2)}, "image"),
    "AdaptiveMaxPooling3D": ({"output_size": 2}, "volume"),
    "AdditiveAttention": ({}, "sequence sequence"),
    "AlphaDropout": ({"rate": 0.2}, "vector"),
    "Attention": ({"use_scale": True, "score_mode": "dot"}, "sequence sequence"),
    "AveragePooling1D": ({}, "sequence"),
    "AveragePooling2D": ({"padding": "same"}, "image"),
    "AveragePooling3D": ({}, "volume"),
    "BatchNormalization": ({"momentum": 0.9, "renorm": True, "renorm_clipping": {"rmax": 2.0}}, "image"),
    "CategoryEncoding": ({"num_tokens": 7, "output_mode": "multi_hot"}, "words"),
    "CenterCrop": ({"height": 3, "width": 4}, "image"),
    "Concatenate": ({"axis": 1}, "sequence sequence"),
    "Conv1D": (WINDOW | {"dilation_rate": 2, "activation": "hard_sigmoid"}, "sequence"),
    "Conv1DTranspose": (WINDOW | {"strides": 2}, "sequence"),
    "Conv2D": (WINDOW | {"kernel_size": (3, 2), "kernel_regularizer": "l2"}, "image"),
    "Conv2DTranspose": (WINDOW | {"use_bias": False}, "image"),
    "Conv3D": (WINDOW, "volume"),
    "Conv3DTranspose": (WINDOW, "volume"),
    "ConvLSTM1D": (WINDOW | {"return_sequences": True}, "image"),
    "ConvLSTM2D": (WINDOW, "frames"),
    "Cropping1D": ({"cropping": (1, 2)}, "sequence"),
    "Cropping2D": ({"cropping": ((1, 2), (0, 1))}, "image"),
    "Cropping3D": ({"cropping": 1}, "volume"),
    "Dense": ({"units": 3, "kernel_constraint": "max_norm", "activation": "gelu"}, "vector"),
    "DepthwiseConv1D": ({"kernel_size": 3, "depth_multiplier": 2}, "sequence"),
    "DepthwiseConv2D": ({"kernel_size": 2}, "image"),
    "Dot": ({"axes": (2, 2), "normalize": True}, "sequence sequence"),
    "Dropout": ({"rate": 0.5, "seed": 3}, "vector"),
    "ELU": ({"alpha": 0.5}, "vector"),
    "EinsumDense": ({"equation": "abc,cd->abd", "output_shape": (None, 3), "bias_axes": "d"}, "sequence"),
    "Embedding": ({"input_dim": 9, "output_dim": 3, "mask_zero": True}, "words"),
    "Flatten": ({}, "sequence"),
    "GRU": ({"units": 3, "reset_after": False, "return_sequences": True}, "sequence"),
    "GaussianDropout": ({"rate": 0.2}, "vector"),
    "GaussianNoise": ({"stddev": 0.2}, "vector"),
    "GlobalAveragePooling1D": ({}, "sequence"),
    "GlobalAveragePooling2D": ({"keepdims": True}, "image"),
    "GlobalAveragePooling3D": ({}, "volume"),
    "GlobalMaxPooling1D": ({}, "sequence"),
    "GlobalMaxPooling2D": ({}, "image"),
    "GlobalMaxPooling3D": ({}, "volume"),
    "GroupNormalization": ({"groups": 2}, "sequence"),
    "GroupQueryAttention": ({"head_dim": 4, "num_query_heads": 4, "num_key_value_heads": 2}, "sequence, sequence"),
    "Identity": ({}, "sequence"),
    "LSTM": ({"units": 3, "return_state": True, "recurrent_activation": "hard_sigmoid", "use_bias": False}, "sequence"),
    "LayerNormalization": ({"axis": (1, 2)}, "sequence"),
    "LeakyReLU": ({"negative_slope": 0.2}, "vector"),
    "Masking": ({"mask_value": 0.5}, "sequence"),
    "MaxPooling1D": ({"pool_size": 3, "strides": 2}, "sequence"),
    "MaxPooling2D": ({}, "image"),
    "MaxPooling3D": ({}, "volume"),
    # Keras rounds 1 / sqrt(key_dim) to float32, whatever the layer's type: of 4 nothing is lost.
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 4, "value_dim": 3}, "sequence, sequence"),
    "Normalization": ({"axis": -1}, "sequence"),
    "PReLU": ({"shared_axes": [1], "alpha_initializer": "glorot_uniform"}, "sequence"),
    "Permute": ({"dims": (2, 1)}, "sequence"),
    "RMSNormalization": ({"axis": -1, "epsilon": 1e-3}, "sequence"),
    "ReLU": ({"max_value": 1.5, "negative_slope": 0.1, "threshold": 0.2}, "vector"),
    "RepeatVector": ({"n": 3}, "vector"),
    "Resizing": ({"height": 3, "width": 12, "interpolation": "nearest"}, "image"),
    "ReversibleEmbedding": ({"input_dim": 9, "output_dim": 3, "tie_weights": False}, "words"),
    "Rescaling": ({"scale": 2.0, "offset": [1.0, 2.0, 3.0, 4.0, 5.0]}, "vector"),
    "Reshape": ({"target_shape": (-1, 2)}, "sequence"),
    "SeparableConv1D": (WINDOW, "sequence"),
    "SeparableConv2D": (WINDOW, "image"),
    "SimpleRNN": ({"units": 3, "go_backwards": True, "stateful": False}, "sequence"),
    "Softmax": ({"axis": 1}, "sequence"),
    "SpatialDropout1D": ({"rate": 0.2}, "sequence"),
    "SpatialDropout2D": ({"rate": 0.2}, "image"),
    "SpatialDropout3D": ({"rate": 0.2}, "volume"),
    "UnitNormalization": ({"axis": -1}, "sequence"),
    "UpSampling1D": ({"size": 3}, "sequence"),
    "UpSampling2D": ({"size": (2, 3), "interpolation": "bilinear"}, "image"),
    "UpSampling3D": ({}, "volume"),
    "ZeroPadding1D": ({"padding": (1, 2)}, "sequence"),
    "ZeroPadding2D": ({"padding": ((1, 2), (0, 1))}, "image"),
    "ZeroPadding3D": ({"padding": 1}, "volume"),
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), ({}, "sequence sequence")),
}
# Made in `_wrapped`.
APART = {"Bidirectional", "TimeDistributed", "RNN", "StackedRNNCells", "LSTMCell", "GRUCell", "SimpleRNNCell"}
# In test_text_layers_in_files.py.
OF_TEXTS = {"Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"}
# TensorFlow has no kernel for it on a CPU, or interpolates in float32.
NOT_ON_TENSORFLOW_IN_FLOAT64 = {
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D", "AveragePooling3D", "MaxPooling3D", "Resizing", "UpSampling2D",
}  # fmt: skip
# In test_augmentations_match_keras.py, test_mel_spectrogram_matches_keras.py and test_added_layers_match_keras.py.
OF_IMAGES_AND_SOUNDS = {
    "AugMix", "AutoContrast", "CutMix", "Equalization", "MelSpectrogram", "MixUp", "RandAugment", "RandomBrightness",
    "ContrastLimitedAdaptiveHistogramEqualization", "MaxNumBoundingBoxes", "Pipeline",
    "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform",
    "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
    "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear",
    "RandomTranslation", "RandomZoom", "STFTSpectrogram", "Solarization", "SpectralNormalization",
}  # fmt: skip
NOT_IN_KERAS_3 = {
    *("Highway", "LocallyConnected1D", "LocallyConnected2D", "MaxoutDense", "Merge", "RandomHeight", "RandomWidth"),
    "ThresholdedReLU",
}


OF_KERAS_3_16 = {"Mosaic", "TernaryDense"}  # in test_any_keras_3.py


def test_every_layer_is_in_the_table() -> None:
    elsewhere = APART | OF_TEXTS | OF_IMAGES_AND_SOUNDS | NOT_IN_KERAS_3 | OF_KERAS_3_16 | {"ConvLSTM3D"}
    assert CASES.keys() | elsewhere == LAYERS.keys()


def _called(layer: Any, on: str, inputs: Mapping[str, Any]) -> Any:
    if ", " in on:
        return layer(*(inputs[name] for name in on.split(", ")))
    names = on.split()
    return layer([inputs[name] for name in names] if len(names) > 1 else inputs[names[0]])


def _wrapped(layers: Any, sequence: Any, dtype: str) -> list[Any]:
    cells = [layers.GRUCell(3, dtype=dtype), layers.SimpleRNNCell(2, dtype=dtype), layers.LSTMCell(4, dtype=dtype)]
    forward, backward = layers.LSTM(3, dtype=dtype), layers.LSTM(2, go_backwards=True, dtype=dtype)
    return [
        layers.RNN(cells, dtype=dtype)(sequence),
        layers.RNN(layers.LSTMCell(3, dtype=dtype), return_sequences=True, dtype=dtype)(sequence),
        layers.TimeDistributed(layers.Dense(2, dtype=dtype), dtype=dtype)(sequence),
        layers.Bidirectional(layers.GRU(3, dtype=dtype), merge_mode="sum", dtype=dtype)(sequence),
        layers.Bidirectional(forward, backward_layer=backward, dtype=dtype)(sequence),
    ]


def _whole_registry(dtype: str) -> Model:
    inputs = {
        name: Input(shape, dtype="int32" if name == "words" else dtype, name=name) for name, shape in SHAPES.items()
    }
    layers = torch_keras_lstm.layers
    absent = NOT_ON_TENSORFLOW_IN_FLOAT64 if dtype == "float64" else ()
    outputs = [
        _called(getattr(layers, name)(**arguments, dtype=dtype), on, inputs)
        for name, (arguments, on) in CASES.items()
        if name not in absent
    ]
    return Model([*inputs.values()], flatten([outputs, _wrapped(layers, inputs["sequence"], dtype)]), name="registry")


def _arrays(dtype: str) -> list[Any]:
    random = np.random.default_rng(5)
    arrays = [random.normal(size=(3, *shape)).astype(dtype) for shape in SHAPES.values()]
    arrays[-1] = random.integers(0, 9, size=(3, *SHAPES["words"])).astype("int32")
    return arrays


def _randomized(model: Model) -> Model:
    random = np.random.default_rng(6)
    weights = model.get_weights()
    model.set_weights([random.uniform(0.1, 0.9, weight.shape).astype(weight.dtype) for weight in weights])
    return model.eval()


def _numbers(outputs: Any) -> list[Any]:
    return [np.asarray(output.detach() if isinstance(output, torch.Tensor) else output) for output in flatten(outputs)]


def _tensors(arrays: Any) -> Any:
    if isinstance(arrays, dict):
        return {name: torch.as_tensor(array) for name, array in arrays.items()}
    return [*map(torch.as_tensor, arrays)] if isinstance(arrays, list) else torch.as_tensor(arrays)


def _check(model: Model, arrays: Any, path: Path, tolerance: str) -> None:
    """What Keras makes of the file, and what we do."""
    expected = _numbers(model(_tensors(arrays)))
    with float64(keras) if tolerance == "float64" else nullcontext():
        # Keras 3.15 moves the averages of a BatchNormalization in such a model when it is not told to be in inference.
        found = _numbers(keras.models.load_model(path, compile=False)(arrays, training=False))
    for index, (got, want) in enumerate(zip(found, expected, strict=True)):
        assert_close(got, want, tolerance, f"output {index} of Keras")
    ours = load_model(path)
    for index, (got, want) in enumerate(zip(_numbers(ours(_tensors(arrays))), expected, strict=True)):
        assert np.array_equal(got, want), f"output {index} read back"


@pytest.mark.parametrize("container", ["keras", "h5"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_of_every_layer(dtype: str, container: str, tmp_path: Path) -> None:
    model, path = _randomized(_whole_registry(dtype)), tmp_path / f"model.{container}"
    model.save(path)
    _check(model, _arrays(dtype), path, {"float32": "float32 elementwise", "float64": "float64"}[dtype])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
def test_functional_models_in_every_container(script: Script, tmp_path: Path) -> None:
    model, arrays = script(torch_keras_lstm, np.random.default_rng(3))
    _randomized(model.double())
    for container in ("keras", "h5"):
        model.save(tmp_path / f"model.{container}")
        _check(model, arrays, tmp_path / f"model.{container}", "float64")
    model.save(tmp_path / "folder")
    expected, got = _numbers(model(_tensors(arrays))), _numbers(load_model(tmp_path / "folder")(_tensors(arrays)))
    assert all(np.array_equal(one, other) for one, other in zip(got, expected, strict=True))


def _stack() -> Sequential:
    frozen = LSTM(5, name="frozen", return_sequences=True)
    both = Bidirectional(LSTM(4, return_sequences=True), name="both")
    inner = Sequential([frozen, Dense(3, name="inner_dense")], name="inner")
    model = Sequential([Input((6, 3)), both, BatchNormalization(), inner, LSTM(4, name="last"), Dense(2)], name="stack")
    frozen.trainable = both.forward_layer.trainable = False
    return model


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_frozen_layers_and_nested_models_of_a_stack(container: str, tmp_path: Path) -> None:
    """Legacy files list frozen weights last."""
    model, path = _randomized(_stack()), tmp_path / f"model.{container}"
    model.save(path)
    _check(model, np.random.default_rng(1).normal(size=(2, 6, 3)).astype("float32"), path, "float32 elementwise")


def test_weights_alone(tmp_path: Path) -> None:
    model, path = _randomized(_stack()), tmp_path / "model.weights.h5"
    model.save(tmp_path / "model.keras")
    model.save_weights(path)
    theirs = keras.models.load_model(tmp_path / "model.keras", compile=False)
    theirs.set_weights([np.zeros_like(weight) for weight in theirs.get_weights()])
    theirs.load_weights(path)
    fresh = _stack()
    fresh.load_weights(path)
    for got, read, want in zip(theirs.get_weights(), fresh.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(got, want)
        assert np.array_equal(read, want)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_weights_in_shards(tmp_path: Path) -> None:
    """A layer's weights may stand in two shards, and then the list names both."""
    model = _randomized(_stack())
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.json", max_shard_size=6e-7)
    theirs = keras.models.load_model(tmp_path / "model.keras", compile=False)
    (tmp_path / "keras").mkdir()
    theirs.save_weights(tmp_path / "keras" / "model.weights.json", max_shard_size=6e-7)
    ours, by_keras = (
        json.loads((folder / "model.weights.json").read_text()) for folder in (tmp_path, tmp_path / "keras")
    )
    assert ours["metadata"] == by_keras["metadata"]
    assert ours["weight_map"].keys() == by_keras["weight_map"].keys()
    for listed in (ours, by_keras):
        assert max(len(where) for where in listed["weight_map"].values()) == 2
    theirs.set_weights([np.zeros_like(weight) for weight in theirs.get_weights()])
    theirs.load_weights(tmp_path / "model.weights.json")
    fresh = _stack()
    fresh.load_weights(tmp_path / "keras" / "model.weights.json")
    for got, read, want in zip(theirs.get_weights(), fresh.get_weights(), model.get_weights(), strict=True):
        assert np.array_equal(got, want)
        assert np.array_equal(read, want)


def test_what_a_compiled_model_needs_to_go_on(tmp_path: Path) -> None:
    """The optimizer's variables stand where Keras numbers them. From an ``.h5`` file Keras 3 cannot go on at all."""
    x, y = np.random.default_rng(1).normal(size=(8, 6, 3)), np.random.default_rng(2).normal(size=(8, 2))
    loss = keras.saving.serialize_keras_object(keras.losses.MeanSquaredError())
    ours = Sequential([Input((6, 3), dtype="float64"), LSTM(4, dtype="float64"), Dense(2, dtype="float64")])
    with float64(keras):
        theirs = keras.Sequential([keras.Input((6, 3)), keras.layers.LSTM(4), keras.layers.Dense(2)])
        theirs.compile(keras.optimizers.Adam(0.01), "mse")
        theirs.fit(x, y, epochs=2, verbose=0, shuffle=False)
        ours.set_weights(theirs.get_weights())
        optimizer = {"module": "keras.optimizers", "class_name": "Adam", "config": theirs.optimizer.get_config()}
        training = Training(
            compile_config={"optimizer": {**optimizer, "registered_name": None}, "loss": loss},
            optimizer=[(variable.path, np.asarray(variable)) for variable in theirs.optimizer.variables],
        )
        writing.save_model(ours, tmp_path / "model.keras", training)
        again = keras.models.load_model(tmp_path / "model.keras")
        curves = [model.fit(x, y, epochs=3, verbose=0, shuffle=False).history["loss"] for model in (theirs, again)]
    assert_close(curves[1], curves[0], "float64 curve")


def test_a_cell_of_keras_in_its_layer_keeps_its_own_arguments(tmp_path: Path) -> None:
    cell = LSTMCell(3, activation="relu", unit_forget_bias=False, dropout=0.2)
    model = _randomized(Sequential([Input((5, 4)), torch_keras_lstm.layers.RNN(cell)]))
    model.save(tmp_path / "model.keras")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    assert theirs.layers[0].cell.dropout == 0.2
    _check(model, np.ones((2, 5, 4), "float32"), tmp_path / "model.keras", "float32 elementwise")
