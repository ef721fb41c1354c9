"""Thousands of damaged files: each gives the right model or a clean error, within bounded memory and time.

The members of a zip archive are under checksums. Raw arrays in HDF5 are not, and neither is JSON: what is damaged there
may load as other numbers, and then nobody can tell.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conversion import damaged_files
from tests.conversion.handmade import entry, keras_2_lstm, lstm_weights, sequential, write_keras, write_legacy

ROOT = Path(__file__).parents[2]
WORDS, F, U, OUT = 9, 3, 4, 2
VARIANTS = 800


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    random = np.random.default_rng(12)
    table = random.normal(size=(WORDS, F))
    weights = lstm_weights(random, F, U)
    kernel, bias = random.normal(size=(U, OUT)), random.normal(size=OUT)
    words: dict[str, Any] = {"input_dim": WORDS, "output_dim": F, "mask_zero": True}
    dense = entry("Dense", "d", units=OUT, activation="softmax")
    config = sequential(entry("Embedding", "e", batch_input_shape=[None, 6], **words), keras_2_lstm("l", U), dense)
    layers = {
        "e": {"e/embeddings:0": table},
        "l": dict(zip(("l/kernel:0", "l/recurrent_kernel:0", "l/bias:0"), weights, strict=True)),
        "d": {"d/kernel:0": kernel, "d/bias:0": bias},
    }
    write_legacy(folder / "model.h5", layers, config=config, keras_version="2.2.4")
    write_legacy(folder / "weights.h5", layers)
    (folder / "model.json").write_text(json.dumps({**config, "keras_version": "2.2.4"}))
    start = entry("InputLayer", "i", batch_shape=[None, 6], dtype="int32")
    config = sequential(start, entry("Embedding", "e", **words), entry("LSTM", "l", units=U), dense)
    paths = {"embedding/vars": [table], "lstm/cell/vars": weights, "dense/vars": [kernel, bias]}
    arrays = {f"layers/{path}/{index}": array for path, values in paths.items() for index, array in enumerate(values)}
    write_keras(folder / "model.keras", config, arrays)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.json"])
def test_damaged_files_are_refused_or_right(folder: Path, name: str) -> None:
    command = [sys.executable, "-W", "error", damaged_files.__file__, str(folder), name, str(VARIANTS)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=570)
    assert done.returncode == 0, done.stderr
    outcomes: dict[str, int] = json.loads(done.stdout)
    assert sum(outcomes.values()) == VARIANTS
    assert outcomes["bit: refused"] > 0
    assert outcomes["cut: refused"] > 100
    # A length is something that each format can check; a bit in an array only the archive can.
    undetected = {kind for kind in outcomes if kind.endswith("other numbers")}
    assert "cut: other numbers" not in undetected
    assert not undetected or name != "model.keras"
