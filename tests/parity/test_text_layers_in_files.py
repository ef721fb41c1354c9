"""Models that take texts, in files: written by live Keras and read here, and the other way round."""

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

import torch_keras_lstm
from tests.tolerances import assert_close
from torch_keras_lstm import conversion

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn:DeprecationWarning"
)  # Keras with NumPy 2

TEXTS = ["the cat sat", "on the mat", "Ünder a mat, the CAT", "", "dogs; and cats"]
CITIES = ["rome", "東京", "oslo", "rome", "?"]
NUMBERS = np.array([[3], [7], [-2], [99], [3]])


def upper(texts: Any) -> Any:
    return tf.strings.upper(texts)


def model_of(library: Any) -> Any:
    """A graph with every layer for texts and categories, learned and given vocabularies, from three inputs."""
    layers = library.layers
    text = library.Input((1,), dtype="string", name="text")
    city = library.Input((1,), dtype="string", name="city")
    number = library.Input((1,), dtype="int64", name="number")
    words = layers.TextVectorization(output_sequence_length=4)
    weighed = layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    padded = layers.TextVectorization(output_mode="tf_idf", max_tokens=20, pad_to_max_tokens=True)
    learned = layers.StringLookup(output_mode="one_hot", num_oov_indices=2)
    integers = layers.IntegerLookup(mask_token=7)
    bins = layers.Discretization(num_bins=3, output_mode="one_hot")
    for layer in (words, weighed, padded):
        layer.adapt(TEXTS)
    learned.adapt(CITIES)
    integers.adapt(NUMBERS)
    bins.adapt(NUMBERS.astype("float32"))
    embedded = layers.LSTM(3)(layers.Embedding(20, 5, mask_zero=True)(words(text)))
    flat = layers.Flatten()(layers.Embedding(9, 2)(integers(number)))
    parts = [
        embedded,
        learned(city),
        layers.StringLookup(vocabulary=["oslo", "rome"], output_mode="multi_hot", mask_token="?")(city),
        layers.Hashing(4, output_mode="one_hot", salt=[3, 4])(city),
        layers.Hashing(6, mask_value="rome", output_mode="count")(city),
        layers.HashedCrossing(5, output_mode="one_hot")([city, number]),
        layers.IntegerLookup(vocabulary=[3, 99], output_mode="one_hot")(number),
        flat,
        bins(number),
    ]
    return library.Model(
        [text, city, number], [layers.Dense(2)(layers.Concatenate()(parts)), weighed(text), padded(text)]
    )


def inputs(library: Any) -> list[Any]:
    strings = [np.array(one, object)[:, None] for one in (TEXTS, CITIES)]
    return [*(strings if library is torch_keras_lstm else map(tf.constant, strings)), NUMBERS]


def same_outputs(ours: Any, theirs: Any) -> None:
    got = ours.predict(inputs(torch_keras_lstm), verbose=0)
    expected = theirs.predict(inputs(keras), verbose=0)
    for mine, wanted in zip(got, expected, strict=True):
        assert mine.shape == wanted.shape
        assert_close(mine, wanted, "float32 elementwise")


def test_what_keras_wrote_is_read(tmp_path: Path) -> None:
    theirs = model_of(keras)
    theirs.save(tmp_path / "model.keras")
    ours = torch_keras_lstm.models.load_model(tmp_path / "model.keras")
    same_outputs(ours, theirs)
    for layer in theirs.layers:
        if hasattr(layer, "get_vocabulary"):
            assert ours.get_layer(layer.name).get_vocabulary() == layer.get_vocabulary()
    words = next(layer for layer in ours.layers if isinstance(layer, torch_keras_lstm.layers.TextVectorization))
    words.adapt(["something else"])  # what was learned may be learned anew
    assert words.get_vocabulary()[2:] == ["something", "else"]


def test_what_was_read_is_written_for_keras(tmp_path: Path) -> None:
    model_of(keras).save(tmp_path / "model.keras")
    ours = torch_keras_lstm.models.load_model(tmp_path / "model.keras")
    for name in ("again.keras", "again.h5"):
        ours.save(tmp_path / name)
        same_outputs(torch_keras_lstm.models.load_model(tmp_path / name), ours_as_keras(ours))
        if name.endswith(".keras"):
            theirs = keras.models.load_model(tmp_path / name)
            same_outputs(ours, theirs)
            next(layer for layer in theirs.layers if isinstance(layer, keras.layers.TextVectorization)).adapt(["word"])
    ours.save(tmp_path / "folder")
    same_outputs(torch_keras_lstm.models.load_model(tmp_path / "folder"), ours_as_keras(ours))
    conversion.convert(tmp_path / "model.keras", tmp_path / "converted")
    same_outputs(torch_keras_lstm.models.load_model(tmp_path / "converted"), ours_as_keras(ours))


