"""Which backend runs, why not another, and how to ask for one."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import torch

from tests.recurrence.numpy_lstm import draw_lstm
from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.layers import GRU, LSTM, SimpleRNN
from torch_keras_lstm.recurrence import (
    LSTM_BACKENDS,
    Path,
    Request,
    SequenceOptions,
    lstm_loop,
    lstm_reference,
    path_for,
    run_lstm,
    select,
    use_backends,
)
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module
from torch_keras_lstm.recurrence.backends.torch_kernels import why_not_fused

GPU = ["triton_sequence", "triton_graph", "triton_step", "cuda_graph"]


def request_for(activation: Any = torch.tanh, recurrent: Any = torch.sigmoid, **fields: Any) -> Request:
    """Three steps, of which no tensor is there."""
    options = SequenceOptions(activation, recurrent)
    return Request(torch.device("cpu"), torch.float32, 2, 3, 4, False, options, **fields)


@pytest.mark.parametrize("activation", [activations.tanh, torch.tanh], ids=["ours", "torch's"])
@pytest.mark.parametrize("recurrent", [activations.sigmoid, torch.sigmoid], ids=["ours", "torch's"])
def test_nothing_stands_in_the_way_of_the_usual_configuration(activation: object, recurrent: object) -> None:
    assert why_not_fused(request_for(activation, recurrent)) is None
    assert why_not_fused(request_for(activation, recurrent, input_dropout=1)) is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"activation": activations.relu}, "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
        ({"activation": activations.sigmoid}, "torch's kernels compute `activation` 'tanh' only, not 'sigmoid'"),
        (
            {"recurrent": activations.hard_sigmoid},
            "torch's kernels compute `recurrent_activation` 'sigmoid' only, not 'hard_sigmoid'",
        ),
        ({"recurrent_dropout": 4}, "torch's kernels have no `recurrent_dropout`"),
        ({"input_dropout": 4}, "torch's kernels have no `dropout` of each gate's own (`implementation=1`)"),
    ],
)
def test_what_stands_in_the_way_is_named(arguments: dict[str, Any], reason: str) -> None:
    assert why_not_fused(request_for(**arguments)) == reason


# what torch's kernels cannot compute, for a reason of this wording
CANNOT = {"activation": activations.relu}
NO = "torch's kernels compute `activation` 'tanh' only, not 'relu'"


def test_auto_follows_the_reason_and_false_insists_on_the_loop() -> None:
    def path(**arguments: Any) -> Path:
        return path_for(LSTM_BACKENDS, request_for(**arguments))

    with use_backends("torch_kernels", "torch_ops"):
        assert path(use_cudnn="auto") == path(use_cudnn=True) == Path("fused", None)
        assert path(use_cudnn="auto", **CANNOT) == Path("loop", NO)
        assert path(use_cudnn=False) == path(use_cudnn=False, **CANNOT) == Path("loop", "`use_cudnn` is False")


def test_true_insists_on_the_fused_kernels() -> None:
    message = f"`use_cudnn` is True, but {NO}. Pass use_cudnn='auto' to run step by step."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        select(LSTM_BACKENDS, request_for(use_cudnn=True, **CANNOT))


def test_a_path_names_what_runs_and_what_each_one_before_it_lacks() -> None:
    layer = LSTM(4, "gelu", dtype="bfloat16")
    path = layer.path_for(None)
    assert path == Path("loop", "torch's kernels compute `activation` 'tanh' only, not 'gelu'")
    assert path.backend == "torch_ops"
    assert list(path.passed_over) == ["c_kernels", "torch_kernels", *GPU]
    assert path.passed_over["torch_kernels"] == path.reason
    own = LSTM(4, torch.sin).path_for(None)
    assert own.backend == "reference"
    reason = "`activation` is no activation of single elements that this package knows"
    assert own.passed_over["torch_ops"] == reason
    for layer_class in (GRU, SimpleRNN):
        path = layer_class(4, dtype="bfloat16").path_for(None)
        assert (path.backend, list(path.passed_over)) == ("torch_kernels", ["c_kernels"])
        path = layer_class(4, "gelu").path_for(None)
        assert (path.backend, list(path.passed_over)) == ("reference", ["c_kernels", "torch_kernels"])


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("backend", LSTM_BACKENDS, ids=lambda backend: backend.name)
def test_what_is_asked_for_runs_or_says_why_not(backend: Any, masked: bool, recorded: bool, steps: int) -> None:
    draw = draw_lstm(4, steps, 3, 5)
    mask = torch.tensor([[True, False, True], [False] * 3, [True] * 3, [False, True, True]])[:, :steps]
    given = (*draw, mask if masked else None, SequenceOptions())
    draw.inputs.requires_grad_(recorded)
    with use_backends(backend.name):
        if backend.name in GPU:
            with pytest.raises(ValueError, match="it runs on NVIDIA GPUs"):
                run_lstm(*given)
        elif backend.name == "c_kernels" and compiled_module is None:
            with pytest.raises(ValueError, match="the C kernels are not there"):
                run_lstm(*given)
        elif backend.name == "torch_ops" and steps == 1:
            with pytest.raises(ValueError, match="a single step is less work for the readable loop"):
                run_lstm(*given)
        else:
            output, final = run_lstm(*given)
            expected, last = lstm_reference(*given)
            assert final is not None
            assert last is not None
            for got, truth in zip((output, *final), (expected, *last), strict=True):
                assert_close(got.detach(), truth.detach(), "float64")


def test_several_are_taken_in_the_order_in_which_they_are_named() -> None:
    with use_backends("reference", "torch_ops"):
        assert select(LSTM_BACKENDS, request_for()).name == "reference"
        with use_backends("torch_ops"):
            assert select(LSTM_BACKENDS, request_for()).name == "torch_ops"
        path = LSTM(4).path_for(None)
        assert path == Path("loop", "`use_backends` asks for others")
        assert (path.backend, path.passed_over) == ("reference", {})
    with use_backends("torch_ops", "reference"):
        path = LSTM(4, torch.sin).path_for(None)
        assert (path.backend, list(path.passed_over)) == ("reference", ["torch_ops"])


def test_a_cell_without_any_of_them_runs_as_it_would() -> None:
    with use_backends("torch_ops", CKernels()):  # of the LSTM alone
        assert GRU(4, dtype="bfloat16").path_for(None).backend == "torch_kernels"
        assert list(GRU(4, "gelu").path_for(None).passed_over) == ["c_kernels", "torch_kernels"]
    with use_backends("reference"):
        assert GRU(4).path_for(None) == ("loop", "`use_backends` asks for others")


def test_a_name_that_there_is_not() -> None:
    names = ", ".join(backend.name for backend in LSTM_BACKENDS)
    message = f"There is no backend 'tpu'; there are {names}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"), use_backends("torch_ops", "tpu"):
        pass


def test_none_of_those_asked_for_can() -> None:
    draw = draw_lstm(2, 3, 4, 5)
    message = "None of the backends that were asked for can run this (torch_kernels: `use_cudnn` is False)."
    with use_backends("torch_kernels"), pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        lstm_loop(*draw, None, SequenceOptions())


def test_the_environment_asks_too() -> None:
    script = "from torch_keras_lstm.layers import LSTM; print(LSTM(5).path_for(None).backend)"

    def run(value: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "TORCH_KERAS_LSTM_BACKENDS": value}
        return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)

    assert run("torch_ops, reference").stdout == "torch_ops\n"
    assert "ValueError: There is no backend 'tpu'" in run("tpu").stderr


def test_transforms_are_left_to_the_readable_loop() -> None:
    layer = LSTM(4, input_size=3, dtype="float64")
    inputs = torch.randn(5, 2, 6, 3, dtype=torch.float64)
    batched = torch.func.vmap(layer)(inputs)
    for one, expected in zip(batched, inputs, strict=True):
        assert_close(one.detach(), layer(expected).detach(), "float64")
