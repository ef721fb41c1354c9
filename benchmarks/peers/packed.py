"""``torch.nn.LSTM`` on packed sequences, PyTorch's own way with sequences of several lengths."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.cases import Case
from benchmarks.peers.job import Job
from benchmarks.peers.torch_job import in_keras_layouts, torch_job
from benchmarks.peers.torch_lstm import module_of

set_threads = torch.set_num_threads


def prepare(case: Case) -> Job:
    """Packing, the module's call, and padding."""
    module = module_of(case)
    lengths = torch.from_numpy(case.lengths)

    def call(inputs: Tensor) -> Tensor:
        packed = pack_padded_sequence(inputs, lengths, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(module(packed)[0], batch_first=True, total_length=inputs.shape[1])
        return output

    job = torch_job(case, call, list(module.parameters()), lambda: in_keras_layouts(module, case))
    return Job(job.run, lambda: at_unmasked_steps(case, job))


def at_unmasked_steps(case: Case, job: Job) -> dict[str, NDArray[Any]]:
    """Its results; padding stands where Keras repeats the last output."""
    results = dict(job.results())
    results["output at unmasked steps"] = results.pop("output")[case.mask]
    return results
