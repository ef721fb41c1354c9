"""``torch.compile`` takes a model in one piece and once, whatever its LSTMs are and however long the sequences."""

import copy
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._dynamo.testing import CompileCounterWithBackend

from tests.tolerances import assert_close
from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Dense, GaussianNoise, LeakyReLU, SimpleRNN

BATCH, FEATURES, UNITS = 3, 4, 5
LENGTHS = (6, 9, 2)  # none the size of another axis, which torch.compile would take for the same

Make = Callable[[], Any]
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "states": {"return_state": True, "return_sequences": True},
    "backwards": {"go_backwards": True, "return_sequences": True},
    "zeros without bias": {"zero_output_for_mask": True, "return_sequences": True, "use_bias": False},
    "seeded dropout": {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 5},
    "recurrent dropout": {"recurrent_dropout": 0.3, "return_sequences": True},
    "dropout of each gate": {"dropout": 0.4, "implementation": 1},
    "relu": {"activation": "relu", "recurrent_activation": "hard_sigmoid", "return_state": True},
    "torch's": {"activation": torch.tanh, "recurrent_activation": torch.sigmoid},
    "loop": {"use_cudnn": False},
    "regularized": {"kernel_regularizer": "l2", "activity_regularizer": "l2"},
    "float32": {"dtype": "float32"},
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A compiler that has forgotten all that it compiled, without the warnings of its own parts."""
    torch.compiler.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def layer(**config: Any) -> LSTM:
    return LSTM(UNITS, input_size=FEATURES, **{"dtype": "float64", **config})


def batch(time: int, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    """Inputs, and a mask with gaps and an empty row."""
    mask = torch.rand(BATCH, time) > 0.3
    mask[0] = False
    return torch.randn(BATCH, time, FEATURES, dtype=dtype), mask


def results(model: nn.Module, inputs: Tensor, mask: Tensor | None) -> dict[str, Tensor]:
    """Outputs and gradients of a training step."""
    torch.manual_seed(1)
    outputs = model(inputs, mask=mask)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = sum((output.square().sum() for output in outputs), torch.zeros(()))
    trained = {name.removeprefix("_orig_mod."): parameter for name, parameter in model.named_parameters()}
    gradients = torch.autograd.grad(loss, [*trained.values()])
    named = {f"output {index}": output for index, output in enumerate(outputs)}
    return {name: value.detach() for name, value in (*named.items(), *zip(trained, gradients, strict=True))}


def assert_same(got: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    for name, value in expected.items():
        assert_close(got[name], value, "float64" if value.dtype == torch.float64 else "float32 model", name)


@pytest.mark.parametrize("config", CONFIGURATIONS.values(), ids=CONFIGURATIONS)
def test_training_is_compiled_once_for_every_length(config: dict[str, Any]) -> None:
    eager = layer(**config)
    counter = CompileCounterWithBackend("aot_eager")
    twin = copy.deepcopy(eager)
    compiled: Any = torch.compile(twin, fullgraph=True, backend=counter)
    for time in LENGTHS:
        inputs, mask = batch(time, eager.dtype.torch)
        assert_same(results(compiled, *free(inputs, mask)), results(eager, inputs, mask))
        assert [float(term) for term in twin.losses] == pytest.approx([float(term) for term in eager.losses])
    assert compilations(counter) == 1
    assert operators(counter) == 1


def free(*tensors: Tensor) -> tuple[Tensor, ...]:
    """``tensors`` whose length in time torch must take for free, or say that it cannot."""
    for tensor in tensors:
        torch._dynamo.mark_dynamic(tensor, 1)
    return tensors


def compilations(counter: CompileCounterWithBackend) -> int:
    """How many graphs there are that compute anything."""
    return sum(any(node.op == "call_function" for node in graph.graph.nodes) for graph in counter.graphs)


def operators(counter: CompileCounterWithBackend) -> int:
    """How many of our operators the graphs hold, those that draw dropout aside."""
    targets = [str(node.target) for graph in counter.graphs for node in graph.graph.nodes]
    kinds = ("torch_keras_lstm.lstm", "torch_keras_lstm.gru", "torch_keras_lstm.simple_rnn")
    return sum(any(kind in target for kind in kinds) for target in targets)


@pytest.mark.parametrize("name", ["default", "states", "relu"])
def test_inference_is_compiled_once_for_every_length_and_batch(name: str) -> None:
    eager = layer(**CONFIGURATIONS[name]).eval()
    counter = CompileCounterWithBackend("eager")
    compiled: Any = torch.compile(eager, fullgraph=True, dynamic=True, backend=counter)
    with torch.no_grad():
        for time in LENGTHS:
            inputs, mask = batch(time, eager.dtype.torch)
            for rows in (2, 3):
                got, expected = (one(inputs[:rows], mask=mask[:rows]) for one in (compiled, eager))
                torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert compilations(counter) == 1


def test_without_asking_for_it_the_second_length_makes_the_time_free() -> None:
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(layer(), fullgraph=True, backend=counter)
    for time in LENGTHS:
        compiled(batch(time)[0]).sum().backward()
    assert compilations(counter) == 2


def test_a_state_may_be_given() -> None:
    eager = layer(return_state=True)
    compiled: Any = torch.compile(copy.deepcopy(eager), fullgraph=True, backend="aot_eager")
    state = [torch.randn(BATCH, UNITS, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    got, expected = (
        torch.autograd.grad(sum(value.square().sum() for value in model(batch_, initial_state=state)), state)
        for batch_ in [batch(6)[0]]
        for model in (compiled, eager)
    )
    for mine, its in zip(got, expected, strict=True):
        assert_close(mine, its, "float64")


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_stateful_layer_goes_on_from_its_state(backend: str) -> None:
    eager = layer(stateful=True)
    twin = copy.deepcopy(eager)
    counter = CompileCounterWithBackend(backend)
    compiled: Any = torch.compile(twin, fullgraph=True, dynamic=True, backend=counter)
    for time in LENGTHS:
        inputs, _ = batch(time)
        assert_same(results(compiled, inputs, None), results(eager, inputs, None))
    assert compilations(counter) == 2  # without a state, and with one
    twin.reset_state()
    eager.reset_state()
    assert_same(results(compiled, inputs, None), results(eager, inputs, None))


def test_both_directions() -> None:
    eager = Bidirectional(LSTM(UNITS, return_sequences=True, recurrent_dropout=0.2, dtype="float64"), dtype="float64")
    eager.build((None, None, FEATURES))
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(copy.deepcopy(eager), fullgraph=True, dynamic=True, backend=counter)
    for time in LENGTHS:
        inputs, mask = batch(time)
        assert_same(results(compiled, inputs, mask), results(eager, inputs, mask))
    assert compilations(counter) == 1
    assert operators(counter) == 2


@pytest.mark.parametrize("own", [torch.sin, LeakyReLU(0.1)], ids=["function", "layer"])
def test_an_activation_of_ones_own_is_written_out_step_by_step(own: Any) -> None:
    eager = layer(activation=own)
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(copy.deepcopy(eager), fullgraph=True, backend=counter)
    inputs, mask = batch(2)
    assert_same(results(compiled, inputs, mask), results(eager, inputs, mask))
    assert operators(counter) == 0


@pytest.mark.parametrize("make", [GRU, SimpleRNN])
@pytest.mark.parametrize(
    "config",
    [{}, {"recurrent_dropout": 0.2, "seed": 3}, {"use_bias": False, "go_backwards": True, "return_sequences": True}],
    ids=["default", "dropout", "no bias"],
)
def test_other_recurrent_layers_are_one_node_too(make: type[Any], config: dict[str, Any]) -> None:
    if make is GRU and config:
        config = {**config, "reset_after": "use_bias" in config, "return_state": True}
    eager = make(UNITS, input_size=FEATURES, dtype="float64", **config)
    counter = CompileCounterWithBackend("aot_eager")
    compiled: Any = torch.compile(copy.deepcopy(eager), fullgraph=True, backend=counter)
    for time in LENGTHS:
        inputs, mask = batch(time)
        assert_same(results(compiled, *free(inputs, mask)), results(eager, inputs, mask))
    assert compilations(counter) == 1
    assert operators(counter) == 1


def test_seeded_noise_draws_what_it_would_have_drawn() -> None:
    """The graph goes on where the layer's own generator stands, and moves it on."""
    eager = nn.Sequential(GaussianNoise(0.5, seed=4), Dense(2, input_dim=FEATURES))
    twin = copy.deepcopy(eager)
    compiled: Any = torch.compile(twin, fullgraph=True, backend="aot_eager")
    inputs = torch.randn(BATCH, FEATURES)
    assert torch.equal(eager(inputs), twin(inputs))
    first, second = compiled(inputs), compiled(inputs)
    assert not torch.equal(first, second)
    assert torch.equal(torch.stack((first, second)), torch.stack((eager(inputs), eager(inputs))))


@pytest.mark.parametrize("config", [{}, {"recurrent_activation": "hard_sigmoid"}], ids=["fused", "loop"])
def test_autocast(config: dict[str, Any]) -> None:
    eager = layer(return_state=True, dtype="float32", **config)
    compiled: Any = torch.compile(copy.deepcopy(eager), fullgraph=True, backend="aot_eager")
    inputs, mask = batch(6, torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        got, expected = results(compiled, inputs, mask), results(eager, inputs, mask)
    for name, value in expected.items():
        assert got[name].dtype == value.dtype
        assert_close(got[name].float(), value.float(), "bfloat16 recurrence", name)
