"""Layers that change images at random: what they do to them for the numbers that Keras drew, and that they do it."""

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

from tests.parity.image_augmentations import AUGMENTATIONS, INFERENCE_ONLY
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.layers.image_augmentation import ImageAugmentation
from torch_keras_lstm.models import Sequential, load_model

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),  # of Keras
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

EVERY = [
    pytest.param(name, arguments, id=f"{name}-{number}")
    for name, several in AUGMENTATIONS.items()
    for number, arguments in enumerate(several)
]
DRAWN = [case for case in EVERY if case.values[0] not in {*INFERENCE_ONLY, "AutoContrast", "RandomColorJitter"}]
FORMS = ("channels_last", "channels_first")


def images(arguments: dict[str, Any], form: str = "channels_last") -> np.ndarray:
    high = arguments.get("value_range", (0, 255))[1]
    values = np.random.default_rng(4).uniform(0, high, (6, 7, 8, 3)).astype("float32")
    return values.transpose(0, 3, 1, 2) if form == "channels_first" else values


def pair(name: str, arguments: dict[str, Any]) -> tuple[Any, Any]:
    return getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)


def as_torch(transformation: Any) -> Any:
    """What Keras drew, with torch's tensors."""
    if isinstance(transformation, dict):
        return {name: as_torch(value) for name, value in transformation.items()}
    if isinstance(transformation, tuple):
        return tuple(int(number) for number in transformation)
    return torch.tensor(transformation.numpy()) if tf.is_tensor(transformation) else transformation


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "arguments"), DRAWN)
def test_what_is_done_for_the_numbers_that_keras_drew(name: str, arguments: dict[str, Any], form: str) -> None:
    if form == "channels_first" and isinstance(arguments.get("fill_value"), list):
        return  # which Keras cannot
    ours, theirs = pair(name, {**arguments, "data_format": form})
    given = images(arguments, form)
    keras.utils.set_random_seed(3)
    drawn = theirs.get_random_transformation(tf.constant(given), training=True)
    expected = theirs.transform_images(tf.constant(given), drawn, training=True).numpy()
    got = ours.transform_images(torch.tensor(given), as_torch(drawn))
    assert_close(got, expected, "float32 model", name)
    assert not np.array_equal(expected, given)


@pytest.mark.parametrize(("name", "arguments"), DRAWN)
def test_what_is_drawn_is_of_the_same_kind(name: str, arguments: dict[str, Any]) -> None:
    """Names, shapes and bounds: of many images the smallest and the largest number."""
    ours, theirs = pair(name, arguments)
    many = np.repeat(images(arguments), 200, 0)
    keras.utils.set_random_seed(3)
    torch.manual_seed(3)
    drawn = as_torch(theirs.get_random_transformation(tf.constant(many), training=True))
    mine = ours.get_random_transformation(torch.tensor(many))
    if isinstance(drawn, tuple):  # the one place of a crop
        starts = [ours.get_random_transformation(torch.tensor(many[:1])) for _ in range(200)]
        ends = [theirs.get_random_transformation(tf.constant(many[:1])) for _ in range(200)]
        for axis in (0, 1):
            assert {start[axis] for start in starts} == {int(end[axis]) for end in ends}
        return
    tables = [table if isinstance(table, dict) else {"": table} for table in (drawn, mine)]
    for key, values in tables[1].items():
        expected = tables[0][key]
        assert values.shape == expected.shape, key
        if values.dtype == torch.bool:
            assert abs(values.float().mean() - expected.float().mean()) < 0.07, key
        else:
            spread = float(expected.max() - expected.min())
            for end in (torch.amin, torch.amax):
                assert abs(float(end(values.float())) - float(end(expected.float()))) <= 0.05 * spread, key


@pytest.mark.parametrize(("name", "arguments"), EVERY)
def test_inference_and_configuration(name: str, arguments: dict[str, Any]) -> None:
    ours, theirs = pair(name, arguments)
    written = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
    mine = json.loads(json.dumps(layers.serialize(ours)))
    for config in (written, mine):
        del config["config"]["name"], config["config"]["dtype"]
    assert mine["config"] == written["config"]
    given = images(arguments)
    expected = theirs(given, training=False).numpy()
    assert_close(ours(given, training=False), expected, "float32 elementwise")


