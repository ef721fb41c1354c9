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


MASKED = """
import sys
import torch_keras_lstm
from torch_keras_lstm.layers import LSTM, Dense, Embedding, Input, Masking
from torch_keras_lstm.models import Model
from torch_keras_lstm import ops

before = set(sys.modules)
words, steps = Input((5,)), Input((5, 4))
Model(words, Dense(2)(LSTM(3)(Embedding(10, 4, mask_zero=True)(words))))
Model(steps, Dense(2)(LSTM(3)(Masking()(steps)) * 2.0 - ops.mean(steps)))
print(*sorted(name for name in set(sys.modules) - before if name.startswith(("torch._", "sympy", "torch.fx"))))
ops.concatenate([steps, steps])  # whose shape torch tells by what would import its compiler
print("torch._dynamo" in sys.modules)
import torch
print(torch._dynamo.config.__name__)
"""


def test_a_graph_with_masks_does_not_import_torchs_compiler() -> None:
    """Two seconds at the first ``load_model`` otherwise. The compiler is there for those who call it afterwards."""
    run = subprocess.run([sys.executable, "-c", MASKED], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["", "False", "torch._dynamo.config"]
