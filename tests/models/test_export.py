"""``model.export`` and ``export``: what other programs run computes what the model does, without this package."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.export import ExportedProgram

from tests.tolerances import assert_close
from torch_keras_lstm import Model, export
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    ConvLSTM1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GRUCell,
    Hashing,
    Input,
    LSTMCell,
    SimpleRNN,
    TextVectorization,
)
from torch_keras_lstm.models import Sequential, export_formats, load_model, ncnn
from torch_keras_lstm.models.export import Call, trace_of_fixed_sizes
from torch_keras_lstm.recurrence.lowering import Lowering

MODELS = Path(__file__).parents[2] / "examples" / "models"
SIZES = ((3, 5), (4, 9), (1, 1))


def _stack() -> Sequential:
    return Sequential([Input((None, 2)), LSTM(4), Dropout(0.5), Dense(3)])


def _graph() -> Any:
    first, second = Input((5, 2), name="first"), Input((4,), name="second")
    return Model([first, second], [Dense(2)(LSTM(3)(first)), Dense(3)(second)])


def _inputs(model: Any, batch: int) -> list[torch.Tensor]:
    return [torch.randn(batch, *(size or 7 for size in tensor.shape[1:])) for tensor in model.inputs]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("make", [_stack, _graph])
def test_onnxruntime_computes_what_the_model_does(make: Any, tmp_path: Path) -> None:
    model = make()
    model.export(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    inputs = _inputs(model, 6)
    named = dict(zip((one.name for one in session.get_inputs()), map(np.asarray, inputs), strict=True))
    expected = model(inputs if len(inputs) > 1 else inputs[0])
    for got, one in zip(session.run(None, named), expected if isinstance(expected, list) else [expected], strict=True):
        assert_close(got, one.detach(), "float32 model")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torch_loads_and_runs_the_exported_program(tmp_path: Path) -> None:
    model = _stack()
    model.export(tmp_path / "model.pt2", format="torch")
    (inputs,) = _inputs(model, 6)
    got = torch.export.load(tmp_path / "model.pt2").module()(inputs)
    assert_close(got.detach(), model(inputs).detach(), "float32 model")


class Several(nn.Module):
    """One export of all takes less than one of each."""

    def __init__(self) -> None:
        super().__init__()
        whole: dict[str, Any] = {"return_sequences": True, "return_state": True}
        self.words = Embedding(9, 3, mask_zero=True)
        self.layers = nn.ModuleList(
            [
                Bidirectional(LSTM(4, return_sequences=True)),
                GRU(5, reset_after=False, return_state=True),
                LSTM(4, recurrent_activation="hard_sigmoid", go_backwards=True, zero_output_for_mask=True, **whole),
                SimpleRNN(4, activation="elu", return_state=True),
                RNN([LSTMCell(4), GRUCell(5)], return_sequences=True),
            ]
        )
        for layer in self.layers:
            layer.build((None, None, 3))  # type: ignore[operator]
        self.images = ConvLSTM1D(2, 2, input_shape=(None, 3, 1))

    def forward(self, words: Tensor) -> list[Tensor]:
        vectors = self.words(words)
        plain = vectors.square()  # which has no mask
        outputs = [self.images(plain.unsqueeze(-1))]
        for index, layer in enumerate(self.layers):
            output = layer(vectors if index % 2 == 0 else plain)
            outputs += output if isinstance(output, tuple) else [output]
        return outputs


def _operators(program: ExportedProgram) -> set[str]:
    graphs = [module.graph for module in program.graph_module.modules() if isinstance(module, torch.fx.GraphModule)]
    nodes = [node for graph in graphs for node in graph.nodes if node.op == "call_function"]
    return {str(node.target) for node in nodes if getattr(node.target, "__name__", "") != "getitem"}


def _are_torchs(operators: set[str]) -> bool:
    return all(one.startswith("aten.") or one == "scan" for one in operators)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_program_holds_operators_of_torch_alone_for_any_size() -> None:
    model = Several().eval()
    program = export(model, torch.randint(0, 9, (3, 5)))
    assert _are_torchs(_operators(program))
    assert "scan" in _operators(program)
    run: Any = program.module()
    for size in SIZES:
        words = torch.randint(0, 9, size)
        words[0] = 0
        for index, (got, expected) in enumerate(zip(run(words), model(words), strict=True)):
            assert_close(got.detach(), expected.detach(), "float32 model", f"output {index} of {size}")


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_what_a_target_has_stands_in_its_program() -> None:
    model = Sequential([Input((5, 2)), LSTM(4, return_sequences=True), GRU(3)])
    inputs = torch.randn(6, 5, 2)
    found = {target: export(model, inputs, target=target) for target in ("torch", "aotinductor", "litert")}
    operators = {target: _operators(program) for target, program in found.items()}
    assert {"aten.lstm.input", "aten.gru.input"} <= operators["torch"]
    assert "scan" in operators["aotinductor"]
    assert not operators["litert"] & {"scan", "aten.lstm.input", "aten.gru.input"}
    for program in found.values():
        run: Any = program.module()
        assert_close(run(inputs).detach(), model(inputs).detach(), "float32 model")


def _recorded() -> Iterator[Path]:
    yield from sorted(MODELS.glob("*.keras"))[:1]
    yield from sorted(MODELS.glob("*.h5"))[:1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("path", [*_recorded()], ids=lambda path: path.name)
def test_a_converted_file(path: Path) -> None:
    model: Any = load_model(path)
    program = export(model)
    assert _are_torchs(_operators(program))
    (tensor,) = model.inputs
    shape = [4 if axis == 0 else size or 7 for axis, size in enumerate(tensor.shape)]
    inputs = torch.randint(0, 9, shape).to(tensor.dtype)
    run: Any = program.module()
    for got, expected in zip(_list(run(inputs)), _list(model(inputs)), strict=True):
        assert_close(got.detach(), expected.detach(), "float32 model")


def _list(outputs: Any) -> list[Tensor]:
    return [*outputs] if isinstance(outputs, list | tuple) else [outputs]


def _stateful() -> Sequential:
    layers = [LSTM(4, stateful=True, return_sequences=True, recurrent_activation="hard_sigmoid"), GRU(3, stateful=True)]
    return Sequential([Input((None, 2), batch_size=2), *layers, Dense(2)])


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_states_go_in_and_come_out_of_a_program_and_a_trace(tmp_path: Path) -> None:
    model = _stateful()
    program: Any = export(model).module()
    model.export(tmp_path / "model.ts", format="torchscript")
    loaded: Any = torch.jit.load(tmp_path / "model.ts")
    chunks = [torch.randn(2, steps, 2) for steps in (3, 6)]
    expected = [model(chunk).detach() for chunk in chunks]
    for run in (program, loaded):
        states = [torch.zeros(2, width) for width in (4, 4, 3)]
        for chunk, wanted in zip(chunks, expected, strict=True):
            output, states = run(chunk, list(states))
            assert_close(output.detach(), wanted, "float32 model")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_onnx_takes_states_by_name(tmp_path: Path) -> None:
    model, path = _stateful(), tmp_path / "model.onnx"
    model.export(path)
    session = onnxruntime.InferenceSession(path)
    assert [one.name for one in session.get_inputs()] == ["inputs", "state_0", "state_1", "state_2"]
    assert [one.name for one in session.get_outputs()] == ["output", "next_state_0", "next_state_1", "next_state_2"]
    states = [np.zeros((2, width), np.float32) for width in (4, 4, 3)]
    for steps in (3, 6):
        chunk = torch.randn(2, steps, 2)
        named = {f"state_{index}": state for index, state in enumerate(states)}
        output, *states = session.run(None, {"inputs": chunk.numpy(), **named})
        assert_close(output, model(chunk).detach(), "float32 model")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_masks_are_a_part_of_the_graph_on_request(tmp_path: Path) -> None:
    words = Input((None,), dtype="int64")
    vectors = Embedding(9, 3, mask_zero=True)(words)
    state = LSTM(4, return_state=True, recurrent_activation="hard_sigmoid")(vectors)
    model, path = Model(words, [*state, GRU(3)(vectors)]), tmp_path / "model.onnx"
    model.export(path, masks="graph")
    nodes = [node for node in onnx.load(path).graph.node if node.op_type in ("LSTM", "GRU")]
    assert [node.input[4] for node in nodes] == ["", ""]  # its lengths
    session = onnxruntime.InferenceSession(path)
    for size in SIZES:
        rows = torch.randint(0, 9, size)
        rows[0] = 0
        for got, expected in zip(session.run(None, {"inputs": rows.numpy()}), model(rows), strict=True):
            assert_close(got, expected.detach(), "float32 model", str(size))


_ALONE = """
import sys

