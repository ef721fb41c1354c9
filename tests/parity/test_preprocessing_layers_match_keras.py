"""Layers that turn texts and numbers into indices and vectors, against live Keras 3.15 on TensorFlow."""

import copy
import pickle
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import Model, Sequential, layers, preprocessing
from torch_keras_lstm.strings import as_strings, is_strings

_DRAWN = random.Random(3)
WORDS = ["sun", "Moon", "rain,", "snow", "Grüße", "東京", "x", "-", "it's", "re-do"]
TEXTS = [" ".join(_DRAWN.choices(WORDS, k=_DRAWN.randrange(7))) for _ in range(23)]
TEXTS += ["  two  spaces\tand\na line ", "", "a.b.c", "ÄÖ äö"]
OTHERS = [*TEXTS[:9], "moon walk", "sun sun sun zebra", "Sun"]
TOKENS = [_DRAWN.choices(["a", "b", "c", "d", "é", "", "[UNK]"], k=5) for _ in range(11)]
NUMBERS = np.array([[3, -7, 12], [3, 3, 4], [2**40, 12, -1], [0, 4, 4]])


def same(got: Any, expected: Any) -> None:
    expected = expected.numpy()
    if is_strings(got):
        assert got.numpy().tolist() == expected.tolist()
        return
    assert tuple(got.shape) == expected.shape
    assert str(got.dtype).removeprefix("torch.") == expected.dtype.name
    if expected.dtype.kind == "f":
        assert_close(got, expected, "float32 elementwise")
    else:
        assert np.array_equal(got, expected)


def both(name: str, **arguments: Any) -> tuple[Any, Any]:
    return getattr(layers, name)(**arguments), getattr(keras.layers, name)(**arguments)


def same_config(ours: Any, theirs: Any) -> None:
    got, expected = ours.get_config(), theirs.get_config()
    for name in set(expected) - {"dtype", "name"}:
        wanted = list(expected[name]) if isinstance(expected[name], tuple) else expected[name]
        mine = list(got[name]) if isinstance(got[name], tuple) else got[name]
        assert mine == wanted, name
    again = type(ours).from_config(got)
    assert {**again.get_config(), "vocabulary_size": 0} == {**got, "vocabulary_size": 0}


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_tokens": 8},
        {"output_sequence_length": 3},
        {"standardize": None, "split": "character"},
        {"standardize": "lower", "ngrams": 2},
        {"standardize": "strip_punctuation", "ngrams": (1, 3)},
        {"output_mode": "multi_hot"},
        {"output_mode": "binary", "max_tokens": 50, "pad_to_max_tokens": True},
        {"output_mode": "count", "ngrams": (2,)},
        {"output_mode": "tf_idf"},
        {"output_mode": "tf-idf", "max_tokens": 40, "pad_to_max_tokens": True},
    ],
    ids=str,
)
def test_text_vectorization(arguments: dict[str, Any]) -> None:
    ours, theirs = both("TextVectorization", **arguments)
    for layer in (ours, theirs):
        layer.adapt(TEXTS)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    assert ours.get_vocabulary(include_special_tokens=False) == theirs.get_vocabulary(include_special_tokens=False)
    assert ours.vocabulary_size() == theirs.vocabulary_size()
    same(ours(OTHERS), theirs(tf.constant(OTHERS)))
    same(ours(np.array(OTHERS)[:, None]), theirs(tf.constant(OTHERS)[:, None]))
    same(ours(OTHERS[0]), theirs(tf.constant(OTHERS[0])))
    same_config(ours, theirs)
    # Keras tells (None, 1, vocabulary) of vectors, and gives (None, vocabulary)
    length = ours.output_sequence_length if ours.output_mode == "int" else theirs(tf.constant(OTHERS)).shape[1]
    assert ours.compute_output_shape((None, 1)) == (None, length)


def test_text_vectorization_of_words_that_are_split_already() -> None:
    for mode in ("int", "count", "one_hot"):
        ours, theirs = both("TextVectorization", split=None, vocabulary=["sun", "x"], ngrams=2, output_mode=mode)
        words = [["sun", "x", "sun"], ["X", "moon", ""]]
        same(ours(words), theirs(tf.constant(words)))


