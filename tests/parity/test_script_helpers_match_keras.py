"""What scripts prepare data with, against live Keras 3.15, tf.keras and, for what Keras 3 dropped, tf_keras."""

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import backend, preprocessing, utils
from torch_keras_lstm.preprocessing import sequence, text

SEQUENCES: list[Any] = [[1, 2, 3, 4], [5], [], [6, 7]]
TEXTS: list[str | list[str]] = [
    "The cat sat on the mat.",
    "the dog's log: a LOG!\tOn the mat",
    "",
    "a b\nc <unk> d",
    ["A", "list", "Of", "cat"],
]


@pytest.mark.parametrize("classes", [None, 5])
@pytest.mark.parametrize("x", [[0, 2, 1], [[0], [3]], [[0, 1], [2, 2]], 3, np.array([1.0, 0.0])], ids=str)
def test_to_categorical(x: Any, classes: int | None) -> None:
    got, expected = (library.utils.to_categorical(x, classes) for library in (torch_keras, keras))
    assert got.dtype == expected.dtype
    assert np.array_equal(got, expected)


class torch_keras:  # the namespace, as a script has it
    utils = utils


def test_to_categorical_of_a_tensor() -> None:
    got = utils.to_categorical(torch.tensor([[1], [0], [7]]), 3)
    assert np.array_equal(got, keras.utils.to_categorical(tf.constant([[1], [0], [7]]), 3).numpy())
    assert got.dtype == torch.float32
    with pytest.raises(ValueError, match="Classes must lie in"):  # Keras' IndexError comes from NumPy
        utils.to_categorical([3], 3)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (1, 1), (-1, np.inf)])
def test_normalize(axis: int, order: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    x[1] = 0
    assert_close(utils.normalize(x, axis, order), keras.utils.normalize(x, axis, order), "float64 elementwise")
    assert_close(utils.normalize(torch.tensor(x), axis, order), utils.normalize(x, axis, order), "float64 elementwise")
    # Keras takes axis 0 for the last
    assert_close(utils.normalize(x.T, 0, order), utils.normalize(x, -1, order).T, "float64 elementwise")


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"maxlen": 3},
        {"maxlen": 2, "padding": "post", "truncating": "post", "value": 9},
        {"padding": "post", "dtype": "float32", "value": -0.5},
        {"maxlen": 6, "truncating": "post"},
        {"dtype": object, "value": "none"},
    ],
    ids=str,
)
def test_pad_sequences(arguments: dict[str, Any]) -> None:
    got, expected = sequence.pad_sequences(SEQUENCES, **arguments), keras.utils.pad_sequences(SEQUENCES, **arguments)
    assert got.dtype == expected.dtype
    assert np.array_equal(got, expected)
    vectors = [np.ones((2, 3)), np.zeros((0, 3)), np.full((4, 3), 2.0)]
    if "value" not in arguments or not isinstance(arguments["value"], str):
        assert np.array_equal(
            utils.pad_sequences(vectors, **arguments), keras.utils.pad_sequences(vectors, **arguments)
        )


