"""``torch.export`` with any batch and any length: one node for each LSTM, states in and out."""

import copy
import io
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from tests.layers.test_compile import FEATURES, UNITS, batch, layer
from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense, Embedding, InputLayer
from torch_keras_lstm.models import Sequential

FREE = {0: Dim.DYNAMIC, 1: Dim.DYNAMIC}
SIZES = ((2, 5), (4, 9), (1, 1))
STRICT = pytest.mark.parametrize("strict", [False, True], ids=["traced", "strict"])


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Torch's tracing warns of its own deprecations."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def example(rows: int, time: int) -> dict[str, Any]:
    inputs, mask = batch(time)
    state = [torch.randn(rows, UNITS, dtype=torch.float64) for _ in range(2)]
    return {"inputs": inputs[:1].repeat(rows, 1, 1), "mask": mask[-1:].repeat(rows, 1), "initial_state": state}


def export(model: torch.nn.Module, arguments: dict[str, Any], **options: Any) -> ExportedProgram:
    shapes = {"inputs": FREE, "mask": FREE, "initial_state": [{0: Dim.DYNAMIC}] * 2}
    dynamic = {name: shapes[name] for name in arguments}
    return torch.export.export(model, (), arguments, dynamic_shapes=dynamic, **options)


def operators(program: ExportedProgram) -> list[str]:
    return [str(node.target) for node in program.graph.nodes if "torch_keras_lstm" in str(node.target)]


@STRICT
@pytest.mark.parametrize(
    "config",
    [{}, {"recurrent_activation": "hard_sigmoid", "go_backwards": True, "zero_output_for_mask": True}],
    ids=["fused", "loop"],
)
def test_any_batch_and_length_with_states_in_and_out(config: dict[str, Any], strict: bool) -> None:
    model = layer(return_sequences=True, return_state=True, **config).eval()
    program = export(model, example(2, 5), strict=strict)
    assert operators(program) == ["torch_keras_lstm.lstm.default"]
    for rows, time in SIZES:
        arguments = example(rows, time)
        for got, expected in zip(program.module()(**arguments), model(**arguments), strict=True):
            assert_close(got.detach(), expected.detach(), "float64")


def test_a_program_is_saved_and_loaded() -> None:
    model = layer().eval()
    file = io.BytesIO()
    torch.export.save(export(model, {"inputs": batch(5)[0]}), file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    inputs, _ = batch(8)
    assert_close(loaded(inputs=inputs).detach(), model(inputs).detach(), "float64")


def test_a_model_with_implicit_masks() -> None:
    layers = [Embedding(7, FEATURES, mask_zero=True), LSTM(UNITS, return_sequences=True), LSTM(UNITS), Dense(2)]
    model = Sequential([InputLayer((None,), dtype="int64"), *layers]).eval()
    program = torch.export.export(model, (torch.randint(0, 7, (2, 5)),), dynamic_shapes=(FREE,))
    assert len(operators(program)) == 2
    for size in SIZES:
        words = torch.randint(0, 7, size)
        assert_close(program.module()(words).detach(), model(words).detach(), "float32 model")


@STRICT
def test_a_stateful_layer_goes_on_from_the_states_it_had(strict: bool) -> None:
    model = layer(stateful=True).eval()
    model(batch(4)[0])
    model.register_states()
    before = [state.clone() for state in model.states or ()]
    program = torch.export.export(model, (batch(5)[0],), dynamic_shapes=({1: Dim.DYNAMIC},), strict=strict)
    after: tuple[Tensor, ...] = model.states or ()
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))  # exporting is no call
    exported: Any = program.module()
    twin = copy.deepcopy(model)
    for time in (5, 3, 8):
        inputs, _ = batch(time)
        assert_close(exported(inputs).detach(), twin(inputs).detach(), "float64")


def test_a_stateful_layer_without_states_cannot_be_exported() -> None:
    with pytest.raises(RuntimeError, match="has no states that an exported program could go on from"):
        torch.export.export(layer(stateful=True).eval(), (batch(5)[0],))
