"""The public names of live Keras: each is here, or stands in docs/coming_from_keras.md with what to write instead."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import pytest
import tf_keras

import torch_keras_lstm
from torch_keras_lstm.conversion.build import LAYERS
from torch_keras_lstm.conversion.dialects import older_names
from torch_keras_lstm.conversion.refusals import NOT_HERE

PAGE = Path(__file__).parents[2] / "docs" / "coming_from_keras.md"
SPACES = (
    "", "activations", "backend", "callbacks", "config", "constraints", "datasets", "dtype_policies", "initializers",
    "layers", "losses", "metrics", "mixed_precision", "models", "ops", "ops.image", "ops.linalg", "ops.nn", "ops.numpy",
    "optimizers", "optimizers.schedules", "preprocessing", "preprocessing.sequence", "random", "regularizers", "saving",
    "tree", "utils",
)  # fmt: skip


def space_of(library: ModuleType, dotted: str) -> Any:
    found: Any = library
    for part in filter(None, dotted.split(".")):
        found = getattr(found, part)
    return found


def absent() -> dict[str, set[str]]:
    """The names that the page says are not there, by the module of Keras that has them."""
    table = re.search(r"<!-- absent names -->\n(.*)<!-- end -->", PAGE.read_text(), re.DOTALL)
    assert table is not None
    named: dict[str, set[str]] = {space: set() for space in SPACES}
    for line in table[1].splitlines()[2:]:
        _, space, names, instead, _ = (cell.strip() for cell in line.split("|"))
        assert instead, line
        named[space.strip("`").removeprefix("keras").removeprefix(".")] |= set(re.findall(r"`(\w+)`", names))
    return named


@pytest.mark.parametrize("space", SPACES)
def test_a_name_is_here_or_on_the_page(space: str) -> None:
    theirs = {name for name in dir(space_of(keras, space)) if not name.startswith("_") and name != "src"}
    ours = space_of(torch_keras_lstm, space)
    assert theirs - {name for name in theirs if hasattr(ours, name)} == absent()[space]
    assert theirs, "an empty module proves nothing"


def test_every_layer_of_keras_is_read_from_files_or_stands_among_those_that_are_not() -> None:
    """Of tf.keras too."""
    spaces = (keras.layers, tf_keras.layers, tf_keras.layers.experimental)
    bases = (keras.Layer, tf_keras.layers.Layer)
    classes = [value for space in spaces for value in vars(space).values() if isinstance(value, type)]
    names = {one.__name__ for one in classes if issubclass(one, bases)}
    known = {*LAYERS, "InputLayer", "Lambda", "Layer", "Wrapper", *older_names_of_all()}
    assert names - known - NOT_HERE.keys() == set()
    assert not NOT_HERE.keys() & LAYERS.keys()


def older_names_of_all() -> set[str]:
    """What other Kerases call the layers that are here."""
    return {older for name in LAYERS for older in older_names(name)}
