"""Data sets put together step by step, and the helpers that make them, against live tf.data and Keras 3.15."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from torch_keras_lstm import Sequential, layers, utils
from torch_keras_lstm.preprocessing import Dataset

X = np.arange(33, dtype=np.float32).reshape(11, 3)
Y = np.arange(11)

STEPS: dict[str, Any] = {
    "take": lambda ds: ds.take(4),
    "take all": lambda ds: ds.take(-1),
    "skip": lambda ds: ds.skip(9),
    "shard": lambda ds: ds.shard(3, 1),
    "map": lambda ds: ds.map(lambda x, y: (x * 2, {"y": y + 1}), num_parallel_calls=2),
    "filter": lambda ds: ds.filter(lambda x, y: y % 2 == 0),
    "batch": lambda ds: ds.batch(4),
    "batch drop": lambda ds: ds.batch(4, drop_remainder=True),
    "unbatch": lambda ds: ds.batch(4).unbatch(),
    "repeat": lambda ds: ds.repeat(2).batch(5),
    "endless": lambda ds: ds.repeat().skip(5).take(20),
    "cache": lambda ds: ds.cache().prefetch(3),
    "concatenate": lambda ds: ds.concatenate(ds.take(2)),
    "enumerate": lambda ds: ds.enumerate(3),
    "chain": lambda ds: ds.batch(3).map(lambda x, y: (x[:, :2], y)).skip(1).take(2),
}


def flat(element: Any) -> Iterator[Any]:
    if isinstance(element, dict):
        element = tuple(element.values())
    if isinstance(element, tuple):
        for item in element:
            yield from flat(item)
    else:
        yield element


def same(got: Any, expected: Any) -> None:
    mine, theirs = [*got.as_numpy_iterator()], [*expected.as_numpy_iterator()]
    assert len(mine) == len(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert type(one) is type(other) or not isinstance(other, tuple | dict)
        for leaf, wanted in zip(flat(one), flat(other), strict=True):
            assert np.array_equal(leaf, wanted)
            assert np.asarray(leaf).dtype == np.asarray(wanted).dtype


@pytest.mark.parametrize("step", STEPS)
def test_steps(step: str) -> None:
    got = STEPS[step](Dataset.from_tensor_slices((X, Y)))
    expected = STEPS[step](tf.data.Dataset.from_tensor_slices((X, Y)))
    same(got, expected)
    same(got, expected)  # a second pass is like the first
    if step != "unbatch":  # where TensorFlow knows one more
        assert int(got.cardinality()) == int(expected.cardinality())
    if int(expected.cardinality()) >= 0:
        assert len(got) == len(expected)
    for mine, wanted in zip(flat(got.element_spec), flat(expected.element_spec), strict=True):
        if step not in ("unbatch", "filter"):
            assert mine.shape == tuple(wanted.shape)


def test_strings_zip_and_padding() -> None:
    words = ["a", "bé", "c"]
    got = Dataset.zip((Dataset.from_tensor_slices(words), Dataset.from_tensor_slices(Y))).batch(2)
    expected = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(words), tf.data.Dataset.from_tensor_slices(Y)))
    same(got, expected.batch(2))
    ragged = Dataset.from_generator(lambda: (X[0, :size] for size in (1, 3, 2)))
    padded = [batch.tolist() for batch in ragged.padded_batch(2)]
    assert padded == [[[0.0, 0.0, 0.0], [0.0, 1.0, 2.0]], [[0.0, 1.0]]]
    with pytest.raises(ValueError, match=r"shapes \(1,\), \(3,\) cannot be put into one batch"):
        [*ragged.batch(2)]
    with pytest.raises(TypeError, match="unknown length"):
        len(ragged)
    with pytest.raises(TypeError, match="infinite length"):
        len(ragged.repeat())
    with pytest.raises(ValueError, match="same size along their first axis"):
        Dataset.from_tensor_slices((X, Y[:3]))


def test_shuffled() -> None:
    dataset = Dataset.from_tensor_slices(Y)
    first, second = ([int(one) for one in dataset.shuffle(4, seed=3)] for _ in range(2))
    assert first == second
    assert sorted(first) == Y.tolist() != first
    assert first[0] < 4  # from the first four
    again = dataset.shuffle(11, seed=3)
    assert [*map(int, again)] != [*map(int, again)]
    still = dataset.shuffle(11, seed=3, reshuffle_each_iteration=False)
    assert [*map(int, still)] == [*map(int, still)]
    torch.manual_seed(0)
    drawn = [*map(int, dataset.shuffle(11))]
    torch.manual_seed(0)
    assert [*map(int, dataset.shuffle(11))] == drawn


@pytest.mark.parametrize("kind", ["ours", "tf.data"])
def test_models_take_them(kind: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 20, 6, 1)).astype(np.float32)
    y = y[:, :1, 0]
    source = (Dataset if kind == "ours" else tf.data.Dataset).from_tensor_slices((x, y)).batch(6)
    model = Sequential([layers.Input((6, 1)), layers.LSTM(4), layers.Dense(1)])
    model.compile("sgd", "mse")
    weights = model.get_weights()
    got = model.fit(source, validation_data=source.take(2), epochs=2, verbose=0).history
    model.set_weights(weights)
    model.compile("sgd", "mse")
    expected = model.fit(
        x, y, validation_data=(x[:12], y[:12]), epochs=2, batch_size=6, shuffle=False, verbose=0
    ).history
    assert np.allclose(got["loss"], expected["loss"], rtol=1e-6)
    assert np.allclose(got["val_loss"], expected["val_loss"], rtol=1e-6)
    assert np.allclose(model.evaluate(source, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-6)
    assert np.allclose(model.predict(source, verbose=0), model.predict(x, verbose=0), rtol=1e-6)
    model.fit(source.repeat(), steps_per_epoch=2, verbose=0)


def test_layers_work_within_map() -> None:
    texts, labels = ["a b", "b c d", "a"], np.array([0, 1, 1])
    words = layers.TextVectorization(output_sequence_length=3)
    dataset = Dataset.from_tensor_slices((texts, labels)).batch(2)
    words.adapt(dataset.map(lambda text, label: text))
    got = [*dataset.map(lambda text, label: (words(text), label))]
    assert torch.equal(torch.cat([x for x, _ in got]), words(texts))


def _directory(tmp_path: Path, ending: str, write: Any) -> Path:
    for folder, number in (("dogs", 5), ("cats", 4), (".hidden", 1)):
        (tmp_path / folder).mkdir()
        for index in range(number):
            write(tmp_path / folder / f"{index}{ending}", f"{folder} {index} ü")
    (tmp_path / "dogs" / "inner").mkdir()
    write(tmp_path / "dogs" / "inner" / f"x{ending.upper()}", "inside")
    (tmp_path / "dogs" / "notes.md").write_text("no")
    return tmp_path


TEXT_ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"label_mode": "binary", "batch_size": 3},
    {"label_mode": "categorical", "class_names": ["dogs", "cats"]},
    {"labels": None, "label_mode": None, "batch_size": 4},
    {"labels": [4, 2, 4, 4, 2, 4, 2, 2, 2, 4, 9]},
    {"validation_split": 0.3, "subset": "training"},
    {"validation_split": 0.3, "subset": "validation", "max_length": 5},
    {"batch_size": None},
]


@pytest.mark.parametrize("arguments", TEXT_ARGUMENTS, ids=str)
def test_texts_of_a_directory(tmp_path: Path, arguments: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    directory = _directory(tmp_path, ".txt", lambda path, text: path.write_text(text, encoding="utf-8"))
    ours = utils.text_dataset_from_directory(directory, shuffle=False, **arguments)
    mine = capsys.readouterr().out
    theirs = keras.utils.text_dataset_from_directory(str(directory), shuffle=False, **arguments)
    assert mine.splitlines() == capsys.readouterr().out.splitlines()
    assert ours.class_names == theirs.class_names
    same(ours, theirs)


def test_parts_of_a_directory_are_those_of_keras(tmp_path: Path) -> None:
    directory = _directory(tmp_path, ".txt", lambda path, text: path.write_text(text, encoding="utf-8"))
    arguments: dict[str, Any] = {"validation_split": 0.4, "subset": "both", "seed": 5, "verbose": False}
    ours = utils.text_dataset_from_directory(directory, **arguments)
    theirs = keras.utils.text_dataset_from_directory(str(directory), **arguments)
    for mine, wanted in zip(ours, theirs, strict=True):
        got = {(text, int(label)) for text, label in mine.unbatch().as_numpy_iterator()}
        assert got == {(text, int(label)) for text, label in wanted.unbatch().as_numpy_iterator()}
    for changed, problem in (
        ({"subset": None}, "`validation_split` and `subset` go together"),
        ({"seed": None}, "lest the two parts overlap"),
        ({"label_mode": "some"}, "`label_mode` is"),
        ({"class_names": ["birds"]}, "are not among the folders"),
        ({"labels": [1, 2]}, "2 labels for 11 files"),
    ):
        with pytest.raises(ValueError, match=problem):
            utils.text_dataset_from_directory(directory, **{**arguments, **changed})


def _write_sound(path: Path, text: str) -> None:
    steps = 20 + len(path.name) + 3 * (ord(path.name[0]) % 7)
    values = np.random.default_rng(steps).integers(-(2**15), 2**15, size=(steps, 2)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(values.tobytes())


@pytest.mark.parametrize(
    "arguments", [{}, {"output_sequence_length": 30, "batch_size": 4}, {"label_mode": None}], ids=str
)
def test_sounds_of_a_directory(tmp_path: Path, arguments: dict[str, Any]) -> None:
    directory = _directory(tmp_path, ".wav", _write_sound)
    ours = utils.audio_dataset_from_directory(directory, shuffle=False, **arguments)
    theirs = keras.utils.audio_dataset_from_directory(str(directory), shuffle=False, **arguments)
    same(ours, theirs)
    (directory / "cats" / "0.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match=r"0\.wav: is no sound in WAV format"):
        [*utils.audio_dataset_from_directory(directory, shuffle=False)]
    with pytest.raises(ValueError, match=r"torchaudio\.functional\.resample"):
        utils.audio_dataset_from_directory(directory, sampling_rate=8000)


@pytest.mark.parametrize(
    "arguments", [{"left_size": 0.3}, {"right_size": 4}, {"left_size": 2, "right_size": 0.5}], ids=str
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_split_dataset(arguments: dict[str, Any], shuffle: bool) -> None:
    for data in (X, (X, Y)):
        ours = utils.split_dataset(data, shuffle=shuffle, seed=4, **arguments)
        theirs = keras.utils.split_dataset(data, shuffle=shuffle, seed=4, preferred_backend="tensorflow", **arguments)
        for mine, wanted in zip(ours, theirs, strict=True):
            same(mine, wanted)
    batches = Dataset.from_tensor_slices((X, Y)).batch(4)
    first, second = utils.split_dataset(batches, left_size=6)
    assert [len(x) for x, _ in first] == [4, 2]
    assert [y.tolist() for _, y in second] == [[6, 7, 8, 9], [10]]


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({}, ValueError, "At least one"),
        ({"left_size": 1.5}, ValueError, "between 0 and 1"),
        ({"left_size": 11}, ValueError, "between 0 and the number of samples, 11"),
        ({"left_size": 8, "right_size": 8}, ValueError, "more than the 11"),
        ({"left_size": "half"}, TypeError, "a number of samples or a fraction"),
        ({"left_size": 0.01}, ValueError, "would be empty"),
    ],
    ids=str,
)
def test_splits_that_cannot_be(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=problem):
        utils.split_dataset(X, **arguments)
    with pytest.raises(error):
        keras.utils.split_dataset(X, **arguments)
