"""Configurations that nobody wrote: whatever stands in one, it loads, or is refused in a sentence or two of ours."""

import copy
import json
import random
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from torch_keras_lstm import layers, losses, metrics, optimizers
from torch_keras_lstm.conversion import inspect
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.conversion.saved_training import KeptTraining, training_of
from torch_keras_lstm.models import Functional, Model, Sequential, load_model, model_from_json

LONGEST = 600
# Words of Python's and torch's own errors.
THEIRS = re.compile(
    r"NoneType|object has no|unhashable|not subscriptable|unexpected keyword|positional argument|not iterable|C\+\+|"
    r"unsupported operand|__init__|must be str|list indices|<class|object at 0x|(Type|Key|Attribute|Runtime)Error|"
    r"not supported between|not callable|too many values|not enough values|has no len|cannot be interpreted"
)
STRANGE: list[Any] = [
    *(None, True, 0, -1, 3, 10**30, 2**63, 1e300, 0.5, "", "x", "relu", "é" * 50, "a" * 3000, "LSTM"),
    *([], {}, [None], [1, 2], [10**30], ["a"], {"a": 1}, [["a", 0, 0]], {"config": {}}),
    *({"class_name": "Lambda", "config": {"name": "p"}}, {"class_name": "Dense", "config": {}}),
    *({"class_name": "Zeros", "config": None}, {"class_name": ["x"], "config": 5}),
    *({"class_name": "Functional", "config": {}}, {"class_name": "__keras_tensor__", "config": {}}),
    {"class_name": "__numpy__", "config": {"value": [[1], 2], "dtype": "q"}},
    {"class_name": "DTypePolicy", "config": {}},
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _places(inner, (*path, key))


def damaged(config: Any, draw: random.Random) -> Any:
    """A copy with one to three entries dropped, moved, wrapped, multiplied, or put in the place of strange values."""
    config = copy.deepcopy(config)
    for _ in range(draw.choice([1, 1, 1, 2, 3])):
        *above, last = draw.choice([*_places(config)])
        parent = config
        for key in above:
            parent = parent[key]
        match draw.randrange(6):
            case 0:
                del parent[last]
            case 1:
                parent[last] = draw.choice([[parent[last]], {"a": parent[last]}, str(parent[last])])
            case 2 if isinstance(parent[last], int | float):
                parent[last] = draw.choice([parent[last] * 1_000_003, -parent[last], float(parent[last])])
            case 3 if isinstance(parent, dict):
                parent[draw.choice(["name", "config", "x", f"{last}s"])] = parent.pop(last)
            case _:
                parent[last] = copy.deepcopy(draw.choice(STRANGE))
        if not config:
            break
    return config


def _is_ours(text: str) -> None:
    assert len(text) <= LONGEST, text
    assert not THEIRS.search(text), text
    assert text.rstrip("'\"`").endswith((".", "?")), text


def _row() -> Model:
    inside = layers.LSTM(3, return_sequences=True, kernel_regularizer="l2", bias_constraint="non_neg")
    return Sequential(
        [
            layers.Input((7,)),
            layers.Embedding(20, 4, mask_zero=True),
            layers.Bidirectional(inside),
            layers.TimeDistributed(layers.Dense(4, "relu")),
            layers.BatchNormalization(),
            layers.GRU(3),
        ]
    )


def _graph() -> Model:
    a, b = layers.Input((5, 3), name="a"), layers.Input((4,), name="b")
    sequence = layers.RNN([layers.LSTMCell(2), layers.GRUCell(2)], return_sequences=True)(layers.Masking()(a))
    inner = Sequential([layers.Input((14,)), layers.Dense(3, "tanh"), layers.LayerNormalization()], name="inner")
    joined = layers.Concatenate()([layers.LSTM(10)(sequence), b])
    return Functional([a, b], [inner(joined), layers.Dense(2)(joined * 2.0), layers.Attention()([sequence, sequence])])


@pytest.mark.parametrize("make", [_row, _graph])
def test_no_error_of_pythons_comes_through(tmp_path: Path, make: Any) -> None:
    model, path = make(), tmp_path / "m.keras"
    model.compile(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)), "mse", metrics=["mae"])
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    refused = 0
    for number in range(80):
        members["config.json"] = json.dumps(damaged(config, random.Random(number))).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        ways: list[Callable[[], Any]] = [
            partial(inspect, path),
            partial(load_model, path),
            partial(model_from_json, members["config.json"].decode()),
        ]
        try:
            loaded = ways[number % 3]()
            if text := loaded.compile_error if isinstance(loaded, Model) else loaded.problem:
                _is_ours(text)
        except (OSError, ValueError) as error:
            _is_ours(str(error))
            refused += 1
    assert refused > 25  # the draw damages what matters


def _told() -> list[dict[str, Any]]:
    schedules = optimizers.schedules
    rates = [schedules.PiecewiseConstantDecay([2, 4], [0.1, 0.2, 0.3]), schedules.CosineDecay(0.1, 6)]
    several = optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(), {".*x.*": optimizers.Lion()}))
    made = [several, optimizers.LossScaleOptimizer(optimizers.SGD()), *map(optimizers.Nadam, rates)]
    counted = [metrics.MeanIoU(3), metrics.AUC(multi_label=True), metrics.PrecisionAtRecall(0.5), metrics.Recall()]
    return [
        *({"optimizer": optimizers.serialize(one)} for one in made),
        *({"metrics": [metrics.serialize(one)]} for one in counted),
        {"loss": {"a": losses.serialize(losses.CategoricalCrossentropy(label_smoothing=0.1)), "b": "mse"}},
    ]


def test_neither_does_one_of_how_a_model_was_compiled() -> None:
    told = _told()
    missing = 0
    for number in range(1000):
        draw = random.Random(number)
        producer = Producer(draw.choice([*Generation]), draw.choice([None, "3.15.1"]))
        try:
            found = training_of(KeptTraining(damaged(draw.choice(told), draw), producer), None).missing
        except ValueError as error:
            found = (str(error),)
        for text in found:
            _is_ours(text)
        missing += bool(found)
    assert missing > 200


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"class_name": "OneHotIoU", "config": {"num_classes": 3}}, "a OneHotIoU lacks `target_class_ids`"),
        ({"class_name": "MeanIoU", "config": {"num_classes": 10**30}}, "`num_classes` is at most 20000"),
        ({"class_name": "AUC", "config": {"num_thresholds": 2**62}}, "`num_thresholds` is at most 1000000"),
        ({"class_name": "IoU", "config": {"num_classes": 3, "target_class_ids": 1}}, "values of these types and sizes"),
    ],
)
def test_what_a_configuration_lacks_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.deserialize(entry)
