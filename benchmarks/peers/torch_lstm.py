"""``torch.nn.LSTM``."""

import torch
from torch import Tensor

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.torch_job import in_keras_layouts, torch_job

set_threads = torch.set_num_threads


def module_of(case: Case) -> torch.nn.LSTM:
    """The module, with the case's weights."""
    _, _, features, units = case.shape
    configuration = case.configuration
    module = torch.nn.LSTM(
        features,
        units,
        configuration.layers,
        bias=configuration.use_bias,
        batch_first=True,
        bidirectional=configuration.bidirectional,
    )
    arrays = [array for arrays in case.weights for array in arrays]
    with torch.no_grad():
        for name, weight in module.named_parameters():
            weight.copy_(torch.zeros_like(weight) if "bias_hh" in name else torch.from_numpy(arrays.pop(0).T))
    return module.train(case.mode == "training")


def prepare(case: Case) -> Job:
    """The module's call; of a stream, with the state of the call before."""
    module = module_of(case)
    state: tuple[Tensor, Tensor] | None = None

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

    return torch_job(case, call, list(module.parameters()), lambda: in_keras_layouts(module))
