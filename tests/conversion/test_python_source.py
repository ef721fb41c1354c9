"""A model written as plain PyTorch computes what it computed, where this package cannot be imported."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conversion.handmade import keras_2_lstm, lstm_weights, sequential, write_legacy
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import convert_to_source, load_model
from torch_keras_lstm.conversion.python_source import source_of
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    Activation,
    Add,
    Attention,
    Average,
    AveragePooling1D,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvLSTM2D,
    Cropping1D,
    Dense,
    Dot,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Lambda,
    Layer,
    LayerNormalization,
    LeakyReLU,
    Masking,
    MaxPooling1D,
    MaxPooling2D,
    Multiply,
    Normalization,
    Permute,
    PReLU,
    ReLU,
    RepeatVector,
    Rescaling,
    Reshape,
    SimpleRNN,
    Softmax,
    Subtract,
    TimeDistributed,
    UpSampling1D,
    ZeroPadding1D,
)
from torch_keras_lstm.models import Functional, Model, Sequential

# Runs a folder's model on inputs beside it; nothing of this package is to be had there.
_ALONE = """
import sys
sys.modules["torch_keras_lstm"] = None
sys.path.insert(0, sys.argv[1])
import torch
import model
from pathlib import Path

found = Path(model.__file__).parent
run = model.load()
outputs = [run(*inputs) for inputs in torch.load(found / "inputs.pt")]
torch.save([[one] if isinstance(one, torch.Tensor) else list(one) for one in outputs], found / "outputs.pt")
print({name.split(".")[0] for name in sys.modules} & {"numpy", "keras", "safetensors", "h5py"} - {"numpy"})
"""


def _alone(model: Model, folder: Path, *calls: list[torch.Tensor]) -> list[list[torch.Tensor]]:
    """What ``model.py`` answers to each call, in a process of its own."""
    folder.mkdir(exist_ok=True)
    text, state = source_of(model, "A model")
    (folder / "model.py").write_text(text)
    torch.save(state, folder / "model.pt")
    torch.save([*calls], folder / "inputs.pt")
    done = subprocess.run([sys.executable, "-I", "-c", _ALONE, folder], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
    outputs: list[list[torch.Tensor]] = torch.load(folder / "outputs.pt")
    return outputs


def _here(model: Model, folder: Path) -> Any:
    """The ``Model`` of the text, in this process."""
    text, state = source_of(model, "A model")
    assert "torch_keras_lstm" not in text.partition('"""\n')[2].partition('"""')[2]
    scope: dict[str, Any] = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec(compile(text, "model.py", "exec"), scope)
    torch.save(state, folder / "model.pt")
    return scope["load"]()


def _agree(got: torch.Tensor | None, expected: torch.Tensor | None) -> None:
    assert got is not None
    assert expected is not None
    assert_close(got.detach(), expected.detach(), "float32 model")


def _random(model: Model) -> Model:
    """The model with other numbers in every weight."""
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    for name, buffer in model.named_buffers():
        if "running" in name:
            torch.nn.init.uniform_(buffer, 0.5, 2.0)
    return model.eval()


NUMBERS = (3, 7, 5)
SHAPES = (5,)

ONE_INPUT: dict[str, Callable[[], list[Layer]]] = {
    "LSTM, sequences": lambda: [LSTM(4, return_sequences=True)],
    "LSTM, last": lambda: [LSTM(4)],
    "LSTM, backwards": lambda: [LSTM(4, go_backwards=True, return_sequences=True)],
    "LSTM, no bias": lambda: [LSTM(4, use_bias=False)],
    "LSTM, activations": lambda: [LSTM(4, activation="elu", recurrent_activation="hard_sigmoid")],
    "LSTM, masked": lambda: [Masking(), LSTM(4, return_sequences=True), LSTM(3)],
    "LSTM, masked and backwards": lambda: [Masking(), LSTM(4, go_backwards=True)],
    "GRU": lambda: [GRU(4, return_sequences=True), GRU(3)],
    "GRU, reset before": lambda: [GRU(4, reset_after=False)],
    "GRU, activations": lambda: [GRU(4, activation="relu", use_bias=False)],
    "GRU, masked": lambda: [Masking(), GRU(4)],
    "SimpleRNN": lambda: [SimpleRNN(4, return_sequences=True), SimpleRNN(3, activation="relu")],
    "SimpleRNN, activations": lambda: [SimpleRNN(4, activation="sigmoid", use_bias=False)],
    "SimpleRNN, masked": lambda: [Masking(), SimpleRNN(4, return_sequences=True)],
    "Bidirectional": lambda: [Bidirectional(LSTM(4, return_sequences=True)), Bidirectional(GRU(3), merge_mode="ave")],
    "Bidirectional, masked": lambda: [Masking(), Bidirectional(LSTM(4, return_sequences=True)), Bidirectional(LSTM(2))],
    "Bidirectional, other merges": lambda: [
        Bidirectional(LSTM(4, return_sequences=True), merge_mode="mul"), Bidirectional(LSTM(2), merge_mode="sum"),
    ],
    "TimeDistributed": lambda: [TimeDistributed(Dense(4, activation="softmax")), TimeDistributed(Dense(3))],
    "means of what counts": lambda: [Masking(), LSTM(4, return_sequences=True), GlobalAveragePooling1D()],
    "softmax of what counts": lambda: [Reshape((7, 5)), Permute((2, 1)), Softmax(axis=1)],
    "BatchNormalization": lambda: [BatchNormalization(), Flatten(), BatchNormalization(center=False, epsilon=0.1)],
    "LayerNormalization": lambda: [LayerNormalization(), LayerNormalization(axis=[1, 2], scale=False)],
    "Normalization": lambda: [Normalization(mean=[1.0, 2, 3, 4, 5], variance=[2.0, 1, 3, 5, 4])],
    "convolutions": lambda: [
        Conv1D(4, 3, padding="causal", dilation_rate=2), Conv1D(6, 4, strides=2, padding="same", groups=2),
    ],
    "pooling": lambda: [
        MaxPooling1D(2, padding="same"), AveragePooling1D(3, strides=1, padding="same"), GlobalMaxPooling1D(),
    ],
    "padding": lambda: [ZeroPadding1D((1, 2)), UpSampling1D(2), Cropping1D((2, 1))],
    "activations": lambda: [PReLU(), LeakyReLU(), ReLU(2.0, 0.1, 0.3), Activation("softplus"), Activation("gelu")],
    "other activations": lambda: [Activation("hard_silu"), Rescaling(0.5, 1.0), Activation("log_softmax")],
    "repeated": lambda: [LSTM(4), Dropout(0.5), RepeatVector(6), LSTM(2, return_sequences=True)],
    "dense": lambda: [Dense(4, use_bias=False, activation="selu"), Flatten(), Dense(2, activation="sigmoid")],
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_INPUT)
def test_layers_as_plain_pytorch(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = _random(Sequential([Input(NUMBERS[1:]), *ONE_INPUT[name]()]))
    x = torch.randn(NUMBERS)
    x[0, 2:4] = 0.0  # a gap, and ends, for those that mask
    x[1, 5:] = 0.0
    x[2, 0] = 0.0
    written = _here(model, tmp_path)
    _agree(written(x), model(x))
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    written(ours).square().sum().backward()
    model(theirs).square().sum().backward()
    _agree(ours.grad, theirs.grad)


def test_convolutions_over_space(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = _random(
        Sequential(
            [
                Input((4, 9, 7, 3)),
                ConvLSTM2D(5, (3, 2), strides=2, padding="same", return_sequences=True),
                BatchNormalization(),
                ConvLSTM2D(2, 2, recurrent_activation="hard_sigmoid", go_backwards=True),
                Conv2D(4, 2, activation="relu"),
                MaxPooling2D(2),
            ]
        )
    )
    x = torch.randn(2, 4, 9, 7, 3)
    _agree(_here(model, tmp_path)(x), model(x))


def _graph() -> Functional:
    """Two inputs, shared layers, a model inside, states handed on, two outputs."""
    words, numbers = Input((None,), name="words"), Input((6, 4), name="numbers")
    embedded = Embedding(11, 4, mask_zero=True)(words)
    encoded, hidden, cell = LSTM(4, return_sequences=True, return_state=True)(embedded)
    decoded = LSTM(4, return_sequences=True)(numbers, initial_state=[hidden, cell])
    inner_input = Input((None, 4))
    inner = Functional(inner_input, Dense(4, activation="tanh")(inner_input), name="inner")
    shared = Bidirectional(GRU(2, return_sequences=True))
    first, second = shared(inner(encoded)), shared(inner(decoded))
    attended = Attention(use_scale=True)([second, first])
    joined = Concatenate()([attended, second])
    total = Add()([Multiply()([joined, joined]), Subtract()([joined, Average()([joined, joined])])])
    pooled = GlobalMaxPooling1D()(total)
    likeness = Dot(1, normalize=True)([pooled, Dense(8)(hidden)])
    return Functional([words, numbers], [likeness, Dense(3, name="1 last-layer")(pooled)])


def test_a_graph_where_this_package_is_not(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = _random(_graph())
    x = [torch.tensor([[1, 5, 3, 0, 0], [2, 0, 4, 7, 9]]), torch.randn(2, 6, 4)]
    (found,) = _alone(model, tmp_path / "m", x)
    for ours, expected in zip(found, model(x), strict=True):
        _agree(ours, expected)


def test_states_are_kept(tmp_path: Path) -> None:
    torch.manual_seed(3)
    layers = [LSTM(4, return_sequences=True, stateful=True), GRU(3, stateful=True), Dense(2)]
    model = _random(Sequential([Input(batch_shape=(2, 3, 5)), *layers]))
    written = _here(model, tmp_path)
    for x in torch.randn(3, 2, 3, 5):
        _agree(written(x), model(x))
    model.reset_states()
    written.reset_states()
    _agree(written(x), model(x))


def test_the_text_is_as_one_would_write_it() -> None:
    model = Sequential([Input((None,)), Embedding(9, 4), LSTM(5), Dense(2, activation="softmax")], name="m")
    text, _ = source_of(model, "It")
    body = text[text.index("class Model") : text.index("\n\ndef load")]
    names = [layer.name for layer in model.layers]
    assert (
        body.strip()
        == '''class Model(nn.Module):
    """The model.

    Args of a call:
        x: (batch, any), indices
    """

    def __init__(self) -> None:
        super().__init__()
        self.{0} = nn.Embedding(9, 4)
        self.{1} = nn.LSTM(4, 5, batch_first=True)
        self.{1}.bias_hh_l0.requires_grad_(False)  # zeros: Keras has one bias
        self.{2} = nn.Linear(5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = x.long()
        {0} = self.{0}(x)
        {1}, _ = self.{1}({0})
        {1}_last = {1}[:, -1]
        {2} = softmax(self.{2}({1}_last))
        return {2}'''.format(*names)
    )


def test_double_precision(tmp_path: Path) -> None:
    model = Sequential([Input((3, 5)), LSTM(4)]).double()
    x = torch.randn(2, 3, 5, dtype=torch.float64)
    found = _here(model, tmp_path)(x)
    assert found.dtype is torch.float64
    _agree(found, model(x))


def test_a_name_in_a_file_does_not_become_code(tmp_path: Path) -> None:
    """Names and versions are a stranger's words, in a file that is run. These would end the text that they stand in."""
    random = np.random.default_rng(5)
    name = 'x"""\nno code, of a name\n"""'
    layer = keras_2_lstm(name, 4, batch_input_shape=[None, 6, 3])
    names = (f"{name}/{weight}:0" for weight in ("kernel", "recurrent_kernel", "bias"))
    arrays = dict(zip(names, lstm_weights(random, 3, 4), strict=True))
    version = '2.2.4"""\nno code, of a version\n"""'
    write_legacy(tmp_path / "m.h5", {name: arrays}, config=sequential(layer), keras_version=version)
    convert_to_source(tmp_path / "m.h5", tmp_path / "out")
    text = (tmp_path / "out" / "model.py").read_text()
    assert "\nno code" not in text
    compile(text, "model.py", "exec")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: Lambda(torch.sin, name="sinus"), r"Layer `sinus` \(Lambda\) cannot be written as plain PyTorch yet\."),
        (lambda: Activation("glu", name="gate"), r"Layer `gate` \(Activation\) cannot .*: the activation 'glu'\."),
    ],
)
def test_what_has_no_plain_form(layer: Callable[[], Layer], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        source_of(Sequential([Input((6,)), layer()]), "It")


def test_the_command(tmp_path: Path) -> None:
    model = Sequential([Input((3, 5)), LSTM(4)])
    model.save(tmp_path / "m.keras")
    command = [sys.executable, "-m", "torch_keras_lstm.conversion", "convert", "--source", "--json"]

    def run(*arguments: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)

    done = run(tmp_path / "m.keras", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] == 4 * 4 * (5 + 4 + 1)
    assert sorted(entry.name for entry in (tmp_path / "out").iterdir()) == ["model.pt", "model.py"]
    again = run(tmp_path / "m.keras", "-o", tmp_path / "out")
    assert again.returncode == 1
    assert (
        again.stderr
        == f"error: {tmp_path / 'out'}: holds a model already. Pass `--force` (`force=True`) to replace it.\n"
    )
    assert run(tmp_path / "m.keras", "-o", tmp_path / "out", "--force").returncode == 0
    (tmp_path / "out" / "notes.txt").write_text("mine")
    other = run(tmp_path / "m.keras", "-o", tmp_path / "out", "--force")
    assert "holds something else than a model's source" in other.stderr
    assert load_model(tmp_path / "m.keras") is not None
