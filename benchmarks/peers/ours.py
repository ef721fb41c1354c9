"""``torch_keras_lstm.layers.LSTM``, ``GRU`` and ``SimpleRNN``, called as their users call them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.keras_layer import of_the_gates
from benchmarks.peers.torch_job import in_keras_layouts, torch_job
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, SimpleRNN
from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.models import Sequential

set_threads = torch.set_num_threads
CLASSES: Mapping[str, Any] = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}


def layer_of(case: Case) -> CellLayer | Bidirectional | Sequential:
    """The layer, with the case's weights."""
    configuration = case.configuration
    arguments: dict[str, Any] = {
        "activation": configuration.activation,
        **of_the_gates(configuration),
        "use_bias": configuration.use_bias,
        "recurrent_dropout": configuration.recurrent_dropout,
        "go_backwards": configuration.go_backwards,
        "recompute": configuration.recompute,
        "return_sequences": True,
        "stateful": case.mode == "stream",
        "seed": 0,
    }
    make = CLASSES[configuration.cell]
    layers = [make(case.shape.units, **arguments) for _ in range(configuration.layers)]
    layer: CellLayer | Bidirectional | Sequential = layers[0]
    if configuration.bidirectional:
        layer = Bidirectional(layers[0])
    elif configuration.layers > 1:
        layer = Sequential(layers)
    layer.build(case.inputs.shape)
    layer.set_weights([array for arrays in case.weights for array in arrays])
    return layer.train(case.mode == "training")


def prepare(case: Case) -> Job:
    """The layer's call."""
    layer = layer_of(case)
    mask = None if case.mask is None else torch.from_numpy(case.mask)

    def call(inputs: Tensor) -> Tensor:
        output: Tensor = layer(inputs) if mask is None else layer(inputs, mask=mask)
        return output

    weights = [weight for weight in layer.parameters() if weight.requires_grad]
    return torch_job(case, call, weights, lambda: in_keras_layouts(layer, case))
