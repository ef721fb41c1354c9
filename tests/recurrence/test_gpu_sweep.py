"""Which sweeps a GPU gets, as far as this can be asked without one."""

import itertools

import pytest
import torch

from benchmarks import gpu_loop
from tests.recurrence.sweep_cases import check, draw
from torch_keras_lstm.recurrence.gpu_sweep import Way, gpu_sweeps_for, kernel_sweeps, way_for


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
def test_the_table(batch: int, units: int, dtype: torch.dtype, tf32: bool, way: Way) -> None:
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


def test_kernels_are_the_same_pair_each_time() -> None:
    for way in ("sequence", "step", "graphed step"):
        assert kernel_sweeps(way) is kernel_sweeps(way)


def test_a_cpu_keeps_the_loops_own_sweeps() -> None:
    gates, weight_hh = torch.zeros(4, 2, 12), torch.zeros(12, 3)
    assert gpu_sweeps_for(gates, weight_hh, torch.tanh, torch.sigmoid, kernel_sweeps("sequence")) is None


def test_the_benchmark_without_a_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["gpu_loop"])
    with pytest.raises(SystemExit, match="no GPU here"):
        gpu_loop.main()


def test_the_benchmarks_loop_is_an_lstm() -> None:
    case = draw(time=5, units=8)
    check(gpu_loop.LOOP, case)
    check(gpu_loop.LOOP, case._replace(grad_h_n=None, grad_c_n=None))