def test_text_vectorization_by_functions() -> None:
    ours = layers.TextVectorization(
        standardize=np.char.upper, split=lambda values: [one.split(";") for one in values.tolist()]
    )
    theirs = keras.layers.TextVectorization(
        standardize=tf.strings.upper,
        split=lambda values: tf.strings.split(values, ";"),
    )
    texts = ["a;b c;a", "b c", "x;a"]
    for layer in (ours, theirs):
        layer.adapt(texts)
    assert ours.get_vocabulary() == theirs.get_vocabulary() == ["", "[UNK]", "A", "B C", "X"]
    same(ours(["a;q"]), theirs(tf.constant(["a;q"])))


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_token": "a"},
        {"num_oov_indices": 3, "mask_token": ""},
        {"num_oov_indices": 4, "salt": 9},
        {"max_tokens": 4, "oov_token": "b"},
        {"max_tokens": 9, "pad_to_max_tokens": True},
    ],
    ids=str,
)
def test_string_lookup(mode: str, arguments: dict[str, Any]) -> None:
    ours, theirs = both("StringLookup", output_mode=mode, **arguments)
    for layer in (ours, theirs):
        layer.adapt(TOKENS)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    for inputs in (TOKENS, [["a"], ["zebra"]], ["é", "other", "a", "a"], "c"):
        same(ours(inputs), theirs(tf.constant(inputs)))
        same(ours(np.array(inputs, object)), theirs(tf.constant(inputs)))
        shape = np.shape(inputs)
        if shape:
            assert ours.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))
    same_config(ours, theirs)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count", "tf_idf"])
@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"mask_token": 3},
        {"num_oov_indices": 3, "mask_token": 0},
        {"num_oov_indices": 4, "salt": [9, 2**31], "oov_method": "farmhash"},
        {"num_oov_indices": 5, "oov_method": "farmhash"},
        {"max_tokens": 5},
    ],
    ids=str,
)
def test_integer_lookup(mode: str, arguments: dict[str, Any]) -> None:
    ours, theirs = both("IntegerLookup", output_mode=mode, **arguments)
    for layer in (ours, theirs):
        layer.adapt(NUMBERS)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    for inputs in (NUMBERS, NUMBERS[:, :1] + 1, np.array([5, -7, 99, -99])):
        same(ours(inputs), theirs(inputs))
        same(ours(torch.tensor(inputs)), theirs(inputs))
    same_config(ours, theirs)


@pytest.mark.parametrize(("name", "vocabulary"), [("StringLookup", ["p", "q", "ü"]), ("IntegerLookup", [7, -3, 20])])
@pytest.mark.parametrize("special", [{}, {"mask": True}])
def test_lookups_that_are_given_a_vocabulary(name: str, vocabulary: list[Any], special: dict[str, bool]) -> None:
    mask = {"mask_token": "m" if name == "StringLookup" else 0} if special else {}
    ours, theirs = both(name, vocabulary=vocabulary, **mask)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    same_config(ours, theirs)
    with pytest.raises(ValueError, match="Cannot adapt layer"):
        ours.adapt([vocabulary])
    whole = theirs.get_vocabulary()
    back, expected = both(name, vocabulary=whole, invert=True, **mask)
    assert back.get_vocabulary() == expected.get_vocabulary()
    indices = np.array([[0, 1, 2, 3], [4, 5, 77, 1]])
    same(back(indices), expected(indices))
    weights = [0.5, 2.0, 0.25]
    ours, theirs = both(name, vocabulary=vocabulary, idf_weights=weights, output_mode="tf_idf", **mask)
    same(ours([vocabulary]), theirs(tf.constant([vocabulary])))


def test_hashing() -> None:
    cases: list[tuple[dict[str, Any], Any]] = [
        ({}, TOKENS),
        ({"salt": 133}, TOKENS),
        ({"salt": [133, 137], "mask_value": "a"}, TOKENS),
        ({"mask_value": 4}, NUMBERS),
        ({}, NUMBERS.astype(np.float64) + 0.75),
        ({"output_mode": "one_hot"}, [["a"], ["b"]]),
        ({"output_mode": "one_hot"}, TOKENS),
        ({"output_mode": "multi_hot"}, TOKENS),
        ({"output_mode": "count", "dtype": "float64"}, NUMBERS),
        ({"dtype": "int32"}, NUMBERS),
    ]
    for arguments, inputs in cases:
        ours, theirs = both("Hashing", num_bins=5, **arguments)
        same(ours(inputs), theirs(tf.constant(inputs)))
        same_config(ours, theirs)


