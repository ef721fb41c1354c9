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

from tests.parity.image_augmentations import AUGMENTATIONS, DRAWN_OTHERWISE, NOTHING_DRAWN
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
DRAWN = [case for case in EVERY if case.values[0] not in NOTHING_DRAWN]
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
    if isinstance(transformation, list):
        return [as_torch(value) for value in transformation]
    if isinstance(transformation, tuple):
        return tuple(int(number) for number in transformation)
    return torch.tensor(transformation.numpy()) if tf.is_tensor(transformation) else transformation


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("name", "arguments"), DRAWN)
def test_what_is_done_for_the_numbers_that_keras_drew(name: str, arguments: dict[str, Any], form: str) -> None:
    if form == "channels_first" and isinstance(arguments.get("fill_value"), list):
        return  # which Keras cannot
    if name == "RandomElasticTransform":
        return  # which draws while it works: the next test
    ours, theirs = pair(name, {**arguments, "data_format": form})
    given = images(arguments, form)
    keras.utils.set_random_seed(3)
    drawn = theirs.get_random_transformation(tf.constant(given), training=True)
    expected = theirs.transform_images(tf.constant(given), drawn, training=True).numpy()
    got = ours.transform_images(torch.tensor(given), as_torch(drawn))
    assert_close(got, expected, "float32 model", name)
    assert not np.array_equal(expected, given)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "arguments",
    [
        {"scale": [1.0, 1.0]},
        {"interpolation": "nearest", "fill_mode": "wrap"},
        {"fill_mode": "constant", "factor": 0.6},
    ],
)
def test_images_that_are_bent(arguments: dict[str, Any], form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For one noise, which Keras on TensorFlow has for both directions."""
    size = {"channels_last": (4, 40, 50, 3), "channels_first": (4, 3, 40, 50)}[form]
    given = np.random.default_rng(2).uniform(0, 255, size).astype("float32")
    noise = np.random.default_rng(4).standard_normal((4, 40, 50)).astype("float32")
    ours, theirs = pair("RandomElasticTransform", {**arguments, "data_format": form})
    drawn = theirs.get_random_transformation(tf.constant(given), training=True)
    monkeypatch.setattr(tf.random, "stateless_normal", lambda **kwargs: tf.constant(noise))
    expected = theirs.transform_images(tf.constant(given), drawn, training=True).numpy()
    drawn = {**drawn, "seed": None}
    mine = {**as_torch(drawn), "noise": torch.tensor(np.stack([noise, noise]))}
    assert_close(ours.transform_images(torch.tensor(given), mine), expected, "float32 model")
    assert not np.array_equal(expected, given)


@pytest.mark.parametrize("name", sorted(NOTHING_DRAWN - {"RandomColorJitter"}))
@pytest.mark.parametrize("form", FORMS)
def test_what_is_done_where_nothing_is_drawn(name: str, form: str) -> None:
    for arguments in AUGMENTATIONS[name]:
        ours, theirs = pair(name, {**arguments, "data_format": form})
        given = images(arguments, form)
        expected = theirs.transform_images(tf.constant(given), None, training=True)
        if not (name == "AutoContrast" and form == "channels_first"):
            assert_close(ours.transform_images(torch.tensor(given), None), np.asarray(expected), "float32 model")
        given[:] = given[:1, :1, :1, :1]  # of a single value
        expected = theirs.transform_images(tf.constant(given), None, training=True)
        assert_close(ours.transform_images(torch.tensor(given), None), np.asarray(expected), "float32 model")


@pytest.mark.parametrize(("name", "arguments"), [case for case in DRAWN if case.values[0] not in DRAWN_OTHERWISE])
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


def test_what_is_drawn_for_a_whole_batch() -> None:
    given = torch.zeros(64, 7, 8, 3)
    blur, cut, mix = layers.RandomGaussianBlur(0.5, sigma=(0.2, 0.6)), layers.CutMix(1.0), layers.AugMix(factor=0.2)
    torch.manual_seed(3)
    blurs = [blur.get_random_transformation(given) for _ in range(200)]
    sigmas = torch.stack([one["blur_factor"] for one in blurs])
    assert 0.2 <= sigmas.min() < 0.21 < 0.59 < sigmas.max() <= 0.601
    assert abs(torch.stack([one["should_apply_blur"] for one in blurs]).float().mean() - 0.25) < 0.02
    cuts = [cut.get_random_transformation(given) for _ in range(100)]
    left, masks = (torch.cat([one[name] for one in cuts]).float() for name in ("mix_weight", "batch_masks"))
    assert abs(left.mean() - 0.5) < 0.02
    theirs = keras.layers.CutMix(1.0)
    keras.utils.set_random_seed(3)
    expected = [theirs.get_random_transformation(tf.zeros((64, 7, 8, 3)))["batch_masks"].numpy() for _ in range(60)]
    assert abs(masks.mean() - np.mean(expected)) < 0.03  # below one half, for points lie at the borders
    assert all(sorted(one["permutation_order"].tolist()) == [*range(64)] for one in cuts)
    mixed = [mix.get_random_transformation(given) for _ in range(300)]
    weights = torch.stack([one["chain_mixing_weights"] for one in mixed])
    assert_close(weights.sum(1), torch.ones(300), "float32 elementwise")
    assert abs(weights.var(0).mean() - 1 / 18) < 0.01  # of Dirichlet's distribution with three ones
    assert abs(torch.stack([one["weight_sample"] for one in mixed]).var() - 1 / 12) < 0.01
    steps = [step["layer_name"] for one in mixed for chain in one["chain_transforms"] for step in chain]
    assert {*steps} == {*mix.steps}
    assert abs(len(steps) / 2700 - 11 / 12) < 0.02
    chosen = [layers.RandAugment().get_random_transformation(given[:1])["layer_idxes"] for _ in range(300)]
    assert torch.cat(chosen).unique().tolist() == [*range(11)]


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
    # And the third takes whole numbers of what others have rounded.
    apart = ("Equalization", "RandomCrop", "ContrastLimitedAdaptiveHistogramEqualization")
    names = [name for name in AUGMENTATIONS if name not in apart]
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
    seeded = name not in NOTHING_DRAWN or name == "RandomColorJitter"
    layer = getattr(layers, name)(**({"seed": 5} if seeded else {}) | arguments)
    given = torch.tensor(images(arguments))
    outputs = layer(given, training=True)
    assert outputs.shape == layer.compute_output_shape(given.shape)
    always_the_same = ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "MaxNumBoundingBoxes")
    assert not torch.equal(outputs, layer(given, training=False)) or name in always_the_same
    twin = type(layer).from_config(layer.get_config())
    if twin.seed is not None and name != "RandomColorJitter":
        assert torch.equal(twin(given, training=True), outputs)
    alone = layer(given[0], training=True)
    assert alone.shape == outputs.shape[1:]
    whole = layer(given.to(torch.uint8), training=False)
    assert whole.dtype == (torch.uint8 if layer.keeps_type else torch.float32)


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


@pytest.mark.parametrize(("name", "arguments"), DRAWN)
def test_labels_and_masks_go_with_their_images(name: str, arguments: dict[str, Any], monkeypatch: Any) -> None:
    """As in Keras for the numbers that it drew, but for masks that it mixes point by point, or bends anew."""
    ours, theirs = pair(name, arguments)
    rng = np.random.default_rng(6)
    given = {
        "images": images(arguments),
        "labels": rng.uniform(0, 1, (6, 4)).astype("float32"),
        "segmentation_masks": rng.integers(0, 5, (6, 7, 8, 1)).astype("float32"),
    }
    keras.utils.set_random_seed(3)
    drawn = theirs.get_random_transformation(tf.constant(given["images"]), training=True)
    monkeypatch.setattr(theirs, "get_random_transformation", lambda *_, **__: drawn)
    mine = as_torch({key: value for key, value in drawn.items() if key != "seed"} if isinstance(drawn, dict) else drawn)
    if name == "RandomElasticTransform":
        mine["noise"] = torch.randn(2, 6, 7, 8)
    monkeypatch.setattr(ours, "get_random_transformation", lambda _: mine)
    got = ours({key: torch.tensor(value) for key, value in given.items()}, training=True)
    assert got.keys() == given.keys()
    if name not in ("MixUp", "RandomElasticTransform"):
        expected = theirs({key: tf.constant(value) for key, value in given.items()}, training=True)
        for key in given:
            wanted = np.asarray(expected[key])[..., : given[key].shape[-1]]  # CutMix makes three channels of one
            assert_close(got[key], wanted, "float32 model", key)
    else:
        weight, order = (mine[key] for key in ("mix_weight", "permutation_order")) if name == "MixUp" else (None, None)
        masks, labels = torch.tensor(given["segmentation_masks"]), torch.tensor(given["labels"])
        if weight is None:
            assert set(got["segmentation_masks"].unique().tolist()) <= {0, 1, 2, 3, 4}
            assert torch.equal(got["labels"], labels)
        else:
            for key, values in (("segmentation_masks", masks), ("labels", labels)):
                share = weight.reshape(-1, *[1] * (values.dim() - 1))
                assert_close(got[key], share * values + (1 - share) * values[order], "float32 model", key)
    kept = ours({key: torch.tensor(value) for key, value in given.items()}, training=False)
    assert torch.equal(kept["labels"], torch.tensor(given["labels"]))
    single = {key: torch.tensor(value[0]) for key, value in given.items()}
    if name not in ("CutMix", "MixUp"):
        monkeypatch.undo()
        one = ours(single, training=True)
        assert one["images"].dim() == 3
        assert one["labels"].shape == (4,)


def test_bounding_boxes() -> None:
    boxes = {"boxes": torch.rand(2, 4, 4), "labels": torch.ones(2, 4)}
    given = {"images": torch.zeros(2, 3, 3, 3), "bounding_boxes": boxes}
    for number in (3, 6):
        ours, theirs = pair("MaxNumBoundingBoxes", {"max_number": number, "bounding_box_format": "xyxy"})
        numbers = {name: value.numpy() for name, value in boxes.items()}
        expected = theirs({"images": np.zeros((2, 3, 3, 3)), "bounding_boxes": numbers})
        got = ours(given)
        for name in boxes:
            assert_close(got["bounding_boxes"][name], np.asarray(expected["bounding_boxes"][name]), "float32 model")
    bright = layers.RandomBrightness(0.3, bounding_box_format="xyxy")
    assert torch.equal(bright(given, training=True)["bounding_boxes"]["boxes"], boxes["boxes"])
    turned = layers.RandomRotation(0.3, bounding_box_format="xyxy")
    assert torch.equal(turned(given, training=False)["bounding_boxes"]["boxes"], boxes["boxes"])
    with pytest.raises(TypeError, match=r"\(RandomRotation\) does not move bounding boxes along"):
        turned(given, training=True)
    with pytest.raises(ValueError, match="tell it how they are written, `bounding_box_format=`"):
        layers.RandomBrightness(0.3)(given)
    with pytest.raises(ValueError, match="takes a dictionary with 'images', got 'labels'"):
        layers.RandomFlip()({"labels": torch.zeros(1)})


def test_a_pipeline(tmp_path: Path) -> None:
    """In a model, in its files, with layers that have weights and such that take a mask."""
    normalized = keras.layers.Normalization()
    normalized.adapt(images({}))
    made = keras.layers.Pipeline([keras.layers.Rescaling(0.5), normalized, keras.layers.RandomFlip()])
    model = keras.Sequential([keras.Input((7, 8, 3)), made, keras.layers.Conv2D(2, 3)])
    expected = model.predict(images({}), verbose=0)
    for file in ("model.keras", "model.h5"):
        model.save(tmp_path / file)
        ours = load_model(tmp_path / file)
        assert_close(ours(images({})).detach(), expected, "float32 model")
        ours.save(tmp_path / "again.keras")
        assert_close(keras.models.load_model(tmp_path / "again.keras").predict(images({})), expected, "float32 model")
    pipeline: Any = ours.layers[0]
    assert pipeline.compute_output_shape((6, 7, 8, 3)) == (6, 7, 8, 3)
    steps = [*pipeline.layers]
    assert not torch.equal(pipeline(images({}), training=True), pipeline(images({}), training=False))
    assert [type(step).__name__ for step in steps] == ["Rescaling", "Normalization", "RandomFlip"]
    with pytest.raises(TypeError, match="`layers` of a Pipeline must be layers, got <built-in function abs>"):
        layers.Pipeline([abs])  # type: ignore[list-item]
    assert issubclass(layers.RandomFlip, ImageAugmentation)
