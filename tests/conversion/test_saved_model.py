"""SavedModel folders written byte by byte: with Keras' metadata beside the graph, inside of it, and without any."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import Array, entry, keras_2_lstm, lstm, lstm_weights, sequential, sigmoid
from tests.conversion.handmade_bundle import GRAPH, Node, field, graph, write_bundle
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import inspect, load_model
from torch_keras_lstm.conversion.saved_model import architecture
from torch_keras_lstm.conversion.sources import WithoutArchitecture
from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.models import Sequential

B, T, F, U = 3, 7, 5, 4
NAMES = ("kernel", "recurrent_kernel", "bias")


def _tuples(value: Any) -> Any:
    """The configuration with its lists of sizes marked as tuples, as the metadata marks them."""
    if isinstance(value, dict):
        return {
            name: {"class_name": "__tuple__", "items": item} if name == "batch_input_shape" else _tuples(item)
            for name, item in value.items()
        }
    return [_tuples(item) for item in value] if isinstance(value, list) else value


MODEL = _tuples(
    sequential(
        entry("InputLayer", "i", batch_input_shape=[None, T, F], dtype="float64"),
        keras_2_lstm("l", U, dtype="float64", recurrent_activation="sigmoid"),
    )
)


def _metadata(model: Any = MODEL, nested: bool = False, path: bytes = b"root") -> bytes:
    root = {"name": "stack", "keras_version": "2.6.0", "backend": "tensorflow"}
    root |= {"model_config": model} if nested else model
    other = field(3, b"root.layer-0") + field(4, b"_tf_keras_layer") + field(5, b"{")
    node = field(2, 0) + field(3, path) + field(4, b"_tf_keras_sequential") + field(5, json.dumps(root).encode())
    return field(1, other) + field(1, node)


def _write(folder: Path, weights: list[Array], metadata: bytes | None = None, in_graph: bytes = b"") -> Path:
    (folder / "variables").mkdir(parents=True)
    keys = [f"variables/{index}/V" for index in range(3)]
    nodes: list[Node] = [
        ({"layer_with_weights-0": 1}, []),
        ({"cell": 2}, []),
        ({name: 3 + n for n, name in enumerate(NAMES)}, []),
    ]
    nodes += [({}, [(f"scope/l/{name}", key)]) for name, key in zip(NAMES, keys, strict=True)]
    tensors: dict[str, Array | bytes] = {**dict(zip(keys, weights, strict=True)), GRAPH: graph(nodes)}
    write_bundle(folder / "variables" / "variables", tensors)
    (folder / "saved_model.pb").write_bytes(field(1, 1) + field(2, field(2, b"graph") + field(7, in_graph)))
    if metadata is not None:
        (folder / "keras_metadata.pb").write_bytes(metadata)
    return folder


@pytest.fixture
def weights() -> list[Array]:
    return lstm_weights(np.random.default_rng(2), F, U)


@pytest.mark.parametrize("where", ["beside", "nested", "in the graph"])
def test_a_whole_model(tmp_path: Path, weights: list[Array], where: str) -> None:
    if where == "in the graph":  # TensorFlow before 2.5
        text = json.dumps({"keras_version": "2.4.0", **MODEL}).encode()
        node = field(4, field(1, b"_tf_keras_sequential") + field(3, text))
        path = _write(tmp_path / "m", weights, in_graph=field(1, node) + field(1, b""))
    else:
        path = _write(tmp_path / "m", weights, _metadata(nested=where == "nested"))
    x = np.random.default_rng(3).normal(size=(B, T, F))
    with torch.no_grad():
        got = load_model(path)(torch.from_numpy(x))
    assert_close(got, lstm(x, weights, sigmoid)[:, -1], "float64")
    report = inspect(path)
    assert (report.container, report.problem) == ("SavedModel", None)
    assert report.written_by.startswith("tf.keras (2.")


@pytest.mark.parametrize("metadata", [None, _metadata(path=b"root.keras_api")], ids=["none", "of something else"])
def test_weights_alone_are_said_and_loaded(tmp_path: Path, weights: list[Array], metadata: bytes | None) -> None:
    path = _write(tmp_path / "m", weights, metadata, in_graph=field(1, field(4, field(1, b"_generic"))))
    with pytest.raises(WithoutArchitecture, match=r"^\S+m: The SavedModel holds .* `model\.load_weights\('\S+m'\)`"):
        load_model(path)
    model = Sequential([LSTM(U, input_shape=(T, F), dtype="float64", name="other")])
    model.load_weights(path)
    assert all(map(np.array_equal, model.get_weights(), weights))
    assert [(layer.name, layer.kind) for layer in inspect(path).layers] == [("scope", f"LSTM with {U} units")]


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (_metadata()[:-9], "`keras_metadata.pb` is truncated or damaged"),
        (_metadata(model={"class_name": "MyModel", "config": None}), "A model class of one's own does not describe"),
        (field(1, field(3, b"root") + field(4, b"_tf_keras_model") + field(5, b"{")), "metadata .* is not valid JSON"),
    ],
)
def test_broken_metadata(tmp_path: Path, weights: list[Array], metadata: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_model(_write(tmp_path / "m", weights, metadata))


def test_a_folder_without_variables(tmp_path: Path, weights: list[Array]) -> None:
    path = _write(tmp_path / "m", weights, _metadata())
    (path / "variables" / "variables.index").unlink()
    with pytest.raises(FileNotFoundError, match=r"^\S+m: its file 'variables\.index' is missing\.$"):
        load_model(path)


def test_the_architecture_has_lists_where_the_metadata_marks_tuples(tmp_path: Path, weights: list[Array]) -> None:
    found = architecture(_write(tmp_path / "m", weights, _metadata()))
    assert found is not None
    assert found[0]["config"]["layers"][0]["config"]["batch_input_shape"] == [None, T, F]
    assert found[1] == "2.6.0"


def test_damage_ends_in_the_right_model_or_a_clean_error(tmp_path: Path, weights: list[Array]) -> None:
    """The checkpoint has checksums; the metadata has none, so that a changed digit of it may pass for another model."""
    path = _write(tmp_path / "m", weights, _metadata())
    random = np.random.default_rng(9)
    for name in ("variables/variables.index", "variables/variables.data-00000-of-00001", "keras_metadata.pb"):
        good = (path / name).read_bytes()
        errors = []
        for _ in range(150):
            bad = bytearray(good[: random.integers(len(good))] if random.random() < 0.2 else good)
            for position in random.integers(0, max(len(bad), 1), random.integers(1, 4))[: len(bad)]:
                bad[position] ^= 1 << int(random.integers(8))
            (path / name).write_bytes(bad)
            try:
                loaded = load_model(path).get_weights()
            except (ValueError, OSError) as error:
                errors.append(str(error))
            else:
                assert len(loaded) == 3
                assert all(map(np.array_equal, loaded, weights))
        (path / name).write_bytes(good)
        assert len(errors) > 50
        assert all(error.startswith(str(path)) for error in errors)