def test_hashed_crossing() -> None:
    texts, numbers = [["a"], ["b"], ["ü"]], np.array([[4], [-9], [2**50]])
    for arguments in ({}, {"output_mode": "one_hot"}, {"dtype": "int32"}):
        ours, theirs = both("HashedCrossing", num_bins=7, **arguments)
        same(ours([texts, numbers, numbers]), theirs([tf.constant(texts), tf.constant(numbers), tf.constant(numbers)]))
        same(ours([texts[0], numbers[0]]), theirs([tf.constant(texts[0]), tf.constant(numbers[0])]))
        same_config(ours, theirs)
    with pytest.raises(ValueError, match="must all have one shape"):
        ours([texts, numbers[0]])
    with pytest.raises(ValueError, match="at least two inputs"):
        ours([texts])


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization(mode: str) -> None:
    generator = np.random.default_rng(1)
    data = generator.normal(size=(57, 5)).astype(np.float32)
    ours, theirs = both("Discretization", bin_boundaries=[-1.0, 0.25, 0.5], output_mode=mode)
    edges = np.array([[-1.0, 0.25, 7.0], [-3.0, 0.5, 0.3]])
    same(ours(edges), theirs(edges))
    same_config(ours, theirs)
    ours, theirs = both("Discretization", num_bins=4, epsilon=0.02, output_mode=mode)
    for layer in (ours, theirs):
        layer.adapt(data)
    assert ours.bin_boundaries == theirs.bin_boundaries
    same(ours(data), theirs(data))
    for layer in (ours, theirs):
        layer.adapt((data[start : start + 9] for start in range(0, 57, 9)), steps=5)
    assert ours.bin_boundaries == theirs.bin_boundaries
    same_config(ours, theirs)
    assert ours.compute_output_shape((None, 5)) == tuple(theirs.compute_output_shape((None, 5)))


def _batches(kind: str) -> Any:
    batches = [TEXTS[start : start + 4] for start in range(0, len(TEXTS), 4)]
    if kind == "tf.data":
        return tf.data.Dataset.from_tensor_slices(TEXTS).batch(4)
    if kind == "generator":
        return (np.array(batch) for batch in batches)
    return torch.utils.data.DataLoader(TEXTS, batch_size=4)  # type: ignore[arg-type]  # a list is a Dataset


@pytest.mark.parametrize("kind", ["tf.data", "generator", "DataLoader"])
@pytest.mark.parametrize("steps", [None, 3])
def test_a_vocabulary_of_batches(kind: str, steps: int | None) -> None:
    ours, theirs = both("TextVectorization", output_mode="tf_idf")
    ours.adapt(_batches(kind), steps=steps)
    theirs.adapt(_batches("tf.data"), steps=steps)
    assert ours.get_vocabulary() == theirs.get_vocabulary()
    same(ours(TEXTS), theirs(tf.constant(TEXTS)))


