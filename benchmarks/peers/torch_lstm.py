"""``torch.nn.LSTM``, and ``torch.nn.GRU`` and ``torch.nn.RNN`` for the other cells."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.torch_job import in_keras_layouts, reordered, torch_job

set_threads = torch.set_num_threads


MODULES: Mapping[str, Any] = {
    "LSTM": torch.nn.LSTM,
    "GRU": torch.nn.GRU,
    "SimpleRNN": torch.nn.RNN,
}


def module_of(case: Case) -> torch.nn.RNNBase:
    """The module, with the case's weights."""
    _, _, features, units = case.shape
    configuration = case.configuration
    module: torch.nn.RNNBase = MODULES[configuration.cell](
        features,
        units,
        configuration.layers,
        bias=configuration.use_bias,
        batch_first=True,
        bidirectional=configuration.bidirectional,
    )
    arrays = [torch.from_numpy(array) for arrays in case.weights for array in arrays]
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if "weight" in name:
                weight.copy_(reordered(arrays.pop(0).T, configuration))
            elif "bias_ih" in name:
                rows = arrays.pop(0).reshape(configuration.bias_rows, -1)
                weight.copy_(reordered(rows[0], configuration))
            else:
                weight.copy_(reordered(rows[1], configuration) if len(rows) > 1 else torch.zeros_like(weight))
    return module.train(case.mode == "training")


def prepare(case: Case) -> Job:
    """The module's call; of a stream, with the state of the call before."""
    module = module_of(case)
    state: Any = None

    def call(inputs: Tensor) -> Tensor:
        nonlocal state
        if case.configuration.go_backwards:
            inputs = inputs.flip(1)
        output: Tensor
        if case.mode == "stream":
            output, state = module(inputs, state)
        else:
            output, _ = module(inputs)
        return output

    return torch_job(case, call, list(module.parameters()), lambda: in_keras_layouts(module, case))
