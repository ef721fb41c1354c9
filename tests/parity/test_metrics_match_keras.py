"""Every metric against Keras 3.15, over several batches, with weights and masks."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from keras.src.metrics import ALL_OBJECTS_DICT

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm import metrics
from torch_keras_lstm.metrics import serialization

Arrays = tuple[np.ndarray, np.ndarray]
Data = Callable[[np.random.Generator, tuple[int, ...]], Arrays]
BATCHES = 3


@pytest.fixture
def _double() -> Iterator[None]:
    with float64(keras, torch_keras_lstm):
        yield


def _real(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return 2 * rng.normal(size=shape), 2 * rng.normal(size=shape)


def _binary(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Probabilities, many of them tied, and on thresholds of 0.1, 0.25 and the like."""
    return rng.integers(0, 2, size=shape), rng.integers(0, 21, size=shape) / 20


def _probabilities(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, 2, size=shape), rng.random(size=shape)


def _logits(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, 2, size=shape), 3 * rng.normal(size=shape)


def _one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    """Classes with several equally probable ones."""
    return np.eye(shape[-1])[rng.integers(0, shape[-1], size=shape[:-1])], rng.integers(1, 6, size=shape) / 5


def _classes(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, shape[-1], size=shape[:-1]), rng.integers(1, 6, size=shape) / 5


def _class_column(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    y_true, y_pred = _classes(rng, shape)
    return y_true[..., None], y_pred


def _sorted_ids(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    y_true, y_pred = _classes(rng, shape)
    return y_true, np.argsort(-y_pred, axis=-1).astype(float)


def _equal(rng: np.random.Generator, shape: tuple[int, ...]) -> Arrays:
    return rng.integers(0, 3, size=shape), rng.integers(0, 3, size=shape).astype(float)


# the class, its arguments, the data: means of a function of the last axis
MEANS: list[tuple[str, dict[str, Any], Data]] = [
    ("MeanSquaredError", {}, _real),
    ("RootMeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("MeanAbsolutePercentageError", {}, _real),
    ("MeanSquaredLogarithmicError", {}, _real),
    ("LogCoshError", {}, _real),
    ("CosineSimilarity", {}, _real),
    ("PearsonCorrelation", {}, _real),
    ("ConcordanceCorrelation", {}, _real),
    ("Hinge", {}, _real),
    ("SquaredHinge", {}, _logits),
    ("CategoricalHinge", {}, _one_hot),
    ("KLDivergence", {}, _one_hot),
    ("Poisson", {}, _one_hot),
    ("BinaryCrossentropy", {}, _binary),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, _logits),
    ("CategoricalCrossentropy", {}, _one_hot),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.2}, _one_hot),
    ("SparseCategoricalCrossentropy", {}, _classes),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, _classes),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, _class_column),
    ("Accuracy", {}, _equal),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _binary),
    ("CategoricalAccuracy", {}, _one_hot),
    ("SparseCategoricalAccuracy", {}, _classes),
    ("SparseCategoricalAccuracy", {}, _class_column),
]
# the same of a kernel that TensorFlow has in float32 only
TOP_K: list[tuple[str, dict[str, Any], Data]] = [
    ("TopKCategoricalAccuracy", {"k": 2}, _one_hot),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, _classes),
    ("SparseTopKCategoricalAccuracy", {"k": 1}, _class_column),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, _sorted_ids),
]
# made of decisions at thresholds
DECISIONS: list[tuple[str, dict[str, Any], Data]] = [
    ("TruePositives", {}, _binary),
    ("TruePositives", {"thresholds": [0.3, 0.9, 0.1]}, _binary),
    ("FalsePositives", {"thresholds": 0.25}, _binary),
    ("TrueNegatives", {"thresholds": [0.0, 0.5, 1.0]}, _binary),
    ("FalseNegatives", {"thresholds": [0.9, 0.1]}, _binary),
    ("Precision", {}, _binary),
    ("Precision", {"thresholds": [0.3, 0.6]}, _binary),
    ("Precision", {"top_k": 2}, _one_hot),
    ("Precision", {"top_k": 2, "class_id": 1}, _one_hot),
    ("Precision", {"top_k": 2, "thresholds": 0.7}, _one_hot),
    ("Recall", {}, _binary),
    ("Recall", {"class_id": 0}, _binary),
    ("Recall", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 1}, _binary),
    ("SpecificityAtSensitivity", {"sensitivity": 0.7, "class_id": 1}, _probabilities),
    ("PrecisionAtRecall", {"recall": 0.6, "num_thresholds": 21}, _binary),
    ("RecallAtPrecision", {"precision": 0.6}, _probabilities),
    ("AUC", {}, _binary),
    ("AUC", {"num_thresholds": 21}, _binary),
    ("AUC", {"from_logits": True}, _logits),
    ("AUC", {"thresholds": [0.7, 0.2, 0.4]}, _binary),
    ("AUC", {"thresholds": [0.5]}, _binary),
    ("AUC", {"label_weights": [0.3, 0.9, 0.5]}, _probabilities),
    *(("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 11}, _probabilities)
      for curve in ("ROC", "PR", "PRGAIN") for method in ("interpolation", "majoring", "minoring")),
]  # fmt: skip
# of predictions (batch, values) alone
COLUMNS: list[tuple[str, dict[str, Any], Data]] = [
    ("AUC", {"multi_label": True}, _probabilities),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [0.3, 0.9, 0.5]}, _binary),
    ("AUC", {"multi_label": True, "curve": "PR", "thresholds": [0.7, 0.2, 0.4]}, _binary),
    *(("FBetaScore", {"average": average, "beta": 0.7, "threshold": threshold}, _one_hot)
      for average in (None, "micro", "macro", "weighted") for threshold in (None, 0.5)),
    ("F1Score", {}, _one_hot),
    ("R2Score", {}, _real),
    ("R2Score", {"class_aggregation": None}, _real),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}, _real),
]  # fmt: skip


