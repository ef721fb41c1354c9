"""Layers that scripts meet beside the common ones, here and in Keras 3: numbers, gradients, weights, words."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

import torch_keras_lstm
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.models import load_model

B, T, F = 3, 5, 4


def drawn(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


# -- names ------------------------------------------------------------------------------------------------------------

# Layers of Keras that this package has not, and why, or what to write instead.
IMAGES = "augments images at random, by draws that are TensorFlow's own: `torchvision.transforms.v2` in the data loader"


def test_every_alias_of_keras_is_the_same_layer_here() -> None:
    for name in dir(keras.layers):
        theirs = getattr(keras.layers, name)
        if isinstance(theirs, type) and theirs.__name__ != name and hasattr(keras.layers, theirs.__name__):
            assert getattr(layers, name) is getattr(layers, theirs.__name__), name


def test_no_public_function_is_hidden_by_a_module() -> None:
    for name in dir(keras.layers):
        if not name.startswith("_") and callable(getattr(keras.layers, name)) and hasattr(layers, name):
            assert callable(getattr(layers, name)), name


# -- functional merges ------------------------------------------------------------------------------------------------

MERGES: list[tuple[str, dict[str, Any], list[tuple[int, ...]]]] = [
    ("add", {}, [(B, T, F), (B, T, F), (B, T, 1)]),
    ("subtract", {}, [(B, T, F), (B, T, F)]),
    ("multiply", {}, [(B, T, F), (B, F), (B, T, F)]),
    ("average", {}, [(B, T, F), (B, T, F)]),
    ("maximum", {}, [(B, T, F), (B, T, F), (B, T, F)]),
    ("minimum", {}, [(B, T, F), (B, T, F)]),
    ("concatenate", {}, [(B, T, F), (B, T, 2)]),
    ("concatenate", {"axis": 1}, [(B, T, F), (B, 2, F)]),
    ("dot", {"axes": 1}, [(B, T, F), (B, T, 2)]),
    ("dot", {"axes": (2, 1), "normalize": True}, [(B, T, F), (B, F, 2)]),
    ("dot", {}, [(B, F), (B, F)]),
]


@pytest.mark.parametrize(("name", "arguments", "shapes"), MERGES)
def test_merging_functions(name: str, arguments: dict[str, Any], shapes: list[tuple[int, ...]]) -> None:
    values = [drawn(*shape, seed=seed) for seed, shape in enumerate(shapes)]
    arguments = {**arguments, "dtype": "float64"}
    ours, theirs = getattr(layers, name), getattr(keras.layers, name)
    expected = theirs([tf.constant(value) for value in values], **arguments)
    assert_close(ours([torch.tensor(value) for value in values], **arguments).detach(), np.asarray(expected), "float64")

    symbolic = [layers.Input(shape[1:], dtype="float64") for shape in shapes]
    model = torch_keras_lstm.Model(symbolic, ours(symbolic, **arguments))
    assert_close(model([torch.tensor(value) for value in values]), np.asarray(expected), "float64")


# -- Lambda -----------------------------------------------------------------------------------------------------------


def scaled(x: Any, factor: float = 2.0) -> Any:
    return x * factor


def shifted_in_training(x: Any, training: Any = None) -> Any:
    return x + 1.0 if training else x


LAMBDAS: list[tuple[Callable[[Any], Any], dict[str, Any]]] = [
    (lambda k: lambda x: x[:, -1] ** 2, {}),
    (lambda k: lambda x: k.ops.mean(x, axis=1, keepdims=True), {}),
    (lambda k: scaled, {"arguments": {"factor": -1.5}}),
    (lambda k: lambda x: k.ops.concatenate([x, x], axis=1), {"output_shape": (2 * T, F)}),
    (lambda k: lambda x: k.ops.sum(x, axis=2), {"output_shape": lambda shape: shape[:2]}),
    (lambda k: shifted_in_training, {}),
]


@pytest.mark.parametrize(("function", "arguments"), LAMBDAS)
@pytest.mark.parametrize("training", [False, True])
def test_a_lambda(function: Callable[[Any], Any], arguments: dict[str, Any], training: bool) -> None:
    x = drawn(B, T, F)
    theirs = keras.layers.Lambda(function(keras), **arguments, dtype="float64")
    ours = layers.Lambda(function(torch_keras_lstm), **arguments, dtype="float64")
    expected = np.asarray(theirs(tf.constant(x), training=training))
    assert_close(ours(torch.tensor(x), training=training), expected, "float64")
    assert ours.compute_output_shape((None, T, F)) == tuple(theirs.compute_output_shape((None, T, F)))
    entry = layers.Input((T, F), dtype="float64")
    model = torch_keras_lstm.Model(entry, ours(entry))
    assert model.output_shape == theirs(keras.Input((T, F))).shape


def test_the_mask_of_a_lambda_is_what_it_says() -> None:
    mask = np.array([[True, False]])
    for k in (keras, torch_keras_lstm):
        assert k.layers.Lambda(scaled).compute_mask(None, mask) is None
        assert k.layers.Lambda(scaled, mask=mask).compute_mask(None, None) is mask
        assert k.layers.Lambda(scaled, mask=lambda x, m: m).compute_mask(None, mask) is mask


def test_a_lambda_comes_back_with_its_function_and_never_with_code(tmp_path: Any) -> None:
    model = torch_keras_lstm.Sequential([layers.Input((T, F)), layers.Lambda(scaled, name="twice"), layers.Flatten()])
    model.save(tmp_path / "named.keras")
    x = drawn(B, T, F).astype("float32")
    for given in ({"scaled": scaled}, {"twice": scaled}):
        again = torch_keras_lstm.models.load_model(tmp_path / "named.keras", custom_objects=given)
        assert_close(again(torch.tensor(x)), 2 * x.reshape(B, -1), "float32 elementwise")
    theirs = keras.models.load_model(tmp_path / "named.keras", custom_objects={"scaled": scaled})
    assert_close(np.asarray(theirs(x)), 2 * x.reshape(B, -1), "float32 elementwise")
    with pytest.raises(ValueError, match=r"The code of a Lambda .* `custom_objects=\{'twice': function\}`"):
        torch_keras_lstm.models.load_model(tmp_path / "named.keras")
    unnamed = layers.Lambda(lambda x: x, name="own")
    for safe_mode in (None, True, False):
        with pytest.raises(ValueError, match=r"whose `function` is a Python lambda \(layer `own`\).*never run here"):
            layers.Lambda.from_config(unnamed.get_config(), safe_mode=safe_mode)
    theirs_config = keras.layers.Lambda(lambda x: x).get_config()
    with pytest.raises(ValueError, match="whose `function` is a Python lambda"):
        layers.Lambda.from_config(theirs_config, safe_mode=False)


def test_a_lambda_that_cannot_be_called_without_numbers_says_what_to_do() -> None:
    with pytest.raises(ValueError, match=r"cannot be called with tensors that have no numbers .*`output_shape=`"):
        layers.Lambda(lambda x: torch.tensor(x.numpy()))(layers.Input((T,)))


# -- layers that draw nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D"])
@pytest.mark.parametrize("form", ["channels_last", "channels_first"])
def test_adaptive_pooling_of_volumes(name: str, form: str) -> None:
    """In single precision: TensorFlow has no other on a CPU."""
    sizes = (7, 6, 5)
    x = drawn(B, *((F, *sizes) if form == "channels_first" else (*sizes, F))).astype("float32")
    arguments = {"output_size": (3, 2, 4), "data_format": form}
    theirs, ours = getattr(keras.layers, name)(**arguments), getattr(layers, name)(**arguments)
    inputs, variable = torch.tensor(x, requires_grad=True), tf.Variable(x)
    with tf.GradientTape() as tape:
        expected = theirs(variable)
        loss = tf.reduce_sum(tf.square(expected))
    outputs = ours(inputs)
    outputs.square().sum().backward()
    assert_close(outputs.detach(), expected.numpy(), "float32 elementwise")
    assert_close(inputs.grad, tape.gradient(loss, variable).numpy(), "float32 elementwise")


@pytest.mark.parametrize(("inner", "shape"), [("Dense", (F,)), ("Conv1D", (T, F)), ("Embedding", (T,))])
@pytest.mark.parametrize("iterations", [1, 3])
def test_spectral_normalization(inner: str, shape: tuple[int, ...], iterations: int) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"Dense": (6,), "Conv1D": (6, 2), "Embedding": (7, 6)}
    x = np.random.default_rng(2).integers(0, 7, (B, T)) if inner == "Embedding" else drawn(B, *shape)

    def make(k: Any) -> Any:
        layer = getattr(k.layers, inner)(*arguments[inner], dtype="float64")
        return k.layers.SpectralNormalization(layer, power_iterations=iterations, dtype="float64")

    theirs, ours = make(keras), make(torch_keras_lstm)
    theirs.build((B, *shape))
    ours.build((B, *shape))
    u = drawn(1, 6, seed=4)
    inner_weights = [drawn(*weight.shape, seed=seed) for seed, weight in enumerate(theirs.layer.get_weights())]
    theirs.layer.set_weights(inner_weights)
    ours.layer.set_weights(inner_weights)
    theirs.vector_u.assign(u)
    ours.vector_u.copy_(torch.tensor(u))
    for training in (False, True, True, False):
        expected = theirs(tf.constant(x), training=training)
        assert_close(ours(torch.tensor(x), training=training).detach(), np.asarray(expected), "float64")
        assert_close(ours.vector_u, theirs.vector_u.numpy(), "float64")
        for mine, one in zip(ours.layer.get_weights(), theirs.layer.get_weights(), strict=True):
            assert_close(mine, one, "float64")


def test_spectral_normalization_of_what_has_no_kernel_says_so() -> None:
    with pytest.raises(ValueError, match="has no kernel and no embeddings"):
        layers.SpectralNormalization(layers.Dropout(0.5))(torch.ones(2, 3))
    with pytest.raises(ValueError, match="power_iterations"):
        layers.SpectralNormalization(layers.Dense(2), power_iterations=0)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_spectral_normalization_goes_through_files_in_both_directions(suffix: str, tmp_path: Any) -> None:
    """Keras writes the kernel twice into `.keras` files."""
    k = keras.layers
    wrapped = [k.SpectralNormalization(k.Conv1D(5, 2), power_iterations=2), k.SpectralNormalization(k.Dense(3))]
    theirs = keras.Sequential([keras.Input((T, F)), *wrapped, k.LSTM(2)])
    theirs.set_weights([drawn(*weight.shape, seed=seed) for seed, weight in enumerate(theirs.get_weights())])
    x = drawn(B, T, F).astype("float32")
    theirs.save(tmp_path / f"theirs{suffix}")
    ours = torch_keras_lstm.models.load_model(tmp_path / f"theirs{suffix}")
    assert_close(ours(x).detach(), theirs(x).numpy(), "float32 model")
    ours.save(tmp_path / f"ours{suffix}")
    again = keras.models.load_model(tmp_path / f"ours{suffix}")
    for model in (theirs, ours, again):
        model(x, training=True)  # by the same vectors
    assert_close(again(x).numpy(), theirs(x).numpy(), "float32 model")
    assert_close(ours(x).detach(), theirs(x).numpy(), "float32 model")
    ours.save(tmp_path / "folder")
    assert torch.equal(torch_keras_lstm.models.load_model(tmp_path / "folder")(x), ours(x))


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning")
def test_normalization_over_all_devices_by_its_name_in_tf_keras(suffix: str, tmp_path: Any) -> None:
    made = tf_keras.layers.experimental.SyncBatchNormalization(input_shape=(F,))
    theirs = tf_keras.Sequential([made, tf_keras.layers.Dense(2)])
    theirs.set_weights([drawn(*weight.shape, seed=seed) ** 2 for seed, weight in enumerate(theirs.get_weights())])
    theirs.save(tmp_path / f"model{suffix}")
    ours = torch_keras_lstm.models.load_model(tmp_path / f"model{suffix}")
    assert ours.layers[0].synchronized
    x = drawn(B, F).astype("float32")
    assert_close(ours(x).detach(), theirs(x).numpy(), "float32 model")


@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("cap", [None, 0.7])
def test_a_reversible_embedding_maps_back(tie: bool, cap: float | None) -> None:
    arguments: dict[str, Any] = {"tie_weights": tie, "logit_soft_cap": cap, "dtype": "float64"}
    theirs = keras.layers.ReversibleEmbedding(7, F, **arguments)
    ours = layers.ReversibleEmbedding(7, F, **arguments)
    theirs.build((B, T))
    weights = [drawn(*weight.shape, seed=seed) for seed, weight in enumerate(theirs.get_weights())]
    theirs.set_weights(weights)
    ours.set_weights(weights)
    vectors = drawn(B, T, F, seed=9)
    assert_close(
        ours(torch.tensor(vectors), reverse=True).detach(), np.asarray(theirs(vectors, reverse=True)), "float64"
    )
    indices = np.arange(B * T).reshape(B, T) % 7
    assert_close(ours(torch.tensor(indices)).detach(), np.asarray(theirs(indices)), "float64")
    entry = layers.Input((T, F), dtype="float64")
    assert torch_keras_lstm.Model(entry, ours(entry, reverse=True)).output_shape == (None, T, 7)


# -- attention scores in a graph --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention", "MultiHeadAttention", "GroupQueryAttention"])
def test_attention_scores_are_outputs_of_a_model(name: str) -> None:
    arguments: dict[str, tuple[Any, ...]] = {"MultiHeadAttention": (2, 3), "GroupQueryAttention": (3, 4, 2)}
    query, value = drawn(B, T, F), drawn(B, 6, F, seed=3)

    def make(k: Any) -> Any:
        layer = getattr(k.layers, name)(*arguments.get(name, ()), dtype="float64")
        entries = [k.Input((T, F), dtype="float64"), k.Input((6, F), dtype="float64")]
        given = (entries,) if name in ("Attention", "AdditiveAttention") else tuple(entries)
        outputs, scores = layer(*given, return_attention_scores=True)
        return k.Model(entries, [outputs, scores]), layer

    (theirs, their_layer), (ours, our_layer) = make(keras), make(torch_keras_lstm)
    weights = [drawn(*weight.shape, seed=seed) for seed, weight in enumerate(their_layer.get_weights())]
    their_layer.set_weights(weights)
    our_layer.set_weights(weights)
    # Keras tells the scores of a MultiHeadAttention to have as many keys as queries.
    expected = theirs([query, value])
    assert ours.output_shape == [(None, *one.shape[1:]) for one in expected]
    got = ours([torch.tensor(query), torch.tensor(value)])
    # Keras rounds 1 / sqrt(key_dim) to float32
    exact = "float64" if name in ("Attention", "AdditiveAttention") else "float32 elementwise"
    for mine, one in zip(got, expected, strict=True):
        assert_close(mine.detach(), np.asarray(one), exact)


# -- inputs -----------------------------------------------------------------------------------------------------------


def test_a_model_begins_at_an_input_tensor() -> None:
    def make(k: Any) -> Any:
        entry = k.Input((F,), dtype="float64")
        hidden = k.layers.Rescaling(3.0, dtype="float64")(entry)
        again = k.Input(tensor=hidden)
        assert again is hidden
        return k.Model(again, k.layers.Rescaling(2.0, dtype="float64")(again))

    x = drawn(B, F)
    assert_close(make(torch_keras_lstm)(torch.tensor(x)), np.asarray(make(keras)(x)), "float64")
    tensor = layers.Input((F,))
    for arguments, word in (
        ({"shape": (F + 1,)}, "shape"),
        ({"batch_shape": (2, F + 1)}, "batch_shape"),
        ({"shape": (F,), "batch_size": 5}, "batch_size"),
        ({"dtype": "float16"}, "dtype"),
    ):
        with pytest.raises(ValueError, match=f"cannot provide an incompatible `{word}`"):
            layers.InputLayer(input_tensor=tensor, **arguments)
    with pytest.raises(ValueError, match="`input_tensor` must be a KerasTensor"):
        layers.InputLayer(input_tensor=x)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("axis", [(1, 2), (0, 2), (1,), -1, (0, 1, 2)])
def test_shares_over_several_axes(name: str, axis: Any) -> None:
    x = drawn(B, T, F)
    expected = getattr(keras.activations, name)(tf.constant(x), axis=axis)
    assert_close(getattr(torch_keras_lstm.activations, name)(torch.tensor(x), axis=axis), expected.numpy(), "float64")


def test_a_mask_of_batch_normalization_broadcasts() -> None:
    x, mask = drawn(B, T, 6, F), np.random.default_rng(1).random((B, T, 1)) < 0.6
    theirs = keras.layers.BatchNormalization(dtype="float64")
    ours = layers.BatchNormalization(dtype="float64")
    expected = theirs(tf.constant(x), mask=tf.constant(mask), training=True)
    got = ours(torch.tensor(x), mask=torch.tensor(mask), training=True)
    assert_close(got.detach(), expected.numpy(), "float64")


# -- images -----------------------------------------------------------------------------------------------------------

SIZES: list[tuple[str, dict[str, Any]]] = [
    ("Resizing", {"height": 5, "width": 8}),
    ("Resizing", {"height": 3, "width": 9, "interpolation": "nearest"}),
    ("Resizing", {"height": 4, "width": 4, "crop_to_aspect_ratio": True}),
    ("Resizing", {"height": 9, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 2}),
    (
        "Resizing",
        {"height": 9, "width": 3, "pad_to_aspect_ratio": True, "fill_value": 3},
    ),
    ("Resizing", {"height": 3, "width": 3, "antialias": True}),
    ("Resizing", {"height": 9, "width": 3, "interpolation": "bicubic"}),
    ("Resizing", {"height": 4, "width": 8, "interpolation": "bicubic", "antialias": True}),
    ("Resizing", {"height": 4, "width": 8, "interpolation": "lanczos3", "antialias": True}),
    ("Resizing", {"height": 9, "width": 3, "interpolation": "lanczos5"}),
    ("CenterCrop", {"height": 3, "width": 4}),
    ("CenterCrop", {"height": 8, "width": 4}),
]


@pytest.mark.parametrize(("name", "arguments"), SIZES)
@pytest.mark.parametrize("shape", [(B, 7, 6, F), (7, 6, F)], ids=["batch", "image"])
def test_images_of_another_size(name: str, arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    """In single precision, which TensorFlow interpolates in."""
    x = drawn(*shape).astype("float32")
    theirs, ours = getattr(keras.layers, name)(**arguments), getattr(layers, name)(**arguments)
    assert_close(ours(torch.tensor(x)), np.asarray(theirs(x)), "float32 elementwise")
    # Multiples of a number, lest what lies halfway between two integers falls to either side.
    whole = (np.random.default_rng(1).integers(0, 4, shape) * 80).astype("uint8")
    assert_close(ours(torch.tensor(whole)), np.asarray(theirs(whole)), "float32 elementwise")
    assert ours.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))


@pytest.mark.parametrize("method", ["area", "gaussian", "mitchellcubic"])
def test_interpolations_of_tf_keras_alone(method: str) -> None:
    x = drawn(B, 7, 6, F).astype("float32")
    theirs, ours = (space.Resizing(5, 8, interpolation=method) for space in (tf_keras.layers, layers))
    assert_close(ours(torch.tensor(x)), theirs(x).numpy(), "float32 model")


@pytest.mark.parametrize("name", ["RandomHeight", "RandomWidth"])
def test_a_random_size_of_tf_keras(name: str, tmp_path: Any) -> None:
    """The same images for the same number, bounds of what is drawn, and the identity in files."""
    x = drawn(B, 7, 6, F).astype("float32")
    made = getattr(tf_keras.layers, name)(0.4, "bicubic", input_shape=(7, 6, F))
    made._random_generator.random_uniform = lambda **kwargs: tf.constant(1.3)
    ours = getattr(layers, name)(0.4, "bicubic", seed=3)
    given = torch.tensor(x)
    assert_close(ours.transform_images(given, torch.tensor(1.3)), made(x, training=True).numpy(), "float32 model")
    drawn_numbers = torch.stack([ours.get_random_transformation(given) for _ in range(300)])
    assert 0.6 <= drawn_numbers.min() < 0.62 < 1.38 < drawn_numbers.max() <= 1.4
    assert ours.compute_output_shape(x.shape) == tuple(made.compute_output_shape(x.shape))
    kept = 2 if name == "RandomHeight" else 1
    assert ours(given, training=True).shape[kept] == x.shape[kept]
    theirs = tf_keras.Sequential([made, tf_keras.layers.Conv2D(2, 3), tf_keras.layers.GlobalMaxPooling2D()])
    theirs.save(tmp_path / "model.keras")
    model: Any = load_model(tmp_path / "model.keras")
    assert model.layers[0].get_config()["factor"] == made.get_config()["factor"]
    assert_close(model(x).detach(), theirs.predict(x, verbose=0), "float32 model")
    with pytest.raises(ValueError, match="Nothing is left of images"):
        getattr(layers, name)((-1.0, -1.0))(given, training=True)


def test_what_resizing_cannot_do_is_told() -> None:
    with pytest.raises(ValueError, match="`interpolation`: expected one of 'nearest', 'bilinear'"):
        layers.Resizing(3, 3, interpolation="cubic")
    with pytest.raises(ValueError, match="takes images of 3 axes, or 4 with the batch's"):
        layers.CenterCrop(3, 3)(torch.ones(2, 3))
