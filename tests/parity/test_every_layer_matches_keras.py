"""Random configurations of every layer, here and in Keras 3: outputs, gradients, losses, shapes, masks."""

import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.image_augmentations import AUGMENTATIONS
from tests.parity.precision import float64
from tests.parity.random_layers import DRAWS, Drawn, Spec
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.layers.keras_mask import mask_of
from torch_keras_lstm.operations.tensor_spec import map_shapes

SEEDS = 2  # twelve were tried, and more may be at any time
# Cells are drawn inside of the layers that run them; the rest is not in Keras 3.
ELSEWHERE = {
    "GRUCell", "LSTMCell", "SimpleRNNCell", "StackedRNNCells", "Highway", "MaxoutDense", "Merge", "ThresholdedReLU",
    "LocallyConnected1D", "LocallyConnected2D",  # test_locally_connected_matches_tf_keras.py
    "RandomHeight", "RandomWidth",  # test_added_layers_match_keras.py
    "Pipeline",  # test_augmentations_match_keras.py
    "Mosaic", "TernaryDense",  # of Keras 3.16: test_any_keras_3.py
    "SpectralNormalization",  # test_added_layers_match_keras.py
    "Resizing",  # which TensorFlow does in float32
    "MelSpectrogram",  # whose bands Keras computes in float32: test_mel_spectrogram_matches_keras.py
    # TensorFlow pools no volumes in float64
    "MaxPooling3D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling3D",
    # of tokens: test_preprocessing_layers_match_keras.py
    "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization",
    *AUGMENTATIONS,  # of images: test_augmentations_match_keras.py
}  # fmt: skip
every_case = pytest.mark.parametrize(("name", "seed"), [(name, seed) for name in DRAWS for seed in range(SEEDS)])


def test_every_layer_is_drawn() -> None:
    assert DRAWS.keys() == LAYERS.keys() - ELSEWHERE


def drawn(name: str, seed: int) -> Drawn:
    return DRAWS[name](name, np.random.default_rng([seed, zlib.crc32(name.encode())]))


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    """Also for what layers of Keras compute in its own default type, whatever theirs is."""
    with float64(keras):
        yield


class Pair:
    """Our layer and Keras' with the same random weights, and what they are called with."""

    def __init__(self, case: Drawn, seed: int) -> None:
        self.case = case
        rng = np.random.default_rng(seed)
        self.inputs = [self._draw(rng, shape) for shape in case.shapes]
        self.masks = [self._mask(rng, shape) for shape in case.shapes]
        self.ours, self.theirs = case.spec.make(layers), case.spec.make(keras.layers)
        self.call(self.theirs, [keras.Input(batch_shape=value.shape, dtype=str(value.dtype)) for value in self.inputs])
        self.call(self.ours, [torch.tensor(value) for value in self.inputs])
        weights = [self._weight(rng, weight) for weight in self.theirs.weights]
        self.theirs.set_weights(weights)
        if isinstance(self.theirs, keras.layers.Normalization):
            self.theirs.finalize_state()  # which takes the weights into use
        self.ours.set_weights(weights)

    def _draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        if self.case.integers is not None:
            return rng.integers(0, self.case.integers, shape)
        values = rng.standard_normal(shape)
        values[0, 0] = 0.0  # a step that a Masking layer masks
        return values

    def _mask(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        if not self.case.maskable or self.case.integers is not None or len(shape) < 3:
            return None
        mask = rng.random(shape[:2]) < 0.6
        mask[1] = self.case.spec.class_name == "GlobalAveragePooling1D"  # whose mean of nothing is nan
        return mask

    @staticmethod
    def _weight(rng: np.random.Generator, weight: Any) -> Any:
        if "variance" in weight.name:
            return rng.uniform(0.3, 1.7, weight.shape)
        return weight.numpy() if weight.name == "count" else rng.standard_normal(weight.shape) * 0.5

    def call(self, layer: Any, inputs: list[Any], **keywords: Any) -> Any:
        if len(inputs) == 1:
            return layer(inputs[0], **keywords)
        return layer(*inputs, **keywords) if self.case.apart else layer(inputs, **keywords)

    def call_ours(self, inputs: list[Any], masks: list[Any], training: bool) -> Any:
        return self._call_masked(self.ours, inputs, masks, torch.tensor, {"training": training})

    def call_keras(self, inputs: list[Any], masks: list[Any], training: bool) -> Any:
        keywords = {"training": training} if self.theirs._call_has_training_arg else {}
        return self._call_masked(self.theirs, inputs, masks, tf.constant, keywords)

    def _call_masked(self, layer: Any, inputs: list[Any], masks: list[Any], tensor_of: Any, keywords: Any) -> Any:
        """With masks that come with the inputs, as from a layer before."""
        for tensor, mask in zip(inputs, masks, strict=True):
            if mask is not None:
                tensor._keras_mask = tensor_of(mask)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
            return self.call(layer, inputs, **keywords)

    def no_masks(self) -> list[Any]:
        return [None] * len(self.inputs)


def flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, list | tuple):
        return [leaf for item in outputs for leaf in flat(item)]
    return [outputs]


def scales(outputs: list[Any]) -> list[Any]:
    rng = np.random.default_rng(7)
    return [rng.standard_normal(tuple(value.shape)) for value in outputs]