sys.modules["torch_keras_lstm"] = None  # nothing can import it
import torch

run = torch._inductor.aoti_load_package(sys.argv[1])
for inputs, expected in torch.load(sys.argv[2]):
    assert (run(inputs) - expected).abs().max() <= 1e-5 * expected.abs().max(), inputs.shape
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_executorch_gets_a_program_for_at_most_the_steps_of_the_example() -> None:
    model = Sequential([Input((None, 2)), LSTM(4), Dense(3)])
    run: Any = export(model, torch.randn(3, 7, 2), target="executorch").module()
    for steps in (7, 4, 2):
        inputs = torch.randn(3, steps, 2)
        assert_close(run(inputs).detach(), model(inputs).detach(), "float32 model")
    for size in ((3, 8, 2), (2, 7, 2)):
        with pytest.raises(AssertionError, match="Guard failed"):
            run(torch.randn(size))
    with pytest.raises(ValueError, match=r"^'executorch' plans its memory for so many rows and steps, which .*give an"):
        export(model, target="executorch")
    plain: Any = export(Sequential([Input((2,)), Dense(3)]), torch.randn(5, 2), target="executorch").module()
    assert plain(torch.randn(4, 2)).shape == (4, 3)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_trace_of_fixed_sizes_has_no_arithmetic_of_sizes() -> None:
    model = Several().eval()
    words = torch.randint(0, 9, (3, 5))
    found = trace_of_fixed_sizes(Call.of(model, words), Lowering(loops=False, kernels=frozenset({"lstm"})))
    graph = str(found.inlined_graph)
    assert "aten::lstm" in graph
    assert not [name for name in ("aten::gru", "aten::Int", "view_as", "alias", "sort", "Loop") if name in graph]
    words = torch.randint(0, 9, (3, 5))
    words[0] = 0
    for index, (got, expected) in enumerate(zip(found(words), model(words), strict=True)):
        assert_close(got.detach(), expected.detach(), "float32 model", f"output {index}")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # inductor's own
