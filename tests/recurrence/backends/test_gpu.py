"""Which steps a GPU gets, as far as this can be asked without one."""

import itertools
from typing import Any

import pytest
import torch

from benchmarks import gpu_loop
from tests.recurrence.backends.step_cases import check, draw
from tests.recurrence.numpy_lstm import draw_lstm
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import Request, SequenceOptions, lstm_loop, path_for, use_backends
from torch_keras_lstm.recurrence.backends.gpu import (
    CUDA_GRAPH,
    TRITON_GRAPH,
    TRITON_SEQUENCE,
    TRITON_STEP,
    GPUBackend,
    way_for,
)
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS


@pytest.mark.parametrize(
    ("batch", "units", "dtype", "tf32", "way"),
    [
        (32, 64, torch.float32, False, "sequence"),
        (32, 128, torch.bfloat16, False, "sequence"),
        (32, 129, torch.float32, True, "graphed step"),
        (64, 512, torch.float32, False, "graphed step"),
        (5000, 128, torch.float32, True, "graphed step"),
        (256, 1024, torch.float32, False, "step"),  # the product hides its launch
        (256, 1024, torch.float32, True, "graphed step"),
        (64, 64, torch.float64, False, "graphed loop"),
    ],
)
def test_the_table(batch: int, units: int, dtype: torch.dtype, tf32: bool, way: str) -> None:
    assert way_for(100, batch, units, dtype, tf32, kernels=True, graphs=True, loop=True) == way


def test_the_table_without_what_may_be_missing() -> None:
    ways = {
        (kernels, graphs, loop): way_for(100, 32, 256, torch.float32, False, kernels=kernels, graphs=graphs, loop=loop)
        for kernels, graphs, loop in itertools.product((True, False), repeat=3)
    }
    assert ways == {
        (True, True, True): "graphed step",
        (True, True, False): "graphed step",
        (True, False, True): "step",
        (True, False, False): "step",
        (False, True, True): "graphed loop",
        (False, True, False): None,
        (False, False, True): None,
        (False, False, False): None,
    }


def test_few_steps_are_not_recorded() -> None:
    assert way_for(3, 32, 256, torch.float32, False, kernels=True, graphs=True, loop=True) == "step"
    assert way_for(3, 32, 256, torch.float64, False, kernels=True, graphs=True, loop=True) is None


GPU = (TRITON_SEQUENCE, TRITON_GRAPH, TRITON_STEP, CUDA_GRAPH)


def request_for(device: str, **fields: Any) -> Request:
    """A run on that device, of which no tensor is there."""
    sizes = {"batch": 32, "steps": 100, "units": 64, "masked": False, "options": SequenceOptions(), **fields}
    return Request(torch.device(device), torch.float32, **sizes)


@pytest.mark.parametrize("backend", GPU, ids=lambda backend: backend.name)
def test_kernels_are_the_same_each_time(backend: GPUBackend) -> None:
    assert backend.steps is backend.steps


@pytest.mark.parametrize("backend", GPU, ids=lambda backend: backend.name)
def test_they_are_taken_where_they_are_asked_for_by_name(backend: GPUBackend) -> None:
    reason = "it has run on no device yet: ask for it by `use_backends`, or by TORCH_KERAS_LSTM_BACKENDS"
    assert backend.why_not(request_for("cuda")) == reason
    assert backend.why_not(request_for("cpu", by_name=True)) == "it runs on NVIDIA GPUs"
    assert backend.why_not(request_for("cuda", by_name=True, batch=0)) == "there are no rows"


def test_by_default_a_gpu_takes_torchs_kernels_or_torchs_operations() -> None:
    path = path_for(LSTM_BACKENDS, request_for("cuda"))
    assert (path, path.backend) == (("fused", None), "torch_kernels")
    assert path.passed_over == {"c_kernels": "the C kernels run on a CPU"}
    path = path_for(LSTM_BACKENDS, request_for("cuda", options=SequenceOptions(activation=torch.relu)))
    assert (path.name, path.backend) == ("loop", "torch_ops")
    assert list(path.passed_over) == ["c_kernels", "torch_kernels", *(backend.name for backend in GPU)]


def test_what_cannot_be_recorded() -> None:
    asked = request_for("cuda", by_name=True)
    assert CUDA_GRAPH.why_not(asked) is None
    assert CUDA_GRAPH.why_not(asked._replace(steps=3)) == "recording so few steps saves nothing"
    own = asked._replace(options=SequenceOptions(activation=torch.sin))
    assert CUDA_GRAPH.why_not(own) == "a function of somebody's own may do what cannot be recorded"
    own = asked._replace(options=SequenceOptions(activation=activations.softmax))
    assert CUDA_GRAPH.why_not(own) == "a function of somebody's own may do what cannot be recorded"


def test_a_cpu_refuses_them_when_they_are_asked_for() -> None:
    draw = draw_lstm(2, 4, 3, 5)
    message = r"^None of the backends that were asked for can run this \(triton_sequence: it runs on NVIDIA GPUs\)\.$"
    with use_backends("triton_sequence"), pytest.raises(ValueError, match=message):
        lstm_loop(*draw, None, SequenceOptions())


def test_the_benchmark_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["gpu_loop"])
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu_loop.main()


def test_the_benchmarks_loop_is_an_lstm() -> None:
    case = draw(time=5, units=8)
    check(gpu_loop.WAYS["loop"], case)
    check(gpu_loop.WAYS["loop"], case._replace(grad_h_n=None, grad_c_n=None))