def _id(value: object) -> str:
    return getattr(value, "__name__", str(value)).replace(" ", "")


def _compare(
    name: str,
    arguments: dict[str, Any],
    data: Data,
    shape: tuple[int, ...],
    weight: tuple[int, ...] | None = None,
    mask: tuple[int, ...] | None = None,
    dtype: str = "float64",
) -> None:
    """Several batches, the result after each, a reset, another batch."""
    rng = np.random.default_rng(0)
    ours, reference = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    for batch in range(BATCHES):
        if batch == BATCHES - 1:
            ours.reset_state()
            reference.reset_state()
        y_true, y_pred = data(rng, shape)
        y_pred = y_pred.astype(dtype)
        weights = None if weight is None else rng.random(size=weight).astype(dtype)
        keras_pred = tf.constant(y_pred)
        if mask is None:
            ours.update_state(y_true, torch.tensor(y_pred), weights)
        else:
            keras_pred._keras_mask = tf.constant(rng.random(size=mask) < 0.6)
            ours.update_state(y_true, torch.tensor(y_pred), weights, keras_pred._keras_mask.numpy())
        reference.update_state(y_true, keras_pred, weights)
        result = ours.result()
        assert str(result.dtype) == f"torch.{dtype}"
        assert_close(result, reference.result().numpy(), dtype if dtype == "float64" else "float32 elementwise", name)


def test_every_keras_metric_is_here() -> None:
    assert set(ALL_OBJECTS_DICT) - {"Metric", "metric"} <= set(serialization._REGISTRY.builders)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 3)], ids=_id)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "arguments", "data"), MEANS, ids=_id)
def test_mean(name: str, arguments: dict[str, Any], data: Data, weighted: bool, shape: tuple[int, ...]) -> None:
    _compare(name, arguments, data, shape, shape[:-1] if weighted else None)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 3)], ids=_id)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "arguments", "data"), DECISIONS, ids=_id)
def test_decisions(name: str, arguments: dict[str, Any], data: Data, weighted: bool, shape: tuple[int, ...]) -> None:
    _compare(name, arguments, data, shape, shape[:-1] if weighted else None)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "arguments", "data"), COLUMNS, ids=_id)
def test_columns(name: str, arguments: dict[str, Any], data: Data, weighted: bool) -> None:
    _compare(name, arguments, data, (8, 3), (8,) if weighted else None)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "arguments", "data"), [*MEANS, *TOP_K, *DECISIONS, *COLUMNS], ids=_id)
def test_single_precision(name: str, arguments: dict[str, Any], data: Data, weighted: bool) -> None:
    """On the thresholds, where double precision would decide otherwise."""
    _compare(name, arguments, data, (8, 3), (8,) if weighted else None, dtype="float32")


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("weight", [None, (6, 1), (6, 4)], ids=_id)
@pytest.mark.parametrize(
    ("name", "arguments", "data"),
    [
        ("MeanSquaredError", {}, _real),
        ("RootMeanSquaredError", {}, _real),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1}, _classes),
        ("BinaryAccuracy", {}, _binary),
        ("Precision", {}, _binary),
        ("AUC", {}, _binary),
    ],
    ids=_id,
)
def test_mask(name: str, arguments: dict[str, Any], data: Data, weight: tuple[int, ...] | None) -> None:
    """Some metrics do not look at it, in Keras and here."""
    _compare(name, arguments, data, (6, 4, 3), weight, mask=(6, 4))


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("weight", [None, (5,), (5, 1), (5, 4), (5, 4, 1), (5, 4, 3)], ids=_id)
@pytest.mark.parametrize("shape", [(5,), (5, 1), (5, 4), (5, 4, 1), (5, 4, 3)], ids=_id)
@pytest.mark.parametrize("name", ["Mean", "Sum"])
def test_values_and_weights_of_all_ranks(name: str, shape: tuple[int, ...], weight: tuple[int, ...] | None) -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=shape), None if weight is None else rng.random(size=weight)
    try:
        expected = getattr(keras.metrics, name)()(values, weights)
    except tf.errors.InvalidArgumentError:
        with pytest.raises(ValueError, match="does not fit"):
            getattr(metrics, name)()(values, weights)
    else:
        assert_close(getattr(metrics, name)()(values, weights), expected.numpy(), "float64")


