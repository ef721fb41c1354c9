"""``fit`` of Keras 3, on the backend that the environment names."""

import warnings

import keras

from benchmarks.fits.script import fit as fit_script
from benchmarks.fits.turns import Turns
from benchmarks.tasks import Task

_BACKEND = keras.backend.backend()


def set_threads(threads: int) -> None:
    """Tell the backend; XLA takes as many as the process may use."""
    if _BACKEND == "torch":
        import torch

        torch.set_num_threads(threads)
    elif _BACKEND == "tensorflow":
        from benchmarks.peers import tensorflow_job

        tensorflow_job.set_threads(threads)


def fit(task: Task, turns: Turns) -> None:
    """The script."""
    warnings.filterwarnings("ignore", "Do not pass an `input_shape`")
    fit_script(keras, task, turns)
