import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "keras_encoder_decoder.py"
# The script has no seed, as Keras scripts have none, and one run in several stops before it is good.
SEEDED = """
import runpy, sys
from torch_keras_lstm.utils import set_random_seed
set_random_seed(0)
runpy.run_path(sys.argv[1], run_name="__main__")
"""


@pytest.mark.slow
def test_it_learns_and_its_callbacks_act() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SEEDED, SCRIPT], capture_output=True, text=True, check=True, timeout=300
    )
    printed = re.sub(r"\x1b\[[0-9;]*m", "", run.stdout)  # Keras' colours
    assert 'Model: "functional"' in printed
    assert 'Model: "functional_1"' in printed
    assert "ReduceLROnPlateau reducing learning rate to" in printed
    assert ": early stopping\nRestoring model weights" in printed
    right = re.search(r"says ([\d.]+)% of the words right", printed)
    assert right is not None
    assert float(right.group(1)) > 90
    last = re.findall(r"val_accuracy: ([\d.]+) - val_loss: [\d.]+ - val_recall: ([\d.]+)", printed)[-1]
    assert min(map(float, last)) > 0.9