@pytest.mark.parametrize("name", sorted({name for name, _, _ in [*MEANS, *TOP_K, *DECISIONS, *COLUMNS]}))
def test_configuration(name: str) -> None:
    """Keras reads what is written here, and writes no argument that is not."""
    arguments = {name: first for cases in (DECISIONS,) for name, first, _ in cases if "At" in name}.get(name, {})
    written = metrics.serialize(getattr(metrics, name)(**arguments, name="mine"))
    assert isinstance(written, dict)
    read = keras.metrics.deserialize(written)
    assert type(read).__name__ == name
    assert {**written["config"], "dtype": "float32"}.items() >= read.get_config().items()


IOU: list[tuple[str, dict[str, Any], str, str]] = [
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2]}, "classes", "classes"),
    ("IoU", {"num_classes": 3, "target_class_ids": [1], "ignore_class": 2}, "classes", "classes"),
    ("IoU", {"num_classes": 4, "target_class_ids": [3, 1], "sparse_y_pred": False}, "classes", "shares"),
    ("MeanIoU", {"num_classes": 4, "ignore_class": -1}, "classes", "classes"),
    ("MeanIoU", {"num_classes": 7}, "classes", "classes"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 1]}, "shares", "shares"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 1], "sparse_y_pred": True}, "shares", "classes"),
    ("OneHotMeanIoU", {"num_classes": 4, "ignore_class": 1}, "shares", "shares"),
    ("BinaryIoU", {"threshold": 0.3}, "binary", "probabilities"),
    ("BinaryIoU", {"target_class_ids": [1]}, "binary", "probabilities"),
]
VALUES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "classes": lambda rng: rng.integers(-1, 5, size=(6, 5)),  # some of which are none
    "shares": lambda rng: rng.random(size=(6, 5, 4)),
    "binary": lambda rng: rng.integers(0, 2, size=(6, 5)),
    "probabilities": lambda rng: rng.random(size=(6, 5)),
}


@pytest.mark.parametrize("dtype", [None, "float32"], ids=_id)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "arguments", "true", "predicted"), IOU, ids=_id)
def test_intersection_over_union(
    name: str, arguments: dict[str, Any], true: str, predicted: str, weighted: bool, dtype: str | None
) -> None:
    rng = np.random.default_rng(0)
    ours, reference = (getattr(library, name)(**arguments, dtype=dtype) for library in (metrics, keras.metrics))
    for batch in range(BATCHES):
        if batch == BATCHES - 1:
            ours.reset_state()
            reference.reset_state()
        y_true, y_pred = VALUES[true](rng), VALUES[predicted](rng)
        weight = (rng.random(size=(6, 5)) if dtype else rng.integers(0, 3, size=(6, 5))) if weighted else None
        ours.update_state(y_true, torch.tensor(y_pred), weight)
        reference.update_state(y_true, y_pred, weight)
        assert_close(ours.result(), reference.result().numpy(), "float32 elementwise", name)
    written = metrics.serialize(ours)
    assert isinstance(written, dict)
    read = keras.metrics.deserialize(written)
    assert read.get_config() == {**written["config"], "dtype": read.get_config()["dtype"]}
    again, theirs = metrics.deserialize(written), metrics.deserialize(keras.metrics.serialize(reference))
    assert isinstance(again, metrics.Metric)
    assert isinstance(theirs, metrics.Metric)
    assert again.get_config() == written["config"]
    assert theirs.get_config().items() >= arguments.items()


def test_weights_of_whole_numbers() -> None:
    for library in (metrics, keras.metrics):
        metric = library.MeanIoU(2)
        with pytest.warns(UserWarning, match="weight"):
            metric.update_state(np.array([0, 1]), np.array([0, 1]), np.array([1.5, 0.5]))
        assert float(metric.result()) == pytest.approx(1.0)
    with pytest.raises(ValueError, match="class 2 is out of range, there are 2 classes"):
        metrics.IoU(2, [2])
    with pytest.raises(ValueError, match="there are 3 classes in the targets and 2 in the predictions"):
        metrics.MeanIoU(2).update_state([0, 1, 1], [0, 1])
