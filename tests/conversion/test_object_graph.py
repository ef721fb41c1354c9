from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conversion.handmade import Array
from tests.conversion.handmade_bundle import GRAPH, Node, graph, write_bundle
from torch_keras_lstm.conversion.arrays import ArraysByLayer, Weights
from torch_keras_lstm.conversion.object_graph import checkpoint_weights
from torch_keras_lstm.conversion.tensor_bundle import TensorBundle

# A SavedModel names its tensors by the list of all variables; `cell` and that list hold the same objects.
SAVED_MODEL: list[Node] = [
    ({"layer_with_weights-10": 2, "layer_with_weights-2": 1, "variables": 3, "optimizer": 7}, []),
    ({"cell": 4, "variables": 3}, []),
    ({"kernel": 6}, []),
    ({"0": 5, "1": 6}, []),
    ({"kernel": 5}, []),
    ({}, [("enc/lstm_cell/kernel", "variables/0/V")]),
    ({}, [("out/kernel", "variables/1/V")]),
    ({"m": 8}, []),
    ({}, [("Adam/m/out/kernel", "optimizer/m/V")]),
]


def _weights(path: Path, tensors: dict[str, Array], nodes: Sequence[Node] | None = None) -> Weights:
    text = {} if nodes is None else {GRAPH: graph(nodes)}
    return checkpoint_weights(TensorBundle(write_bundle(path / "p", {**tensors, **text})), "checkpoint")


def _layers(weights: Weights) -> dict[str, dict[str, str]]:
    assert isinstance(weights.arrays, ArraysByLayer)
    return {
        layer: {name: array.path for name, array in variables.items()}
        for layer, variables in weights.arrays.layers.items()
    }


TENSORS = {name: np.zeros(2) for name in ("variables/0/V", "variables/1/V", "optimizer/m/V", "step")}


def test_tensors_are_named_by_the_graph_and_layers_numbered_as_numbers(tmp_path: Path) -> None:
    nodes = [*SAVED_MODEL]
    nodes[1] = ({"cell": 4}, [])
    weights = _weights(tmp_path, TENSORS, nodes)
    expected = {"enc": {"enc/lstm_cell/kernel": "variables/0/V"}, "out": {"out/kernel": "variables/1/V"}}
    assert _layers(weights) == expected
    assert [*_layers(weights)] == ["enc", "out"]
    assert weights.left == {"optimizer": 1, "other state": 1}


def test_a_model_inside_of_a_checkpoint_is_found(tmp_path: Path) -> None:
    shifted = [({name: child + 1 for name, child in children.items()}, tensors) for children, tensors in SAVED_MODEL]
    shifted[1] = ({"cell": 5}, [])
    weights = _weights(tmp_path, TENSORS, [({"epoch": 1, "model": 1}, []), shifted[0], *shifted[1:]])
    assert [*_layers(weights)] == ["enc", "out"]


def test_a_layer_of_several_scopes_keeps_its_number(tmp_path: Path) -> None:
    nodes = [
        ({"layer_with_weights-0": 1, "layer_with_weights-1": 4}, []),
        ({"a": 2, "b": 3}, []),
        ({}, [("s1/kernel", "variables/0/V")]),
        ({}, [("s2/kernel", "variables/1/V")]),
        ({"again": 2, "w": 5}, []),
        ({}, [("s2/kernel", "step"), ("s2/kernel", "optimizer/m/V")]),
    ]
    assert _layers(_weights(tmp_path, TENSORS, nodes)) == {
        "layer_with_weights-0": {"s1/kernel": "variables/0/V", "s2/kernel": "variables/1/V"},
        # What stands twice is the first layer's, and of two tensors of one name neither is lost.
        "layer_with_weights-1": {"s2/kernel": "step", "optimizer/m/V": "optimizer/m/V"},
    }


def test_without_layers_in_the_graph_full_names_tell(tmp_path: Path) -> None:
    nodes = [
        ({"variables": 1, "_all_variables": 2, "optimizer": 3}, [("save_counter", "step")]),
        ({}, [("model/enc/kernel", "variables/0/V"), ("seed_generator/state", "variables/1/V")]),
        ({}, [("model/enc/kernel", "copy")]),
        ({}, [("adam/enc_kernel", "optimizer/m/V")]),
    ]
    weights = _weights(tmp_path, {**TENSORS, "copy": np.zeros(2)}, nodes)
    assert _layers(weights) == {"model": {"model/enc/kernel": "variables/0/V"}}
    assert sum(weights.left.values()) == 4


def test_a_checkpoint_of_tensorflow_1_has_no_graph(tmp_path: Path) -> None:
    tensors = {"lstm/kernel": np.zeros(2), "dense/bias": np.zeros(3), "global_step": np.zeros(())}
    assert _layers(_weights(tmp_path, tensors)) == {
        "lstm": {"lstm/kernel": "lstm/kernel"},
        "dense": {"dense/bias": "dense/bias"},
    }


@pytest.mark.parametrize("nodes", [[], [({"layer_with_weights-0": 5}, [])]], ids=["empty", "dangling"])
def test_a_damaged_graph_is_refused(tmp_path: Path, nodes: list[Node]) -> None:
    with pytest.raises(ValueError, match="object graph is damaged: it is empty or too large, or refers to an object"):
        _weights(tmp_path, TENSORS, nodes)


def test_a_graph_with_cycles_ends(tmp_path: Path) -> None:
    nodes = [({"self": 0, "layer_with_weights-0": 1}, []), ({"up": 0, "self": 1}, [("a/kernel", "step")])]
    assert _layers(_weights(tmp_path, TENSORS, nodes)) == {"a": {"a/kernel": "step"}}
