"""Triton's compiler, with no GPU at hand, takes the kernels that its interpreter runs in ``test_triton``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recurrence.backends.compile_kernels import SEQUENCES, STEPS
from torch_keras_lstm.recurrence.backends.kernel_activations import KERNEL_NAMES


@pytest.mark.slow
def test_kernels_compile_and_fit(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.recurrence.backends.compile_kernels"],
        env={**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    results = json.loads(run.stdout)
    assert len(results) == 2 * len(SEQUENCES) + 2 * len(STEPS)
    for name, result in results.items():
        assert result["shared"] <= result["limit"], name


def test_every_activation_is_among_them() -> None:
    assert sorted(name for pair in STEPS for name in pair) == sorted(KERNEL_NAMES)
