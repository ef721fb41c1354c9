"""Losses and metrics of a user's own, written once for Keras: the same text gives the same curves here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import torch_keras_lstm
from tests.parity.precision import float64
from tests.tolerances import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

LIBRARIES = (keras, torch_keras_lstm)
BATCH, TIME, FEATURES, UNITS = 8, 5, 3, 4


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    with float64(*LIBRARIES):
        yield


def _own(library: Any) -> tuple[type, type, type]:
    ops = library.ops

    class Lopsided(library.losses.Loss):  # type: ignore[misc]
        """Too much costs more than too little."""

        def __init__(self, weight: float = 3.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.weight = weight

        def call(self, y_true: Any, y_pred: Any) -> Any:
            error = y_pred - y_true
            return ops.mean(ops.where(error > 0, self.weight * ops.square(error), ops.square(error)), axis=-1)

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "weight": self.weight}

    class Spread(library.metrics.Metric):  # type: ignore[misc]
        """The largest error, and the weighted share of errors above a limit."""

        def __init__(self, limit: float = 0.1, name: str = "spread", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.limit = limit
            self.above = self.add_weight(name="above", initializer="zeros")
            self.seen = self.add_variable(shape=(), initializer="zeros", dtype="int32", name="seen")
            self.largest = self.add_weight(shape=(2,), initializer="ones", name="largest")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            error = ops.abs(ops.cast(y_true, self.dtype) - y_pred)
            counted = ops.cast(error > self.limit, self.dtype)
            if sample_weight is not None:
                counted = counted * ops.reshape(ops.cast(sample_weight, self.dtype), (-1, 1))
            self.above.assign_add(ops.sum(counted))
            self.seen.assign(self.seen + ops.shape(y_true)[0])
            self.largest.assign(ops.maximum(self.largest, ops.stack([ops.max(error), ops.min(error)])))

        def result(self) -> Any:
            return self.above / ops.cast(self.seen, self.dtype) + self.largest[0] - self.largest[1]

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "limit": self.limit}

    class Product(library.metrics.Metric):  # type: ignore[misc]
        """Begins anew with another value than 0."""

        def __init__(self, name: str = "product", **kwargs: Any) -> None:
            super().__init__(name=name, **kwargs)
            self.total = self.add_weight(name="total", initializer=library.initializers.Constant(0.25))

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.total.assign_add(ops.sum(y_true * y_pred))
            self.total.assign_sub(1.0)

        def result(self) -> Any:
            return -self.total

        def reset_state(self) -> None:
            self.total.assign(0.25)

    return Lopsided, Spread, Product


def _model(library: Any) -> Any:
    layers = library.layers
    model = library.models.Sequential(
        [layers.Input((TIME, FEATURES)), layers.LSTM(UNITS, dtype="float64"), layers.Dense(2, dtype="float64")]
    )
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(scale=0.4, size=weight.shape) for weight in model.get_weights()])
    return model


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(4)
    return (
        rng.normal(size=(3 * BATCH + 1, TIME, FEATURES)),
        rng.normal(size=(3 * BATCH + 1, 2)),
        rng.random(3 * BATCH + 1),
    )


def _compile(library: Any, model: Any, metrics_key: str) -> None:
    loss, spread, product = _own(library)
    others = {"metrics": [product()]} if metrics_key == "weighted_metrics" else {}
    model.compile(optimizer=library.optimizers.SGD(0.125), loss=loss(), **{metrics_key: [spread(), "mae"]}, **others)


@pytest.mark.parametrize("metrics_key", ["metrics", "weighted_metrics"])
def test_curves(metrics_key: str) -> None:
    x, y, weights = _data()
    histories = []
    for library in LIBRARIES:
        model = _model(library)
        _compile(library, model, metrics_key)
        histories.append(
            model.fit(x, y, sample_weight=weights, batch_size=BATCH, epochs=3, shuffle=False, verbose=0).history
        )
    expected, got = histories
    assert got.keys() == expected.keys()
    for name, values in expected.items():
        assert_close(got[name], values, "float64 curve", name)


def test_by_hand() -> None:
    """Variables are asked and set, states go in and out."""
    rng = np.random.default_rng(5)
    y_true, y_pred = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    found = []
    for library in LIBRARIES:
        _, spread, _ = _own(library)
        metric = spread(limit=0.7)
        first = float(metric(library.ops.convert_to_tensor(y_true), library.ops.convert_to_tensor(y_pred)))
        names = [variable.name for variable in metric.variables]
        values = np.concatenate([np.atleast_1d(variable.numpy()) for variable in metric.variables])
        moved = metric.stateless_update_state(
            [
                library.ops.convert_to_tensor(np.float64(2.0)),
                library.ops.convert_to_tensor(np.int32(3)),
                values[2:] * 2,
            ],
            library.ops.convert_to_tensor(y_pred),
            library.ops.convert_to_tensor(y_true * 2),
        )
        stateless = float(metric.stateless_result(moved))
        metric.above.assign(7.0)
        changed = float(metric.result())
        metric.reset_state()
        left = np.concatenate([np.atleast_1d(variable) for variable in metric.variables])
        found.append(
            (first, names, values, np.concatenate([np.atleast_1d(one) for one in moved]), stateless, changed, left)
        )
    expected, got = found
    assert got[1] == expected[1] == ["above", "seen", "largest"]
    for part, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
        if part != 1:
            for one, other in zip(np.atleast_1d(np.asarray(mine)), np.atleast_1d(np.asarray(theirs)), strict=True):
                assert_close(one, other, "float64", f"part {part}")


def test_in_a_file(tmp_path: Path) -> None:
    """Written by either, read by either with the classes given."""
    x, y, _ = _data()
    for library in LIBRARIES:
        model = _model(library)
        _compile(library, model, "weighted_metrics")
        model.fit(x, y, batch_size=BATCH, verbose=0)
        path = tmp_path / f"{library.__name__}.keras"
        model.save(path)
        expected = model.evaluate(x, y, verbose=0, return_dict=True)
        for reader in LIBRARIES:
            classes = {cls.__name__: cls for cls in _own(reader)}
            read = reader.models.load_model(path, custom_objects=classes)
            assert read.loss.weight == 3.0
            read.evaluate(x, y, verbose=0)  # which in Keras does not begin with the values of a reset
            again = read.evaluate(x, y, verbose=0, return_dict=True)
            assert again.keys() == expected.keys()
            for name, value in expected.items():
                assert_close(again[name], value, "float64 curve", f"{library.__name__} to {reader.__name__}: {name}")