def ours(pair: Pair, masks: list[Any], training: bool) -> tuple[list[Any], Any, list[Any]]:
    floating = pair.case.integers is None
    inputs = [torch.tensor(value, requires_grad=floating) for value in pair.inputs]
    outputs = flat(pair.call_ours(inputs, masks, training))
    loss = sum((value * torch.tensor(scale)).sum() for value, scale in zip(outputs, scales(outputs), strict=True))
    loss = loss + sum(pair.ours.losses)
    rows = [(owner, row) for owner in pair.ours.weighted_layers() for row in owner._rows if row.trainable]
    parameters = [getattr(owner, name) for owner, row in rows for name in row.parameters]
    sources = [*(inputs if floating else []), *parameters]
    found = iter(torch.autograd.grad(loss, sources, allow_unused=True, materialize_grads=True) if sources else ())
    gradients = [next(found) for _ in range(len(inputs) if floating else 0)]
    gradients += [row.to_keras(*(next(found) for _ in row.parameters)) for _, row in rows]
    return [value.detach() for value in outputs], torch.as_tensor(loss).detach(), gradients


def reference(pair: Pair, masks: list[Any], training: bool) -> tuple[list[Any], Any, list[Any]]:
    floating = pair.case.integers is None

    def run(*inputs: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = flat(pair.call_keras(list(inputs), masks, training))
            loss = sum(tf.reduce_sum(value * scale) for value, scale in zip(outputs, scales(outputs), strict=True))
            loss += sum(pair.theirs.losses)
        sources = [*(inputs if floating else []), *(weight.value for weight in pair.theirs.trainable_weights)]
        gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
        return outputs, loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    function = tf.function(run, jit_compile=True) if needs_xla(pair.case.spec) else run
    outputs, loss, gradients = function(*(tf.constant(value) for value in pair.inputs))
    return outputs, loss, gradients


def needs_xla(spec: Spec) -> bool:
    """TensorFlow's own CPU kernels lack groups, channels in front, and means of volumes in float64."""
    arguments = spec.arguments
    inner = [value for value in arguments.values() if isinstance(value, Spec)]
    return (
        arguments.get("data_format") == "channels_first"
        or arguments.get("groups", 1) != 1
        or spec.class_name == "AveragePooling3D"
        or any(map(needs_xla, inner))
    )


def is_random(spec: Spec) -> bool:
    """Whether a call in training draws random numbers."""
    inner = [value for value in spec.arguments.values() if isinstance(value, Spec)]
    return any(spec.arguments.get(name) for name in ("rate", "stddev", "dropout")) or any(map(is_random, inner))


@every_case
@pytest.mark.parametrize("masked", [False, True], ids=["", "masked"])
def test_outputs_and_gradients(name: str, seed: int, masked: bool) -> None:
    case = drawn(name, seed)
    training = masked and not is_random(case.spec)
    pair = Pair(case, seed)
    masks = pair.masks if masked else pair.no_masks()
    expected, expected_loss, expected_gradients = reference(pair, masks, training)
    outputs, loss, gradients = ours(pair, masks, training)
    for index, (value, wanted) in enumerate(zip(outputs, expected, strict=True)):
        assert_close(value, wanted.numpy(), "float64", f"output {index} of {case.spec}")
    assert_close(loss, expected_loss.numpy(), "float64", f"loss of {case.spec}")
    for index, (value, wanted) in enumerate(zip(gradients, expected_gradients, strict=True)):
        assert_close(value, wanted.numpy(), "float64", f"gradient {index} of {case.spec}")
    for after, wanted in zip(pair.ours.get_weights(), pair.theirs.get_weights(), strict=True):
        assert_close(after, wanted, "float64", f"a weight after the call of {case.spec}")


@every_case
def test_shapes(name: str, seed: int) -> None:
    case = drawn(name, seed)
    pair = Pair(case, seed)
    for batch in (None, case.shapes[0][0]):
        shapes = [(batch, *shape[1:]) for shape in case.shapes]
        computed = [computed_shapes(layer, case, shapes) for layer in (pair.ours, pair.theirs)]
        assert computed[0] == computed[1], str(case.spec)


@every_case
def test_what_becomes_of_masks(name: str, seed: int) -> None:
    """By a call, which may destroy them."""
    pair = Pair(drawn(name, seed), seed)
    assert pair.ours.supports_masking == pair.theirs.supports_masking
    for masks in (pair.no_masks(), pair.masks):
        expected = masks_of_keras(pair, masks)
        outputs = flat(pair.call_ours([torch.tensor(value) for value in pair.inputs], masks, training=False))
        for mine, wanted in zip(map(mask_of, outputs), expected, strict=True):
            assert (mine is None) == (wanted is None), str(pair.case.spec)
            assert wanted is None or np.array_equal(mine.numpy(), wanted.numpy()), str(pair.case.spec)


def masks_of_keras(pair: Pair, masks: list[Any]) -> list[Any]:
    def run(*inputs: Any) -> Any:
        return [getattr(value, "_keras_mask", None) for value in flat(pair.call_keras(list(inputs), masks, False))]

    function = tf.function(run, jit_compile=True) if needs_xla(pair.case.spec) else run
    return list(function(*(tf.constant(value) for value in pair.inputs)))


def computed_shapes(layer: Any, case: Drawn, shapes: list[Any]) -> list[Any]:
    """Of all outputs one after the other: Keras nests the states of stacked cells in its own way."""
    given = shapes if case.apart else [shapes[0] if len(shapes) == 1 else shapes]
    found: list[Any] = []
    map_shapes(found.append, layer.compute_output_shape(*given))
    return found
