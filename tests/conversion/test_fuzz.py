"""Thousands of damaged files: each gives the right model or a clean error, within bounded memory and time.

What a checksum covers cannot change unnoticed: members of a zip archive, tensors of a checkpoint. Raw arrays in HDF5
and safetensors have none, and neither has a configuration in JSON or YAML or a SavedModel's metadata: what is damaged
there may load as other numbers, and then nobody can tell.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pytest

from tests.conversion import damaged_files
from tests.conversion.handmade import (
    Array,
    entry,
    keras_2_lstm,
    lstm_weights,
    sequential,
    write_keras,
    write_legacy,
    write_npz_keras,
)
from tests.conversion.handmade_bundle import GRAPH, Node, field, graph, write_bundle
from tests.conversion.tfjs_files import converted as write_converted
from torch_keras_lstm.conversion import convert

ROOT = Path(__file__).parents[2]
WORDS, F, U, OUT = 9, 3, 4, 2
VARIANTS = 250  # of each file


class Case(NamedTuple):
    """A model, the file of it that is damaged, and whether that is under a checksum."""

    model: str
    damaged: str
    checked: bool
    weights: str | None = None

    @property
    def name(self) -> str:
        """For the test's name."""
        return f"{self.model}-{self.damaged}"


CASES = [
    Case("model.h5", "model.h5", checked=False),
    Case("model.keras", "model.keras", checked=True),
    Case("npz.keras", "npz.keras", checked=True),
    Case("model.json", "model.json", checked=False, weights="weights.h5"),
    Case("model.yaml", "model.yaml", checked=False, weights="weights.h5"),
    Case("model.json", "weights.h5", checked=False, weights="weights.h5"),
    Case("model.json", "w.weights.json", checked=False, weights="w.weights.json"),
    Case("model.json", "w_1.weights.h5", checked=False, weights="w.weights.json"),
    Case("model.json", "ck.index", checked=True, weights="ck"),
    Case("model.json", "ck.data-00000-of-00001", checked=True, weights="ck"),
    Case("saved", "saved/keras_metadata.pb", checked=False),
    Case("saved", "saved/saved_model.pb", checked=True),  # of which nothing is read beside the metadata
    Case("saved", "saved/variables/variables.index", checked=True),
    Case("unzipped", "unzipped/metadata.json", checked=False),
    Case("tfjs/model.json", "tfjs/model.json", checked=False),
    Case("tfjs/model.json", "tfjs/group1-shard1of3.bin", checked=False),
    Case("converted", "converted/config.json", checked=False),
    Case("converted", "converted/model.safetensors", checked=False),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    random = np.random.default_rng(12)
    weights = {
        "e": [random.normal(size=(WORDS, F))],
        "l": lstm_weights(random, F, U),
        "d": [random.normal(size=(U, OUT)), random.normal(size=OUT)],
    }
    _write_keras_2(folder, weights)
    _write_keras_3(folder, weights)
    convert(folder / "model.h5", folder / "converted")
    write_converted(folder / "model.h5", folder / "tfjs", shard=300)
    return folder


def _write_keras_2(folder: Path, weights: Mapping[str, list[Array]]) -> None:
    names = {"e": ["embeddings"], "l": ["kernel", "recurrent_kernel", "bias"], "d": ["kernel", "bias"]}
    words: dict[str, Any] = {"input_dim": WORDS, "output_dim": F, "mask_zero": True}
    config = sequential(
        entry("Embedding", "e", batch_input_shape=[None, 6], **words),
        keras_2_lstm("l", U),
        entry("Dense", "d", units=OUT, activation="softmax"),
    )
    layers = {
        layer: {f"{layer}/{name}:0": array for name, array in zip(names[layer], own, strict=True)}
        for layer, own in weights.items()
    }
    write_legacy(folder / "model.h5", layers, config=config, keras_version="2.2.4")
    write_legacy(folder / "weights.h5", layers)
    text = json.dumps({**config, "keras_version": "2.2.4"})
    (folder / "model.json").write_text(text)
    (folder / "model.yaml").write_text(text)  # JSON is YAML
    arrays = {name: array.astype(np.float32) for own in layers.values() for name, array in own.items()}
    nodes: list[Node] = [({f"layer_with_weights-{n}": 1 + n for n in range(3)}, [])]
    leaves = 4
    for own in layers.values():
        nodes.append(({name.split("/")[1]: leaves + n for n, name in enumerate(own)}, []))
        leaves += len(own)
    nodes += [({}, [(name.removesuffix(":0"), name)]) for name in arrays]
    write_bundle(folder / "ck", {**arrays, GRAPH: graph(nodes)})
    (folder / "saved" / "variables").mkdir(parents=True)
    write_bundle(folder / "saved" / "variables" / "variables", {**arrays, GRAPH: graph(nodes)})
    root = json.dumps({**config, "keras_version": "2.6.0"}).encode()
    node = field(2, 0) + field(3, b"root") + field(4, b"_tf_keras_sequential") + field(5, root)
    (folder / "saved" / "keras_metadata.pb").write_bytes(field(1, node))
    (folder / "saved" / "saved_model.pb").write_bytes(field(1, 1) + field(2, field(2, b"graph")))


def _write_keras_3(folder: Path, weights: Mapping[str, list[Array]]) -> None:
    words: dict[str, Any] = {"input_dim": WORDS, "output_dim": F, "mask_zero": True}
    config = sequential(
        entry("InputLayer", "i", batch_shape=[None, 6], dtype="int32"),
        entry("Embedding", "e", **words),
        entry("LSTM", "l", units=U),
        entry("Dense", "d", units=OUT, activation="softmax"),
    )
    groups = dict(zip(("embedding", "lstm/cell", "dense"), weights.values(), strict=True))
    arrays = {f"layers/{path}/vars/{n}": array for path, own in groups.items() for n, array in enumerate(own)}
    write_keras(folder / "model.keras", config, arrays)
    write_npz_keras(folder / "npz.keras", config, arrays)
    shutil.unpack_archive(folder / "model.keras", folder / "unzipped", "zip")
    shutil.move(folder / "unzipped" / "model.weights.h5", folder / "whole.h5")
    shutil.copy(folder / "whole.h5", folder / "unzipped" / "model.weights.h5")
    _write_shards(folder, arrays)


def _write_shards(folder: Path, arrays: Mapping[str, Array]) -> None:
    shards: dict[str, list[str]] = {}
    for n, (path, array) in enumerate(arrays.items()):
        name = f"w_{n % 2}.weights.h5"
        with h5py.File(folder / name, "a") as file:
            file[path] = array
        shards.setdefault(f"/{path.rpartition('/')[0]}", []).append(name)
    (folder / "w.weights.json").write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": shards}))


@pytest.fixture(scope="module")
def outcomes(folder: Path) -> dict[str, dict[str, int]]:
    """What became of the variants of every file: one process, for its start costs as much as many of them."""
    command = [sys.executable, "-W", "error", damaged_files.__file__, str(folder), str(VARIANTS)]
    cases = json.dumps([[case.name, case.model, case.damaged, case.weights] for case in CASES])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, input=cases, capture_output=True, text=True, env=environment, check=False, timeout=570
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, int]] = json.loads(done.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_damaged_files_are_refused_or_right(outcomes: dict[str, dict[str, int]], case: Case) -> None:
    found = outcomes[case.name]
    assert sum(found.values()) == VARIANTS
    wrong = {kind for kind in found if kind.endswith("other numbers")}
    assert not wrong or not case.checked
    unread = case.damaged == "saved/saved_model.pb"
    assert unread or sum(found.get(f"{kind}: refused", 0) for kind in ("bit", "cut")) > VARIANTS // 10
