"""``fit`` of this package."""

import torch

import torch_keras_lstm.callbacks
import torch_keras_lstm.layers
import torch_keras_lstm.models
from benchmarks.fits.script import fit as fit_script
from benchmarks.fits.turns import Turns
from benchmarks.tasks import Task

set_threads = torch.set_num_threads


def fit(task: Task, turns: Turns) -> None:
    """The script, its import prefix changed."""
    fit_script(torch_keras_lstm, task, turns)