@pytest.mark.parametrize(
    ("sequences", "arguments", "words"),
    [
        ([1, 2], {}, "holds sequences, got 1 at place 0"),
        (3, {}, "must be a list of sequences, got 3"),
        (SEQUENCES, {"padding": "left"}, "`padding` is .* got 'left'"),
        (SEQUENCES, {"truncating": "left"}, "`truncating` is"),
        (SEQUENCES, {"value": "x"}, "use `dtype=object`"),
        ([np.ones((2, 3)), np.ones((2, 4))], {}, r"there are \(3,\) and, at place 1, \(4,\)"),
    ],
)
def test_sequences_that_cannot_be_padded(sequences: Any, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        sequence.pad_sequences(sequences, **arguments)
    with pytest.raises(ValueError):  # noqa: PT011 - Keras', in other words
        keras.utils.pad_sequences(sequences, **arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sampling_rate": 2, "stride": 3, "batch_size": 2},
        {"start_index": 4, "end_index": 15, "reverse": True, "batch_size": 3},
        {"shuffle": True, "batch_size": 4},
    ],
    ids=str,
)
def test_timeseries_generator(arguments: dict[str, Any]) -> None:
    data, targets = np.arange(40.0).reshape(20, 2), np.arange(20)
    ours = sequence.TimeseriesGenerator(data, targets, 4, **arguments)
    theirs = tf_keras.preprocessing.sequence.TimeseriesGenerator(data, targets, 4, **arguments)
    assert len(ours) == len(theirs)
    for index in range(len(ours)):
        np.random.seed(3)  # noqa: NPY002 - what both draw from
        got = ours[index]
        np.random.seed(3)  # noqa: NPY002
        for mine, expected in zip(got, theirs[index], strict=True):
            assert np.array_equal(mine, expected)
    with pytest.raises(ValueError, match="There is no window"):
        sequence.TimeseriesGenerator(data, targets, 20)
    with pytest.raises(ValueError, match="`data` has 20 steps and `targets` has 3"):
        sequence.TimeseriesGenerator(data, targets[:3], 2)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sequence_stride": 3, "batch_size": 2},
        {"sampling_rate": 2, "batch_size": 4, "start_index": 3, "end_index": 17},
        {"batch_size": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("targets", [None, np.arange(17)], ids=["alone", "targets"])
def test_timeseries_dataset(arguments: dict[str, Any], targets: Any) -> None:
    data = np.arange(40.0).reshape(20, 2)
    ours = preprocessing.timeseries_dataset_from_array(data, targets, 4, **arguments)
    theirs = [*keras.utils.timeseries_dataset_from_array(data, targets, 4, **arguments)]
    assert len(ours) == len(theirs)
    for got, expected in zip(ours, theirs, strict=True):
        pairs = [(got, expected)] if targets is None else zip(got, expected, strict=True)
        for mine, wanted in pairs:
            assert np.array_equal(mine, wanted.numpy())


def test_a_shuffled_timeseries_dataset_has_every_window_once() -> None:
    data = np.arange(20.0)
    ours = utils.timeseries_dataset_from_array(data, data, 4, batch_size=5, shuffle=True, seed=1)
    starts = [np.concatenate([y for _, y in ours]) for _ in range(2)]
    assert not np.array_equal(starts[0], starts[1])
    for found in starts:
        assert np.array_equal(np.sort(found), data[:17])
    for windows, first in ours:
        assert np.array_equal(windows[:, 0], first)


@pytest.mark.parametrize(
    "wrong", [{"sequence_stride": 0}, {"sampling_rate": 20}, {"start_index": 20}, {"start_index": 5, "end_index": 5}]
)
def test_windows_that_are_not_in_the_series(wrong: dict[str, Any]) -> None:
    name = next(iter(wrong))
    with pytest.raises(ValueError, match=name):
        utils.timeseries_dataset_from_array(np.arange(20), None, 4, **wrong)
    with pytest.raises(ValueError):  # noqa: PT011 - Keras', in other words
        keras.utils.timeseries_dataset_from_array(np.arange(20), None, 4, **wrong)


TOKENIZERS: list[dict[str, Any]] = [
    {},
    {"num_words": 4},
    {"oov_token": "<unk>"},
    {"num_words": 5, "oov_token": "<unk>", "filters": ""},
    {"char_level": True, "lower": False},
    {"char_level": True, "oov_token": "?"},
    {"split": "t", "filters": "."},
    {"analyzer": lambda text: text.upper().split("A")},
]


@pytest.mark.parametrize("arguments", TOKENIZERS, ids=lambda value: ",".join(value) or "none")
def test_tokenizer(arguments: dict[str, Any]) -> None:
    ours = text.Tokenizer(**arguments)
    theirs = tf_keras.preprocessing.text.Tokenizer(**arguments)
    more: list[str | list[str]] = ["a cat more"]
    for texts in (TEXTS, more):
        ours.fit_on_texts(texts)
        theirs.fit_on_texts(texts)
        assert ours.word_index == theirs.word_index
        assert list(ours.word_index) == list(theirs.word_index)
        for name in ("index_word", "word_counts", "word_docs", "index_docs"):
            assert dict(getattr(ours, name)) == dict(getattr(theirs, name)), name
        assert ours.document_count == theirs.document_count
    new: list[str | list[str]] = ["a new cat on the mat", "none", ["A", "new", "list"], ""]
    sequences = ours.texts_to_sequences(new)
    assert sequences == theirs.texts_to_sequences(new)
    assert ours.sequences_to_texts([*sequences, [1, 99, 2]]) == theirs.sequences_to_texts([*sequences, [1, 99, 2]])
    for mode in ("binary", "count", "freq", "tfidf"):
        got, expected = ours.texts_to_matrix(new, mode), theirs.texts_to_matrix(new, mode)
        assert_close(got, expected, "float64 elementwise", mode)
    if "analyzer" not in arguments:
        told = json.loads(theirs.to_json())["config"]
        assert json.loads(ours.to_json())["config"].keys() == told.keys()
        again = text.tokenizer_from_json(theirs.to_json())
        assert again.texts_to_sequences(new) == sequences
        back = tf_keras.preprocessing.text.tokenizer_from_json(ours.to_json())
        assert back.texts_to_sequences(new) == sequences


def test_counting_sequences_and_errors() -> None:
    both = [text.Tokenizer(6), tf_keras.preprocessing.text.Tokenizer(6)]
    for tokenizer in both:
        tokenizer.fit_on_sequences([[1, 2, 2], [2, 5]])
    got, expected = (tokenizer.sequences_to_matrix([[2, 2, 5, 7]], "tfidf") for tokenizer in both)
    assert_close(got, expected, "float64 elementwise")
    with pytest.raises(ValueError, match="give `num_words`, or call `fit_on_texts` first"):
        text.Tokenizer().texts_to_matrix(["a"])
    with pytest.raises(ValueError, match="needs texts"):
        text.Tokenizer(3).texts_to_matrix(["a"], "tfidf")
    with pytest.raises(ValueError, match="argument `mode`"):
        text.Tokenizer(3).texts_to_matrix(["a"], "often")
    for wrong in ("{", "[]", '{"config": {}}', '{"config": {"word_counts": "3"}}'):
        with pytest.raises(ValueError, match="not the JSON of a Tokenizer"):
            text.tokenizer_from_json(wrong)


def test_words_and_hashes() -> None:
    theirs = tf_keras.preprocessing.text
    for words in (text, theirs):
        assert words.text_to_word_sequence("Don't, STOP-now!", lower=False) == ["Don't", "STOP", "now"]
    assert text.hashing_trick("a b a", 9, "md5") == theirs.hashing_trick("a b a", 9, "md5")
    assert text.one_hot("a b a", 9) == theirs.one_hot("a b a", 9)


def test_seeds() -> None:
    drawn = []
    for _ in range(2):
        utils.set_random_seed(3)
        drawn.append((np.random.rand(), torch.rand(1).item()))  # noqa: NPY002
    assert drawn[0] == drawn[1]
    with pytest.raises(ValueError, match="`seed` must be a whole number"):
        utils.set_random_seed("3")  # type: ignore[arg-type]


def called(name: str, **arguments: Any) -> Callable[[Any, Any], Any]:
    return lambda k, x: getattr(k, name)(x, **arguments)


X = np.random.default_rng(0).normal(size=(3, 4, 5))
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    **{name: called(name) for name in (
        "abs", "exp", "square", "sign", "round", "sin", "cos", "sigmoid", "tanh", "softmax", "softplus", "softsign",
        "elu", "relu", "hard_sigmoid", "zeros_like", "ones_like", "l2_normalize", "flatten", "expand_dims", "argmax",
        "argmin", "transpose",
    )},
    **{f"{name} of an axis": called(name, axis=1, keepdims=True) for name in (
        "sum", "mean", "max", "min", "prod", "std", "var",
    )},
    "mean of all": lambda k, x: k.mean(x),
    "sqrt": lambda k, x: k.sqrt(k.abs(x)),
    "log": lambda k, x: k.log(k.abs(x) + k.epsilon()),
    "clip": lambda k, x: k.clip(x, -0.5, 0.25),
    "pow": lambda k, x: k.pow(x, 2),
    "maximum": lambda k, x: k.maximum(x, 0.1),
    "equal": lambda k, x: k.cast(k.equal(x, x), "float64"),
    "greater": lambda k, x: k.cast(k.greater(x, 0.0), "float32"),
    "any": lambda k, x: k.any(k.greater(x, 2.0), axis=-1),
    "dot": lambda k, x: k.dot(x, k.transpose(x[0])),
    "batch_dot": lambda k, x: k.batch_dot(x, x, axes=[1, 1]),
    "batch_dot of vectors": lambda k, x: k.batch_dot(x[:, 0], x[:, 1], axes=1),
    "batch_dot of the last": lambda k, x: k.batch_dot(x, k.permute_dimensions(x, (0, 2, 1))),
    "permute_dimensions": lambda k, x: k.permute_dimensions(x, (0, 2, 1)),
    "reverse": lambda k, x: k.reverse(x, axes=1),
    "reverse of two": lambda k, x: k.reverse(x, axes=(1, 2)),
    "concatenate": lambda k, x: k.concatenate([x, x]),
    "stack": lambda k, x: k.stack([x, x], axis=1),
    "squeeze": lambda k, x: k.squeeze(x[:, :1], 1),
    "reshape": lambda k, x: k.reshape(x, (3, -1)),
    "repeat": lambda k, x: k.repeat(x[:, 0], 2),
    "repeat_elements": lambda k, x: k.repeat_elements(x, 2, 1),
    "tile": lambda k, x: k.tile(x, (1, 2, 1)),
    "cumsum": lambda k, x: k.cumsum(x, axis=1),
    "one_hot": lambda k, x: k.one_hot(k.cast(x[0, 0] > 0, "int32"), 3),
    "switch": lambda k, x: k.switch(k.greater(x, 0.0), k.square(x), k.zeros_like(x)),
    "leaky relu": lambda k, x: k.relu(x, alpha=0.125, max_value=0.75, threshold=0.25),
    "get_value": lambda k, x: k.get_value(k.constant(np.asarray(x), "float64")),
    "constant": lambda k, x: k.constant(2.0, shape=(2, 3)),
    "cast_to_floatx": lambda k, x: k.cast_to_floatx(np.asarray(x)),
    "variable": lambda k, x: k.get_value(k.variable(np.asarray(x), "float64")),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_backend(name: str) -> None:
    got = np.asarray(CALLS[name](backend, torch.tensor(X)))
    expected = np.asarray(CALLS[name](tf.keras.backend, tf.constant(X)))
    assert got.dtype.kind == expected.dtype.kind
    assert_close(got, expected, "float32 elementwise" if expected.dtype == np.float32 else "float64 elementwise")


def test_shapes_and_settings() -> None:
    for library in (backend, tf.keras.backend):
        assert library.int_shape(library.constant(X)) == (3, 4, 5)
        assert library.ndim(library.constant(X)) == 3
        assert library.epsilon() == 1e-7
        assert library.image_data_format() == "channels_last"
        assert library.floatx() == "float32"
    backend.set_floatx("float64")
    try:
        assert backend.floatx() == "float64"
        assert backend.constant(1).dtype == torch.float64
    finally:
        backend.set_floatx("float32")
    with pytest.raises(ValueError, match="must be one of float16"):
        backend.set_floatx("int")
    parameter = backend.variable([1.0, 2.0])
    backend.set_value(parameter, [3.0, 4.0])
    assert backend.get_value(parameter).tolist() == [3.0, 4.0]
    with pytest.raises(AttributeError, match=r"write `model\.optimizer\.learning_rate = 0\.1`"):
        backend.set_value(0.5, 0.1)
    with pytest.raises(AttributeError, match="Did you mean 'square'"):
        _ = backend.sqare
    assert {"mean", "permute_dimensions", "sigmoid"} <= set(dir(backend))


def test_clear_session_numbers_names_anew() -> None:
    from torch_keras_lstm.layers import Dense

    backend.clear_session()
    assert [Dense(1).name, Dense(1).name] == ["dense", "dense_1"]
    backend.clear_session()
    assert Dense(1).name == "dense"
