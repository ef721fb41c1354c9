"""Files of Keras 3.16 and later go by other rules than those before, and so do the models made from them."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.conversion.handmade import entry
from torch_keras_lstm import losses
from torch_keras_lstm.conversion import inspect
from torch_keras_lstm.conversion.dialects import translate
from torch_keras_lstm.conversion.producer import Generation, Producer
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Attention,
    Bidirectional,
    ConvLSTM1D,
    Dense,
    Input,
    Layer,
    LSTMCell,
    Masking,
    SimpleRNN,
    TimeDistributed,
)
from torch_keras_lstm.models import Model, Sequential, clone_model, load_model, model_from_json

OVER_TIME: dict[str, Callable[..., Layer]] = {
    "LSTM": lambda **rule: LSTM(2, return_sequences=True, **rule),
    "GRU": lambda **rule: GRU(2, return_sequences=True, **rule),
    "SimpleRNN": lambda **rule: SimpleRNN(2, return_sequences=True, **rule),
    "RNN": lambda **rule: RNN(LSTMCell(2), return_sequences=True, **rule),
    "Bidirectional": lambda **rule: Bidirectional(LSTM(2, return_sequences=True), **rule),
    "TimeDistributed": lambda **rule: TimeDistributed(Dense(2), **rule),
}
ENDING: dict[str, Any] = {"ends_mask": True}
EVER_SINCE = [("3.0.5", False), ("3.15.1", False), ("3.16.0.dev2026102704", True), ("3.16.0", True), ("3.20", True)]
x = torch.randn(3, 6, 3, generator=torch.Generator().manual_seed(1))
x[0, 3:] = x[1, :2] = 0


def model(**rule: Any) -> Sequential:
    first, second = LSTM(4, return_sequences=True, **rule), TimeDistributed(Dense(3), **rule)
    return Sequential([Input((6, 3)), Masking(), first, second, LSTM(2, **rule)]).eval()


@pytest.mark.parametrize(("version", "holds"), EVER_SINCE)
@pytest.mark.parametrize("class_name", [*OVER_TIME, "ConvLSTM2D", "Attention", "AdditiveAttention", "Dense"])
def test_the_rules_follow_the_version(class_name: str, version: str, holds: bool) -> None:
    arguments = translate(class_name, {}, Producer(Generation.KERAS_3, version), "Layer `a`")[1]
    rule = "unseen_gives_zeros" if "Attention" in class_name else "ends_mask"
    assert arguments.get(rule, False) is (holds and class_name != "Dense")


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize("class_name", OVER_TIME)
def test_a_mask_ends_at_a_layer_that_heeds_it(class_name: str) -> None:
    ending = OVER_TIME[class_name](ends_mask=True).eval()
    assert not ending.supports_masking
    twin = type(ending).from_config(ending.get_config()).eval()
    other = OVER_TIME[class_name]().eval()
    masked = Masking()(x)
    for layer in (ending, twin, other):
        layer.build(x.shape)
        layer.set_weights([np.linspace(-1, 1, weight.size).reshape(weight.shape) for weight in layer.get_weights()])
    outputs = [layer(masked) for layer in (ending, twin, other)]
    assert [hasattr(output, "_keras_mask") for output in outputs] == [False, False, True]
    assert torch.equal(outputs[0], outputs[2])
    assert torch.equal(outputs[1], outputs[2])
    source = Input((6, 3))
    assert OVER_TIME[class_name](ends_mask=True)(Masking()(source)).mask is None
    assert OVER_TIME[class_name]()(Masking()(source)).mask is not None


def test_a_new_layer_warns_that_the_mask_ends() -> None:
    with pytest.warns(UserWarning, match=r"Layer 'mine' \(of type LSTM\) was passed an input with a mask"):
        LSTM(2, return_sequences=True, name="mine", **ENDING)(Masking()(x))
    assert not ConvLSTM1D(2, 3, **ENDING).supports_masking


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize("name", ["m.keras", "m.h5", "folder"])
def test_what_is_saved_keeps_the_meaning_it_had(name: str, tmp_path: Path) -> None:
    ending = model(ends_mask=True)
    other = model()
    other.set_weights(ending.get_weights())
    assert not torch.equal(ending(x), other(x))
    for number, saved in enumerate((ending, other)):
        path = tmp_path / f"{number}{name}"
        saved.save(path)
        again = load_model(path)
        assert torch.equal(again(x), saved(x))
        again.save(path)
        assert torch.equal(load_model(path)(x), saved(x))
        if name != "folder":
            assert version_in(path) == ("3.16.0", "3.15.1")[number]
            assert b"ends_mask" not in path.read_bytes()
        assert torch.equal(with_weights(model_from_json(saved.to_json()), saved)(x), saved(x))


def version_in(path: Path) -> str:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return str(json.loads(archive.read("metadata.json"))["keras_version"])
    with h5py.File(path) as file:
        versions = {file.attrs["keras_version"], file["model_weights"].attrs["keras_version"]}
    (version,) = versions
    return str(version)


def with_weights(made: Model, like: Model) -> Model:
    made.set_weights(like.get_weights())
    return made.eval()


def test_no_file_has_both_rules(tmp_path: Path) -> None:
    mixed = Sequential([Input((6, 3)), LSTM(4, return_sequences=True, name="new", **ENDING), LSTM(2, name="old")])
    with pytest.raises(
        ValueError, match=r"Layer `new` .* goes by a rule of Keras 3\.16, layer `old` by that of earlier ones"
    ):
        mixed.save(tmp_path / "model.keras")
    mixed.eval().save(tmp_path / "folder")
    assert torch.equal(load_model(tmp_path / "folder")(x), mixed(x))


class Mine(LSTM):
    """A layer of one's own that hands its arguments on."""