@pytest.mark.parametrize("first", ["Input", "layer"])
def test_texts_into_a_model(first: str) -> None:
    libraries: list[Any] = [layers, keras.layers]
    models = []
    for library in libraries:
        vectors = library.TextVectorization(output_sequence_length=6)
        vectors.adapt(TEXTS)
        stack = [vectors, library.Embedding(40, 5, mask_zero=True), library.LSTM(4), library.Dense(1)]
        if first == "Input":
            stack.insert(0, library.Input((1,), dtype="string"))
        models.append((Sequential if library is layers else keras.Sequential)(stack))
    ours, theirs = models
    y = np.arange(len(TEXTS)) % 3 / 2
    theirs(tf.constant(TEXTS)[:, None])
    ours(TEXTS)
    ours.set_weights(theirs.get_weights())
    x = np.array(TEXTS, object)[:, None]
    assert_close(ours.predict(x, verbose=0), theirs.predict(tf.constant(x), verbose=0), "float32 elementwise")
    for model in models:
        model.compile("sgd", "mse")
    got = ours.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
    expected = theirs.fit(tf.constant(x), y, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
    assert np.allclose(got, expected, rtol=1e-5)
    assert np.allclose(ours.evaluate(TEXTS, y, verbose=0), theirs.evaluate(tf.constant(x), y, verbose=0), rtol=1e-5)


def test_features_of_strings_in_a_graph() -> None:
    outputs = []
    for library, make_model in ((layers, Model), (keras.layers, keras.Model)):
        city, number = library.Input((1,), dtype="string"), library.Input((1,), dtype="int64")
        parts = [
            library.StringLookup(vocabulary=["rome", "東京"], output_mode="one_hot")(city),
            library.Hashing(4, output_mode="one_hot")(city),
            library.HashedCrossing(5, output_mode="one_hot")([city, number]),
            library.IntegerLookup(vocabulary=[4, 2], output_mode="one_hot")(number),
        ]
        model = make_model([city, number], library.Concatenate()(parts))
        texts = np.array([["rome"], ["東京"], ["?"]], object)
        data = [texts if library is layers else tf.constant(texts), np.array([[2], [4], [5]])]
        outputs.append(model.predict(data, verbose=0))
        assert model.output_shape == (None, 15)
    assert np.array_equal(*outputs)


def test_copies_and_state_dicts_have_the_vocabulary() -> None:
    layer = layers.TextVectorization(output_mode="tf_idf")
    layer.adapt(TEXTS)
    other = layers.TextVectorization(output_mode="tf_idf")
    other.load_state_dict(layer.state_dict())
    for again in (other, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert again.get_vocabulary() == layer.get_vocabulary()
        assert torch.equal(again(OTHERS), layer(OTHERS))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("StringLookup", {"vocabulary": ["a", "b", "a"]}, r"more than once: \['a'\]"),
        ("StringLookup", {"vocabulary": []}, "empty vocabulary"),
        ("StringLookup", {"vocabulary": ["a", "b"], "mask_token": "b"}, "holds the mask token 'b' at index 1"),
        ("StringLookup", {"vocabulary": ["a", "[UNK]"], "invert": True}, "out-of-vocabulary token"),
        ("StringLookup", {"vocabulary": ["a", "b", "c"], "max_tokens": 3}, "has 4 tokens, more than `max_tokens`"),
        ("StringLookup", {"max_tokens": 1}, "greater than 1"),
        ("StringLookup", {"num_oov_indices": -1}, "at least 0"),
        ("StringLookup", {"invert": True, "output_mode": "count"}, "must be 'int' when `invert`"),
        ("StringLookup", {"pad_to_max_tokens": True, "output_mode": "count"}, "`max_tokens` must be set"),
        ("StringLookup", {"vocabulary": ["a"], "output_mode": "tf_idf"}, "`idf_weights` must be given"),
        ("StringLookup", {"vocabulary": "/nowhere/at/all.txt"}, "does not exist"),
        ("StringLookup", {"salt": "pepper"}, "`salt` must be"),
        ("StringLookup", {"output_mode": "some"}, "expected one of 'int'"),
        ("IntegerLookup", {"vocabulary_dtype": "int32"}, "must be 'int64'"),
        ("IntegerLookup", {"salt": 3}, "farmhash"),
        ("Hashing", {"num_bins": 0}, "positive integer"),
        ("Hashing", {"num_bins": 3, "dtype": "float32"}, "must be 'int32' or 'int64'"),
        ("TextVectorization", {"standardize": "upper"}, "`standardize` must be one of"),
        ("TextVectorization", {"split": 3}, "`split` must be one of"),
        ("TextVectorization", {"ngrams": "two"}, "`ngrams` must be"),
        ("TextVectorization", {"output_mode": "count", "output_sequence_length": 3}, "goes with `output_mode='int'`"),
        ("Discretization", {}, "either `num_bins` or `bin_boundaries`"),
        ("Discretization", {"num_bins": 3, "bin_boundaries": [1.0]}, "either `num_bins` or `bin_boundaries`"),
    ],
    ids=str,
)
def test_arguments_that_do_not_fit(name: str, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        getattr(layers, name)(**arguments)
    with pytest.raises(ValueError):  # noqa: PT011 - Keras', in other words
        getattr(keras.layers, name)(**arguments)


def test_calls_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`num_oov_indices=0` .* lacks 'q'"):
        layers.StringLookup(vocabulary=["a"], num_oov_indices=0)(["a", "q"])
    with pytest.raises(RuntimeError, match="must be known before it is called"):
        layers.StringLookup(output_mode="count")(["a"])
    counted = layers.StringLookup(vocabulary=["a"], output_mode="count")
    with pytest.raises(RuntimeError, match="it was 2 and would be 3"):
        counted.set_vocabulary(["a", "b"])
    with pytest.raises(TypeError, match="Expected strings, got 3"):
        layers.StringLookup(vocabulary=["a"])([3])
    with pytest.raises(ValueError, match="one length along each axis"):
        layers.StringLookup(vocabulary=["a"])([["a"], ["a", "b"]])
    with pytest.raises(ValueError, match=r"splits texts of shape .* got shape \(1, 2\)"):
        layers.TextVectorization()([["a", "b"]])
    with pytest.raises(ValueError, match="has no bins yet"):
        layers.Discretization(num_bins=3)([1.0])
    with pytest.raises(ValueError, match="was made with `bin_boundaries`"):
        layers.Discretization([1.0]).adapt([1.0])
    vocabulary = tmp_path / "words.txt"
    vocabulary.write_text("ü\nb c\n", encoding="utf-8")
    layer = layers.StringLookup(vocabulary=str(vocabulary))
    assert layer.get_vocabulary() == keras.layers.StringLookup(vocabulary=str(vocabulary)).get_vocabulary()
    config = {**layer.get_config(), "vocabulary": str(vocabulary)}
    with pytest.raises(ValueError, match="no file is opened because a configuration names it"):
        layers.StringLookup.from_config(config)
    assert as_strings(["ü"]).tolist() == ["ü"]


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None])
@pytest.mark.parametrize("kind", ["array", "list", "generator", "tf.data", "pairs"])
def test_normalization_adapts_to_batches(axis: Any, kind: str) -> None:
    data = np.random.default_rng(5).normal(3, 2, size=(20, 4, 3)).astype(np.float32)
    parts = [data[start : start + 6] for start in range(0, 20, 6)]

    def source() -> Any:
        if kind == "tf.data":
            return tf.data.Dataset.from_tensor_slices(data).batch(6)
        return {"array": data, "list": parts, "pairs": [(part, part) for part in parts]}.get(kind, iter(parts))

    ours, theirs = both("Normalization", axis=axis)
    for layer in (ours, theirs):
        layer.adapt(source())
    assert tuple(ours.mean.shape) == tuple(theirs.mean.shape)
    assert_close(ours.mean, theirs.mean.numpy(), "float32 elementwise")
    assert_close(ours.variance, theirs.variance.numpy(), "float32 elementwise")
    assert_close(ours(data), theirs(data).numpy(), "float32 elementwise")