def test_a_package_runs_a_loop_over_images(tmp_path: Path) -> None:
    model = Sequential([Input((None, 4, 2)), ConvLSTM1D(3, 2, return_sequences=True), Flatten()])
    model.export(tmp_path / "model.pt2", format="aotinductor", example=torch.randn(3, 5, 4, 2))
    run: Any = torch._inductor.aoti_load_package(str(tmp_path / "model.pt2"))
    for size in SIZES:
        inputs = torch.randn(*size, 4, 2)
        assert_close(run(inputs).detach(), model(inputs).detach(), "float32 model", str(size))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # inductor's own
def test_a_compiled_package_runs_in_a_process_without_this_package(tmp_path: Path) -> None:
    layers = [Embedding(9, 3, mask_zero=True), LSTM(4, recurrent_activation="hard_sigmoid"), Dense(2)]
    model = Sequential([Input((None,), dtype="int64"), *layers])
    model.export(tmp_path / "model.pt2", format="aotinductor")
    cases = [(words, model(words).detach()) for words in (torch.randint(1, 9, size) for size in SIZES)]
    torch.save(cases, tmp_path / "cases.pt")
    command = [sys.executable, "-c", _ALONE, str(tmp_path / "model.pt2"), str(tmp_path / "cases.pt")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_cannot_be_exported_says_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`format`.*'onnx', 'onnx-int8', 'torch'"):
        _stack().export(tmp_path / "model", format="tflite")
    with pytest.raises(
        ValueError, match=r"^Format 'tf_saved_model' is TensorFlow's own.*save a `\.keras` file, and have"
    ):
        _stack().export(tmp_path / "model", format="tf_saved_model")
    with pytest.raises(ValueError, match=r"The input shape of model `m` is not known: call it.*or give an `example`"):
        Sequential([Dense(3)], name="m").export(tmp_path / "model.onnx")
    with pytest.raises(ValueError, match=r"'litert' runs one number of rows and steps, which .*: give an `example`"):
        export(_stack(), target="litert")
    with pytest.raises(ValueError, match=r"^A file of format 'aotinductor' is named with '\.pt2', got 'model'\.$"):
        _stack().export(tmp_path / "model", format="aotinductor")
    hashing = Sequential([Input((4,), dtype="int64"), Hashing(3, name="buckets")], name="m")
    for format in ("torch", "torchscript", "onnx"):
        with pytest.raises(
            RuntimeError, match=r"^Model `m` cannot be exported, because of layer `buckets` \(Hashing\)"
        ):
            hashing.export(tmp_path / "model", format=format)
    reader = TextVectorization(vocabulary=["a"], output_sequence_length=4, name="reader")
    texts = Sequential([Input((1,), dtype="string"), reader, Embedding(9, 2)], name="m")
    for example in (None, ["a b"]):
        with pytest.raises(
            RuntimeError, match=r"because of layer `reader` \(TextVectorization\): a file takes numbers"
        ):
            texts.export(tmp_path / "model", format="torch", example=example)
    assert not [*tmp_path.iterdir()]


def test_the_layer_is_named_at_which_a_library_fails_that_knows_of_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(order: Any) -> None:
        program = export(order.model, order.example)
        if any("masked_fill" in str(node.target) or "where" in str(node.target) for node in program.graph.nodes):
            raise RuntimeError("no such operator")
        order.path.write_bytes(b"written")

    formats = {"some": export_formats._Format(write), "none": export_formats._Format(lambda _: write(None))}
    monkeypatch.setattr(export_formats, "_FORMATS", formats)
    inner = Sequential([LSTM(3, return_sequences=True, name="first"), LSTM(3, name="second"), Dense(2)], name="inner")
    model = Sequential([Input((None,), dtype="int64"), Embedding(9, 2, mask_zero=True), inner, Dense(1)], name="m")
    message = r"^Model `m` cannot be exported, because of layer `first` \(LSTM\): no such operator$"
    with pytest.raises(RuntimeError, match=message):
        model.export(tmp_path / "model", format="some", example=torch.ones(2, 4, dtype=torch.int64))
    assert not [*tmp_path.iterdir()]
    _stack().export(tmp_path / "model", format="some")
    assert (tmp_path / "model").read_bytes() == b"written"
    with pytest.raises(RuntimeError, match=r"because of layer `dense.*` \(Dense\): 'NoneType'"):
        Sequential([Input((2,)), Dense(1)]).export(tmp_path / "other", format="none")


def test_ncnn_runs_one_row_of_numbers(tmp_path: Path) -> None:
    message = r"^'ncnn' has no axis for rows: give an `example` of one row, got \[\(3, 7, 2\)\]\.$"
    with pytest.raises(ValueError, match=message):
        ncnn.convert(_stack(), torch.randn(3, 7, 2), tmp_path / "model.param")
    with pytest.raises(ValueError, match=r"^'ncnn' takes inputs of float32 and integers, got torch\.float64\.$"):
        ncnn.convert(_stack().double(), torch.randn(1, 7, 2, dtype=torch.float64), tmp_path / "model.param")


def test_a_library_that_is_not_there_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", refuse)
    message = r"Format 'litert' takes the library `litert_torch`: `pip install \"torch-keras-lstm\[deploy\]\"`"
    with pytest.raises(ImportError, match=message):
        _stack().export(tmp_path / "model.tflite", format="litert")
    assert not [*tmp_path.iterdir()]