class Narrow(LSTM):
    """One that does not."""

    def __init__(self, units: int, name: str | None = None, return_sequences: bool = False) -> None:
        super().__init__(units, name=name, return_sequences=return_sequences)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "units": self.units, "return_sequences": self.return_sequences}


class Holder(Layer):
    """One that makes layers itself."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.inner = LSTM(3, return_sequences=True)
        self.attention = Attention()

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        states = self.inner(inputs)
        attended: torch.Tensor = self.attention([states, states])
        return attended


OWN = {"Mine": Mine, "Narrow": Narrow, "Holder": Holder}


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize(("version", "holds"), [("3.15.1", False), ("3.16.0", True)])
def test_layers_of_ones_own_go_by_them(version: str, holds: bool, tmp_path: Path) -> None:
    layers = [entry("InputLayer", "i", batch_shape=[None, 6, 3], dtype="float32")]
    layers += [entry(name, name, units=2, return_sequences=True) for name in ("Mine", "Narrow")]
    layers += [entry("Holder", "Holder")]
    root = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "keras_version": version}
    (tmp_path / "a.json").write_text(json.dumps(root))
    made = load_model(tmp_path / "a.json", weights=False, custom_objects=OWN)
    made(x)
    rules_in = rules(made)
    assert rules_in == [holds] * 4
    made.save(tmp_path / "folder")
    made.save(tmp_path / "m.keras")
    assert rules(load_model(tmp_path / "folder", custom_objects=OWN)) == rules_in
    assert rules(load_model(tmp_path / "m.keras", custom_objects=OWN)) == rules_in
    assert rules(clone_model(made)) == rules_in
    told = Narrow.from_config({"units": 2, "ends_mask": holds})  # as a class writes it that says what its base says
    assert told.ends_mask is holds
    assert not LSTM(2).ends_mask


def rules(model: Model) -> list[bool]:
    layers: list[Any] = list(model.layers)
    mine, narrow, holder = layers
    return [mine.ends_mask, narrow.ends_mask, holder.inner.ends_mask, holder.attention.unseen_gives_zeros]


def in_graph(**keywords: Any) -> dict[str, Any]:
    """The JSON of a functional model with a recurrent layer, whose call has these keywords."""
    history = {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
    layers = [
        {**entry("InputLayer", "i", batch_shape=[None, 6, 3], dtype="float32"), "name": "i", "inbound_nodes": []},
        {
            **entry("LSTM", "a", units=2),
            "name": "a",
            "build_config": {"input_shape": [None, 6, 3]},
            "inbound_nodes": [{"args": [history], "kwargs": keywords}],
        },
    ]
    config = {"name": "f", "layers": layers, "input_layers": ["i", 0, 0], "output_layers": ["a", 0, 0]}
    return {"module": "keras", "class_name": "Functional", "config": config}


def in_row(class_name: str, **arguments: Any) -> dict[str, Any]:
    """The JSON of a row with a recurrent layer behind a mask."""
    layers = [
        entry("InputLayer", "i", batch_shape=[None, 6, 3], dtype="float32"),
        entry("Masking", "m"),
        {**entry(class_name, "a", units=2, **arguments), "build_config": {"input_shape": [None, 6, 3]}},
    ]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": layers}}


@pytest.mark.parametrize(
    ("root", "holds"),
    [
        (in_graph(training=False, mask=None), False),
        (in_graph(), True),
        (in_row("SimpleRNN"), False),
        (in_row("SimpleRNN", seed=None), True),
        (in_row("LSTM", seed=None), False),
    ],
)
def test_a_description_without_a_version_tells_by_its_spelling(root: dict[str, Any], holds: bool) -> None:
    made: Any = model_from_json(json.dumps(root))
    assert made.layers[-1].ends_mask is holds


@pytest.mark.parametrize(("version", "said"), [(None, 1), ("3.15.1", 0), ("3.16.0", 0)])
def test_what_no_file_tells_is_said(version: str | None, said: int, tmp_path: Path) -> None:
    root = in_row("LSTM") | ({} if version is None else {"keras_version": version})
    (tmp_path / "a.json").write_text(json.dumps(root))
    notes = [note for note in inspect(tmp_path / "a.json").notes if "which Keras 3 wrote it" in note]
    assert len(notes) == said
    assert all('`"keras_version": "3.16.0"`' in note for note in notes)


def test_a_query_that_sees_no_key() -> None:
    mask = [None, torch.tensor([[True, True], [False, False]])]
    query, value = torch.randn(2, 3, 4), torch.randn(2, 2, 4)
    old, new = Attention(), Attention.from_config({"unseen_gives_zeros": True})
    assert torch.equal(new([query, value], mask=mask)[0], old([query, value], mask=mask)[0])
    assert old([query, value], mask=mask)[1].abs().min() > 0
    assert not new([query, value], mask=mask)[1].any()
    assert Attention.from_config(new.get_config()).unseen_gives_zeros
    assert "unseen_gives_zeros" not in old.get_config()


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask")
@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_the_weights_of_tversky_changed_their_names(name: str, tmp_path: Path) -> None:
    """What a file of 3.16 calls alpha was beta before, in both directions."""
    written = {}
    for rule in (True, False):
        saved = model(ends_mask=rule)
        saved.compile(loss=losses.Tversky(alpha=0.3, beta=0.9))
        saved.save(tmp_path / name)
        loaded = load_model(tmp_path / name)
        assert (loaded.loss.alpha, loaded.loss.beta) == (0.3, 0.9)
        written[rule] = loss_in(tmp_path / name)
    assert (written[True]["alpha"], written[True]["beta"]) == (0.9, 0.3)
    assert (written[False]["alpha"], written[False]["beta"]) == (0.3, 0.9)


def loss_in(path: Path) -> dict[str, Any]:
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))["compile_config"]
    else:
        with h5py.File(path) as file:
            config = json.loads(file.attrs["training_config"])
    found: dict[str, Any] = config["loss"]["config"]
    return found


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("ignored", [None, 1])
def test_label_smoothing_of_class_numbers(from_logits: bool, ignored: int | None) -> None:
    """The same as of shares, whose loss smooths them itself."""
    y_true, y_pred = torch.tensor([0, 2, 1, 2]), torch.rand(4, 3) + 0.1
    keywords: dict[str, Any] = {"from_logits": from_logits, "label_smoothing": 0.3}
    expected = losses.categorical_crossentropy(torch.eye(3)[y_true], y_pred, **keywords)
    loss = losses.SparseCategoricalCrossentropy(ignore_class=ignored, reduction=None, **keywords)
    if ignored is not None:
        expected = torch.where(y_true == ignored, 0, expected)
    torch.testing.assert_close(loss(y_true, y_pred), expected)
    assert losses.SparseCategoricalCrossentropy.from_config(loss.get_config()).get_config() == loss.get_config()
    assert "label_smoothing" not in losses.SparseCategoricalCrossentropy().get_config()
