"""Keras 3 on its PyTorch backend."""

import keras
import torch
from torch import Tensor

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.keras_layer import keras_layer
from benchmarks.peers.torch_job import torch_job

set_threads = torch.set_num_threads


def prepare(case: Case) -> Job:
    """The layer, called on tensors."""
    layer = keras_layer(keras, case, stateful=case.mode == "stream", seed=0)
    mask = None if case.mask is None else torch.from_numpy(case.mask)
    training = case.mode == "training"

    def call(inputs: Tensor) -> Tensor:
        output: Tensor = (
            layer(inputs, training=training) if mask is None else layer(inputs, mask=mask, training=training)
        )
        return output

    weights = [variable.value for variable in layer.trainable_variables]
    return torch_job(case, call, weights, lambda: [weight.grad for weight in weights])