class ours_as_keras:
    """A model of ours where :func:`same_outputs` expects one of Keras'."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def predict(self, x: Any, verbose: int) -> Any:
        return self.model.predict(inputs(torch_keras_lstm), verbose=verbose)


def test_what_was_made_here_is_written_for_keras(tmp_path: Path) -> None:
    ours = model_of(torch_keras_lstm)
    ours.save(tmp_path / "model.keras")
    same_outputs(ours, keras.models.load_model(tmp_path / "model.keras"))


def test_weights_of_tokens_are_loaded(tmp_path: Path) -> None:
    theirs, ours = model_of(keras), model_of(torch_keras_lstm)
    theirs.save_weights(tmp_path / "model.weights.h5")
    ours.load_weights(tmp_path / "model.weights.h5")
    same_outputs(ours, theirs)
    other: Any = torch_keras_lstm.Sequential(
        [torch_keras_lstm.Input((1,), dtype="string"), torch_keras_lstm.layers.TextVectorization(output_mode="tf_idf")]
    )
    other.layers[0].adapt(["a b c"])
    keras_model = keras.Sequential(
        [keras.Input((1,), dtype="string"), keras.layers.TextVectorization(output_mode="tf_idf")]
    )
    keras_model.layers[0].adapt(TEXTS)
    keras_model.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ValueError, match="but there are 4 tokens"):
        other.load_weights(tmp_path / "other.weights.h5")


def test_a_sequential_model(tmp_path: Path) -> None:
    layers = keras.layers
    words = layers.TextVectorization(split="character", standardize="lower", max_tokens=15)
    words.adapt(TEXTS)
    theirs = keras.Sequential([keras.Input((1,), dtype="string"), words, layers.Embedding(15, 4), layers.LSTM(3)])
    theirs.save(tmp_path / "model.keras")
    ours = torch_keras_lstm.models.load_model(tmp_path / "model.keras")
    assert_close(
        ours.predict(TEXTS, verbose=0), theirs.predict(tf.constant(TEXTS)[:, None], verbose=0), "float32 elementwise"
    )


def test_functions_in_a_file_are_given(tmp_path: Path) -> None:
    registered = keras.saving.register_keras_serializable("mine")(upper)
    words = keras.layers.TextVectorization(standardize=registered, vocabulary=["CAT", "MAT"])
    theirs = keras.Sequential([keras.Input((1,), dtype="string"), words])
    theirs.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`standardize` is a function named 'upper', which goes into `custom_objects`"):
        torch_keras_lstm.models.load_model(tmp_path / "model.keras")
    ours = torch_keras_lstm.models.load_model(tmp_path / "model.keras", custom_objects={"upper": np.char.upper})
    assert np.array_equal(ours.predict(TEXTS, verbose=0), theirs.predict(tf.constant(TEXTS)[:, None], verbose=0))


def _changed(path: Path, change: Any) -> Path:
    """The archive with its members changed by ``change``."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    changed = path.with_name("changed.keras")
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return changed


def test_files_that_name_others_and_broken_ones(tmp_path: Path) -> None:
    words = keras.layers.TextVectorization(output_mode="tf_idf")
    words.adapt(TEXTS)
    keras.Sequential([keras.Input((1,), dtype="string"), words]).save(tmp_path / "model.keras")
    name = "assets/layers/text_vectorization/vocabulary.txt"

    def names_a_file(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        config["config"]["layers"][1]["config"]["vocabulary"] = str(tmp_path / "nowhere.txt")
        members["config.json"] = json.dumps(config).encode()

    def no_text(members: dict[str, bytes]) -> None:
        members[name] = b"\xff\xfe\xff"

    def too_few(members: dict[str, bytes]) -> None:
        members[name] = b"[UNK]\nthe\n"

    def none(members: dict[str, bytes]) -> None:
        del members[name]

    for change, problem in (
        (names_a_file, "no file is opened because a configuration names it"),
        (no_text, "is not UTF-8 text"),
        (too_few, "but there are 2 tokens"),
    ):
        with pytest.raises(ValueError, match=problem):
            torch_keras_lstm.models.load_model(_changed(tmp_path / "model.keras", change))
    with pytest.warns(UserWarning, match="does not hold its vocabulary of 11 tokens"):
        torch_keras_lstm.models.load_model(_changed(tmp_path / "model.keras", none))


def test_the_weights_file_has_keras_names(tmp_path: Path) -> None:
    ours = model_of(torch_keras_lstm)
    ours.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        file = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    names: list[str] = []
    file.visit(names.append)
    assert "layers/text_vectorization_1/_lookup_layer/vars/idf_weights" in names
