"""Importing the package costs torch and NumPy; the converter's libraries and every Keras stay out."""

import subprocess
import sys

HEAVY = ("tensorflow", "keras", "tf_keras", "h5py", "typer", "rich", "sklearn", "safetensors", "triton")
USE = f"""
import sys
import torch
import torch_keras_lstm
from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.models import Sequential, load_model

Sequential([LSTM(3)])(torch.zeros(2, 4, 5), mask=torch.ones(2, 4).bool())
print(*set(sys.modules).intersection({HEAVY!r}))
"""


def test_neither_importing_nor_calling_loads_anything_heavy() -> None:
    run = subprocess.run([sys.executable, "-c", USE], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
