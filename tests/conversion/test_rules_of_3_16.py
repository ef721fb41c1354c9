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
from torch_keras_lstm.models import Model, Sequential, load_model, model_from_json

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


def test_a_layer_of_ones_own_goes_by_them_if_it_takes_their_names(tmp_path: Path) -> None:
    layers = [entry("InputLayer", "i", batch_shape=[None, 6, 3], dtype="float32")]
    layers += [entry(name, name, units=2, return_sequences=True) for name in ("Mine", "Narrow")]
    root = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "keras_version": "3.16.0"}
    (tmp_path / "a.json").write_text(json.dumps(root))
    made = load_model(tmp_path / "a.json", weights=False, custom_objects={"Mine": Mine, "Narrow": Narrow})
    assert [layer.ends_mask for layer in made.layers] == [True, False]


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
