"""The kernels in C against torch's operations: every size, stride and thread, and each activation number by number."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

from tests.recurrence.backends.test_pointwise import POINTS
from tests.recurrence.backends.test_torch_kernels import results
from tests.recurrence.numpy_lstm import Draw, draw_lstm
from tests.step_backends import TORCH_OPS, running_on, step_backends
from tests.tolerances import TOLERANCES, assert_all_close, assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.recurrence import (
    LSTM_BACKENDS,
    LSTMState,
    LSTMWeights,
    Request,
    SequenceOptions,
    lstm_loop,
    lstm_reference,
    select,
    use_backends,
)
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.backends.c_runs import VECTORS, compiled_module
from torch_keras_lstm.recurrence.options import Activation

pytestmark = pytest.mark.skipif(
    compiled_module is None, reason="no C compiler was there when the package was installed"
)
KERNELS = [name for name in step_backends() if name != TORCH_OPS]
TYPES = [torch.float32, torch.float64]
PRECISION = {torch.float32: "float32 recurrence", torch.float64: "float64"}
ONCE = pytest.mark.parametrize("kernel", KERNELS[:1], indirect=True)  # what has nothing to do with the kernel
ACTIVATIONS = [getattr(activations, name) for name in (compiled_module.ACTIVATIONS if compiled_module else ())]
EXTREMES = [0.0, -0.0, np.inf, -np.inf, 1e30, -1e30, 1e-30, -1e-30, 88.0, -88.0, 104.0, -104.0, 710.0, -710.0]


@pytest.fixture(params=KERNELS, autouse=True)
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    with running_on(request.param):
        yield request.param


def draw_of(dtype: torch.dtype, *sizes: int, use_bias: bool = True) -> Draw:
    inputs, state, weights = draw_lstm(*sizes, use_bias=use_bias)
    return Draw(
        inputs.to(dtype),
        LSTMState(*(tensor.to(dtype) for tensor in state)),
        LSTMWeights(*(None if weight is None else weight.to(dtype) for weight in weights)),  # type: ignore[arg-type]
    )


def assert_as_by_torch_ops(
    draw: Draw, mask: torch.Tensor | None, options: SequenceOptions, tolerance: str | None = None
) -> None:
    got = results(lstm_loop, draw, mask, options)
    with torch.no_grad():
        without_tape, _ = lstm_loop(*draw, mask, options)
    with running_on(TORCH_OPS):
        expected = results(lstm_loop, draw, mask, options)
    tolerance = tolerance or PRECISION[draw.inputs.dtype]
    assert_all_close(got, expected, tolerance)
    assert_close(without_tape, expected["output"], tolerance)


# -- each activation --------------------------------------------------------------------------------------------------


def at(points: torch.Tensor, function: Activation) -> torch.Tensor:
    """``function`` at each of the points, of which each is the candidate of one unit; gradients reach them."""
    units = len(points)
    ones, zeros = torch.ones_like(points), torch.zeros_like(points)
    bias = torch.cat((ones, zeros, points, ones))  # input gate 1, forget gate 0, output gate 1
    weights = LSTMWeights(bias.new_zeros(4 * units, 1), bias.new_zeros(4 * units, units), bias)
    state = LSTMState(bias.new_zeros(1, units), bias.new_zeros(1, units))
    options = SequenceOptions(activation=function, recurrent_activation=activations.linear)
    steps = 2 if points.requires_grad else 1  # of one step autograd records each operation instead
    inputs = bias.new_zeros(1, steps, 1)
    assert isinstance(select(LSTM_BACKENDS, Request.of(inputs, state, weights, None, options)), CKernels)
    _, final = lstm_loop(inputs, state, weights, None, options)
    assert final is not None
    return final.cell[0]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda function: function.__name__)
def test_activations_are_exact_to_a_few_units_in_the_last_place(function: Activation, dtype: torch.dtype) -> None:
    """Relative to each value by itself, near 0 and in the tails too."""
    points = torch.cat((torch.linspace(-30, 30, 4001), torch.logspace(-20, 1, 1001), -torch.logspace(-20, 1, 1001)))
    points = points.to(dtype)
    got = at(points, function).double()
    # Sums and clips are as exact as they can be; of the others torch's own float32 may be off as far as this.
    expected = function(points.double()) if function in (activations.tanh, activations.sigmoid) else function(points)
    near = got.sub(expected).abs() <= 4 * torch.finfo(dtype).eps * expected.abs() + torch.finfo(dtype).tiny
    assert near.all(), points[~near]


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda function: function.__name__)
def test_activations_at_the_ends_of_their_range(function: Activation, dtype: torch.dtype) -> None:
    points = torch.tensor(EXTREMES, dtype=dtype)
    got, expected = at(points, function), function(points)
    tiny = torch.finfo(dtype).tiny
    for point, one, other in zip(points, got, expected, strict=True):
        assert torch.isclose(one, other, rtol=TOLERANCES["float32 elementwise"], atol=tiny, equal_nan=True), point
    assert torch.isnan(at(torch.tensor([np.nan], dtype=dtype), function)).all()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("function", ACTIVATIONS, ids=lambda function: function.__name__)
def test_slopes_are_autograds_at_every_corner(function: Activation, dtype: torch.dtype) -> None:
    argument = POINTS.clamp(-6, 6).to(dtype).requires_grad_()
    (expected,) = torch.autograd.grad(function(argument).sum(), argument)
    (got,) = torch.autograd.grad(at(argument, function).sum(), argument)
    assert torch.equal(got == 0, expected == 0)
    assert_close(got, expected, f"{str(dtype).removeprefix('torch.')} elementwise")


@ONCE
def test_functions_of_torch_are_known_as_well() -> None:
    for name in ("tanh", "sigmoid", "relu"):
        assert CKernels().why_not(request_for(activation=getattr(torch, name))) is None


@contextmanager
def in_threads(vectors: str, threads: int) -> Iterator[None]:
    """With so many, however little there is to do."""
    kernels, before = CKernels(vectors), torch.get_num_threads()
    kernels.fewest_for_threads = 0
    torch.set_num_threads(threads)
    try:
        with use_backends(kernels):
            yield
    finally:
        torch.set_num_threads(before)


# -- sizes, strides, threads ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize(
    "sizes",
    [
        (1, 1, 1, 1),
        (1, 7, 3, 2),
        (2, 3, 1, 33),
        (3, 2, 5, 15),
        (7, 2, 17, 16),
        (9, 3, 2, 31),
        (70, 2, 3, 5),
        (133, 2, 1, 3),
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [True, False])
def test_any_sizes(sizes: tuple[int, ...], masked: bool, dtype: torch.dtype) -> None:
    draw = draw_of(dtype, *sizes)
    mask = torch.rand(sizes[:2]) > 0.4 if masked else None
    assert_as_by_torch_ops(draw, mask, SequenceOptions())
    assert_as_by_torch_ops(draw, mask, SequenceOptions(return_sequences=False, go_backwards=True))


@pytest.mark.parametrize("batch", [0, 1])
def test_no_rows_and_no_bias(batch: int) -> None:
    assert_as_by_torch_ops(draw_of(torch.float64, batch, 3, 2, 5, use_bias=False), None, SequenceOptions())


@pytest.mark.parametrize("for_inputs", [0, 1, 4])
@pytest.mark.parametrize("for_hidden", [0, 1, 4])
@pytest.mark.parametrize("features", [2, 40])
def test_dropout_with_more_or_fewer_features_than_units(for_inputs: int, for_hidden: int, features: int) -> None:
    batch, units = 11, 19
    draw = draw_of(torch.float64, batch, 5, features, units)
    factors = [
        torch.rand(count, batch, width, dtype=torch.float64) if count else None
        for count, width in ((for_inputs, features), (for_hidden, units))
    ]
    options = SequenceOptions(input_dropout=factors[0], recurrent_dropout=factors[1])
    assert_as_by_torch_ops(draw, torch.rand(batch, 5) > 0.3, options)


@pytest.mark.parametrize("threads", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 2, 5, 150])
def test_any_number_of_threads(threads: int, batch: int, kernel: str) -> None:
    with in_threads(kernel, threads):
        draw = draw_of(torch.float64, batch, 4, 3, 6)
        assert_as_by_torch_ops(draw, torch.rand(batch, 4) > 0.3, SequenceOptions())


@pytest.mark.parametrize("dropouts", [0, 4])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_threads_that_share_the_columns_of_many_weights(batch: int, masked: bool, dropouts: int, kernel: str) -> None:
    """As few rows as threads and 512 KiB of weights, and no sizes that threads could share evenly."""
    with in_threads(kernel, 3):
        draw = draw_of(torch.float64, batch, 9, 3, 131)
        mask = torch.rand(batch, 9) > 0.3 if masked else None
        dropout = torch.rand(dropouts, batch, 131, dtype=torch.float64) if dropouts else None
        assert_as_by_torch_ops(draw, mask, SequenceOptions(recurrent_dropout=dropout))


@ONCE
def test_several_calls_at_the_same_time() -> None:
    draw = draw_of(torch.float64, 6, 40, 3, 20)
    expected = lstm_loop(*draw, None, SequenceOptions())[0]
    got: list[torch.Tensor] = []
    workers = [
        threading.Thread(target=lambda: got.extend(lstm_loop(*draw, None, SequenceOptions())[0] for _ in range(20)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(got) == 80
    assert all(torch.equal(one, expected) for one in got)


def test_tensors_may_lie_in_memory_in_any_way() -> None:
    inputs, state, weights = draw_of(torch.float64, 4, 5, 3, 6)
    expected = results(lstm_loop, Draw(inputs, state, weights), None, SequenceOptions())
    scattered = Draw(
        inputs.transpose(0, 2).contiguous().transpose(0, 2),
        LSTMState(*(tensor.t().contiguous().t() for tensor in state)),
        LSTMWeights(*(w.repeat_interleave(2, -1)[..., ::2] for w in weights if w is not None)),
    )
    tensors = (scattered.inputs, *scattered.state, *scattered.weights)
    assert not any(tensor is None or tensor.is_contiguous() for tensor in tensors)
    assert_all_close(results(lstm_loop, scattered, None, SequenceOptions()), expected, "float64")
    with torch.no_grad():
        same = inputs[:1].expand(4, -1, -1)
        assert_close(
            lstm_loop(same, state, weights, None, SequenceOptions())[0],
            lstm_reference(same, state, weights, None, SequenceOptions())[0],
            "float64",
        )


@pytest.mark.parametrize("of_all", [True, False])
def test_gradients_that_are_one_number_for_all(of_all: bool) -> None:
    """``sum`` hands back a tensor with strides of 0, and none at all for what nobody used."""
    draw = draw_of(torch.float64, 4, 5, 3, 6)
    for run in (lstm_loop, lstm_reference):
        leaf = draw.inputs.clone().requires_grad_()
        output, final = run(leaf, draw.state, draw.weights, None, SequenceOptions())
        assert final is not None
        (output if of_all else final.cell).sum().backward()
        if run is lstm_loop:
            got = leaf.grad
    assert_close(got, leaf.grad, "float64")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_stands_at_masked_steps_reaches_nothing(value: float) -> None:
    draw = draw_of(torch.float64, 5, 6, 3, 4)
    mask = torch.rand(5, 6) > 0.4
    spoilt = draw._replace(inputs=draw.inputs.masked_fill(~mask.unsqueeze(-1), value))
    clean = draw._replace(inputs=draw.inputs.masked_fill(~mask.unsqueeze(-1), 0.0))
    assert_all_close(
        results(lstm_loop, spoilt, mask, SequenceOptions()),
        results(lstm_loop, clean, mask, SequenceOptions()),
        "float64",
    )
    assert_as_by_torch_ops(clean, mask, SequenceOptions())


def test_a_row_that_is_lost_does_not_touch_the_others() -> None:
    draw = draw_of(torch.float64, 5, 6, 3, 4)
    expected = lstm_loop(*draw, None, SequenceOptions())[0]
    draw.inputs[2, 3] = float("nan")
    output = lstm_loop(*draw, None, SequenceOptions())[0]
    assert output[2, 3:].isnan().all()
    output[2], expected[2] = 0, 0
    assert_close(output, expected, "float64")


# -- backwards more than once -----------------------------------------------------------------------------------------


@ONCE
def test_a_graph_that_is_kept_can_be_differentiated_again() -> None:
    draw = draw_of(torch.float64, 4, 5, 3, 6)
    leaf = draw.inputs.clone().requires_grad_()
    output, _ = lstm_loop(leaf, draw.state, draw.weights, torch.rand(4, 5) > 0.3, SequenceOptions())
    gradients = [torch.autograd.grad(output.sum(), leaf, retain_graph=keep)[0] for keep in (True, True, False)]
    assert torch.equal(gradients[0], gradients[1])
    assert torch.equal(gradients[0], gradients[2])


# -- where they are not to be used ------------------------------------------------------------------------------------


def request_for(device: str = "cpu", dtype: torch.dtype = torch.float32, **activations: Any) -> Request:
    """Three steps on that device, of which no tensor is there."""
    return Request(torch.device(device), dtype, 2, 3, 4, False, SequenceOptions(**activations))


@ONCE
def test_reasons() -> None:
    kernels = CKernels()
    assert kernels.why_not(request_for()) is None
    assert kernels.why_not(request_for("meta")) == "the C kernels run on a CPU"
    reason = "the C kernels compute in single and double precision, not in torch.bfloat16"
    assert kernels.why_not(request_for(dtype=torch.bfloat16)) == reason
    reason = "the C kernels do not have the activation 'gelu'"
    assert kernels.why_not(request_for(activation=activations.gelu)) == reason
    off = CKernels(off="the environment variable TORCH_KERAS_LSTM_COMPILED is 0")
    assert off.why_not(request_for()) == "the environment variable TORCH_KERAS_LSTM_COMPILED is 0"


@ONCE
@pytest.mark.parametrize(
    ("environment", "block", "expected"),
    [
        ("0", "", "the environment variable TORCH_KERAS_LSTM_COMPILED is 0"),
        ("1", "sys.modules['torch_keras_lstm.recurrence.backends._c_kernels'] = None; ", "the C kernels are not"),
        (
            "1",
            "sys.modules['torch_keras_lstm.recurrence.backends._c_kernels'] = type(sys)('that of another version'); ",
            "the C kernels are not those of this version: install the package again, which compiles them",
        ),
    ],
)
def test_reasons_of_a_process(environment: str, block: str, expected: str) -> None:
    script = (
        f"import sys; {block}from torch_keras_lstm.layers import LSTM; "
        "print(LSTM(5).path_for(None).passed_over['c_kernels'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TORCH_KERAS_LSTM_COMPILED": environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(expected)


@ONCE
def test_tensors_of_several_types_are_refused_by_torch_and_not_read_as_they_lie() -> None:
    inputs, state, weights = draw_of(torch.float64, 2, 3, 4, 5)
    mixed = weights._replace(weight_hh=weights.weight_hh.float())
    with pytest.raises(RuntimeError, match="dtype"):
        lstm_loop(inputs, state, mixed, None, SequenceOptions())


@ONCE
def test_whoever_traces_operations_sees_them() -> None:
    layer = LSTM(5, input_size=3).requires_grad_(False)
    inputs, others = torch.randn(2, 4, 3), torch.randn(2, 4, 3)
    graph = make_fx(layer)(inputs)
    assert_close(graph(others), layer(others), "float32 elementwise")
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        assert layer(mode.from_tensor(inputs)).shape == (2, 5)


@ONCE
@pytest.mark.parametrize("arguments", [(), (1,) * 31, (1,) * 33, (1,) * 62])
def test_the_module_takes_so_many_integers(arguments: tuple[int, ...]) -> None:
    with pytest.raises(TypeError, match=f"^expected 32 integers, or 61, got {len(arguments)}$"):
        compiled_module.forward(*arguments)


@ONCE
def test_the_module_takes_numbers_that_it_knows() -> None:
    with pytest.raises(TypeError, match="integer"):
        compiled_module.backward(*["1"] * 44)
    for place in (0, 2, 3, 8, 9):  # vectors, threads, cell, both activations
        arguments = [0] * 32
        arguments[2] = 1
        arguments[place] = -1
        with pytest.raises(ValueError, match=r"^no such kernel, cell, activation or number of threads$"):
            compiled_module.forward(*arguments)
    sizes = [0] * 29
    sizes[2] = 1
    with pytest.raises(ValueError, match=r"^two runs that are not of the same sizes$"):
        compiled_module.forward(0, 0, 1, *sizes, *[0] * 29)


@ONCE
@pytest.mark.parametrize("how", ["switched off", "not there"])
def test_a_process_without_them_takes_the_fused_kernels(how: str) -> None:
    block = (
        "import sys; sys.modules['torch_keras_lstm.recurrence.backends._c_kernels'] = None; "
        if how == "not there"
        else ""
    )
    script = (
        block + "import torch; from torch_keras_lstm.layers import LSTM; x = torch.ones(2, 3, 4); "
        "print(LSTM(5).path_for(x).name, LSTM(5, 'relu')(x).shape)"
    )
    switch = "0" if how == "switched off" else "1"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TORCH_KERAS_LSTM_COMPILED": switch},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "fused torch.Size([2, 5])\n"


@ONCE
def test_a_switch_that_means_nothing_is_an_error() -> None:
    script = "import torch_keras_lstm.layers"
    for value in ("no", *VECTORS):
        environment = {**os.environ, "TORCH_KERAS_LSTM_COMPILED": value}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        names = ", ".join(VECTORS)
        message = f"ValueError: TORCH_KERAS_LSTM_COMPILED must be 0, 1, or one of {names} on this processor, got 'no'."
        assert done.stderr.strip().splitlines()[-1:] == ([message] if value == "no" else [])