@pytest.mark.parametrize("file", ["model.keras", "model.h5"])
def test_files(file: str, tmp_path: Path) -> None:
    """All of them in a row: in inference images go through most of them as they are."""
    # Keras makes no graph of the one, and in a graph the other has its shape of training.
    names = [name for name in AUGMENTATIONS if name not in ("Equalization", "RandomCrop")]
    made = [getattr(keras.layers, name)(**AUGMENTATIONS[name][0]) for name in names]
    if file == "model.h5":  # into which Keras cannot write a list among the arguments
        made = [layer for layer in made if not any(isinstance(value, list) for value in layer.get_config().values())]
    given = images({})
    model = keras.Sequential([keras.Input(given.shape[1:]), *made, keras.layers.Conv2D(2, 3)])
    model.save(tmp_path / file)
    expected = model.predict(given, verbose=0)
    assert_close(load_model(tmp_path / file)(given).detach(), expected, "float32 model")
    load_model(tmp_path / file).save(tmp_path / "again.keras")
    again = keras.models.load_model(tmp_path / "again.keras")
    assert len(again.layers) == len(made) + 1
    assert_close(again.predict(given, verbose=0), expected, "float32 model")


@pytest.mark.parametrize(("name", "arguments"), EVERY)
def test_a_call_in_training(name: str, arguments: dict[str, Any]) -> None:
    layer = getattr(layers, name)(**({} if name in ("AutoContrast", "Equalization") else {"seed": 5}) | arguments)
    given = torch.tensor(images(arguments))
    if name in INFERENCE_ONLY:
        with pytest.raises(NotImplementedError, match=rf"\({name}\) is the identity in inference, .* Use `torchvision"):
            layer(given, training=True)
        return
    outputs = layer(given, training=True)
    assert outputs.shape == layer.compute_output_shape(given.shape)
    assert not torch.equal(outputs, layer(given, training=False)) or name == "AutoContrast"
    twin = type(layer).from_config(layer.get_config())
    if twin.seed is not None and name != "RandomColorJitter":
        assert torch.equal(twin(given, training=True), outputs)
    alone = layer(given[0], training=True)
    assert alone.shape == outputs.shape[1:]
    assert layer(given.to(torch.uint8), training=False).dtype == torch.float32


def test_a_crop_of_tf_keras_resizes_in_inference(tmp_path: Path) -> None:
    theirs = tf_keras.Sequential(
        [tf_keras.layers.RandomCrop(5, 4, input_shape=(7, 8, 3)), tf_keras.layers.Conv2D(2, 3)]
    )
    for file in ("model.keras", "model.h5"):
        theirs.save(tmp_path / file)
        model = load_model(tmp_path / file)
        expected = theirs.predict(images({}), verbose=0)
        assert_close(model(images({})).detach(), expected, "float32 model")
    with pytest.raises(ValueError, match="`resizes_in_inference=True`, a rule of older Kerases"):
        model.save(tmp_path / "again.keras")
    model.save(tmp_path / "again")
    assert_close(load_model(tmp_path / "again")(images({})).detach(), expected, "float32 model")


def test_a_contrast_of_tf_keras_is_drawn_on_both_sides() -> None:
    producer = Producer(Generation.TF_KERAS, "2.15.0")
    assert translate("RandomContrast", {"factor": 0.3}, producer, "a")[1] == {"factor": [0.3, 0.3]}


def test_a_model_is_trained_behind_one() -> None:
    model = Sequential(
        [layers.Input((7, 8, 3)), layers.RandomFlip(), layers.Flatten(), layers.Dense(1, kernel_initializer="zeros")]
    )
    model.compile("sgd", "mse")
    model.fit(images({}) / 255, np.ones((6, 1)), epochs=1, verbose=0)
    given = images({})
    assert torch.equal(model(given), model(given))  # nothing is drawn in inference
    compiled = torch.compile(layers.RandomBrightness(0.3, seed=4), fullgraph=True, backend="eager")
    assert compiled(torch.tensor(given), training=True).shape == given.shape


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.RandomFlip("sideways"), "`mode`: expected one of 'horizontal', 'vertical'"),
        (lambda: layers.RandomRotation(1.5), "`factor`: expected a number between -1 and 1, or two of them, got 1.5"),
        (lambda: layers.RandomRotation([0.1, 0.2, 0.3]), "`factor`: expected a number between -1 and 1"),
        (lambda: layers.RandomZoom([-1, 0.2]), "`height_factor` must be above -1"),
        (lambda: layers.RandomContrast(0.2, value_range=3), "`value_range` must be a list of two numbers, got 3"),
        (lambda: layers.RandomErasing(fill_value=[1.0, 2.0]), "`fill_value` must be a number, or one for each"),
        (lambda: layers.RandomFlip()(torch.zeros(2, 3)), "takes images of 3 axes, or 4 with the batch's"),
    ],
)  # fmt: skip
def test_errors(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_a_dictionary_is_refused() -> None:
    with pytest.raises(TypeError, match=r"takes images alone, not a dictionary with 'images', 'labels'"):
        layers.RandomFlip()({"images": torch.zeros(1, 2, 2, 3), "labels": torch.zeros(1)})
    assert issubclass(layers.RandomFlip, ImageAugmentation)