def test_normalization_by_numbers_that_are_given() -> None:
    data = np.random.default_rng(6).normal(size=(2, 5, 3)).astype(np.float32)
    for arguments in ({"mean": 2.0, "variance": 3.0}, {"mean": [1.0, 2, 3], "variance": [3.0, 2, 1], "invert": True}):
        ours, theirs = both("Normalization", **arguments)
        same(ours(data), theirs(data))
        assert ours.mean.shape == tuple(theirs.mean.shape)
    with pytest.raises(ValueError, match="empty iterable, without any batch"):
        layers.Normalization().adapt(iter([]))
    with pytest.raises(TypeError, match="Unsupported data type: int"):
        layers.Normalization().adapt(3)
    with pytest.raises(TypeError, match="adapts to batches that are arrays"):
        layers.Normalization().adapt(iter(["a"]))


def test_texts_into_a_model_class() -> None:
    words = layers.TextVectorization(output_sequence_length=4)
    words.adapt(TEXTS)

    class Classifier(Model):
        def __init__(self) -> None:
            super().__init__()
            self.words = words
            self.embedding = layers.Embedding(40, 5, mask_zero=True)
            self.lstm = layers.LSTM(4)

        def call(self, texts: Any) -> Any:
            return self.lstm(self.embedding(self.words(texts)))

    model = Classifier()
    model.compile("sgd", "mse")
    x = np.array(TEXTS, object)
    assert model(x).shape == (len(TEXTS), 4)
    model.fit(x, np.zeros((len(TEXTS), 4)), batch_size=4, verbose=0)
    expected = model.lstm(model.embedding(words(TEXTS))).detach()
    assert_close(model.predict(x, verbose=0), expected, "float32 elementwise")
    assert_close(
        model.predict(tf.data.Dataset.from_tensor_slices(TEXTS).batch(7), verbose=0), expected, "float32 elementwise"
    )


def test_a_graph_of_tensorflows_says_what_to_map_instead() -> None:
    layer = layers.TextVectorization(output_sequence_length=4)
    layer.adapt(["a b", "c d"])
    data = tf.data.Dataset.from_tensor_slices(np.array(["a b", "c d"])).batch(2)
    with pytest.raises(
        TypeError, match=r"in `map` of a `tf\.data\.Dataset`, cannot be read: iterate over the data set, or"
    ):
        data.map(layer)
    ours = preprocessing.Dataset.from_tensor_slices(np.array(["a b", "c d"])).batch(2).map(layer)
    (indices,) = ours
    assert np.array_equal(indices, layer(next(iter(data))))
