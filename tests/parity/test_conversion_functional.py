"""Functional models of every topology, saved live by Keras 3 and tf_keras in each container, converted and compared."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pytest
import tf_keras
import torch

from tests.parity.precision import float64
from tests.tolerances import assert_close
from torch_keras_lstm.conversion import load_model
from torch_keras_lstm.models import Functional, OperationLayer
from torch_keras_lstm.models.graph import flatten

# what a configuration calls an entry
_NAMES = ("module", "class_name", "registered_name", "name")

Array = np.ndarray[Any, np.dtype[Any]]
Build = Callable[[Any, Any], tuple[Any, Any]]

# What the two say of HDF5 files, of outputs in lists of one, and of masks that end where they end.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=[keras, tf_keras], ids=["keras3", "tf_keras"])
def theirs(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    module = request.param
    # Keras 3 would collect garbage, which takes longer than the test; tf_keras does not, and has no such argument.
    module.backend.clear_session(**({"free_memory": False} if module is keras else {}))
    module.utils.set_random_seed(1)
    with float64(module):
        yield module


def _padded(random: np.random.Generator, *shape: int) -> Array:
    values = random.normal(size=shape)
    values[0, -2:] = values[1, :1] = values[2] = 0.0
    return values


def encoder_decoder(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    source, target = k.Input((None, 5), name="source"), k.Input((None, 4), name="target")
    masked = k.layers.Masking(name="mask")(source)
    _, hidden, cell = k.layers.LSTM(3, return_state=True, recurrent_activation="hard_sigmoid", name="enc")(masked)
    decoded = k.layers.LSTM(3, return_sequences=True, name="dec")(target, initial_state=[hidden, cell])
    model = k.Model([source, target], k.layers.Dense(2, name="out")(decoded), name="translate")
    return model, [_padded(random, 4, 7, 5), random.normal(size=(4, 6, 4))]


def states_of_a_masked_input(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """A recurrent layer with an initial state gets no mask in Keras 3, and one in Keras 2; those after it in both."""
    x, hidden, cell = k.Input((7, 5)), k.Input((3,)), k.Input((3,))
    masked = k.layers.Masking()(x)
    first = k.layers.LSTM(3, return_sequences=True)(masked, initial_state=[hidden, cell])
    both = k.layers.Bidirectional(k.layers.LSTM(3))(first, initial_state=[hidden, cell, cell, hidden])
    second = k.layers.LSTM(2)(first)
    return k.Model([x, hidden, cell], [first, both, second]), [
        _padded(random, 4, 7, 5),
        random.normal(size=(4, 3)),
        random.normal(size=(4, 3)),
    ]


def siamese(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    left, right = k.Input((6, 5), name="left"), k.Input((6, 5), name="right")
    embed, head = k.layers.LSTM(4, name="embed"), k.layers.Dense(3, name="head")
    a, b = embed(left), embed(right)
    difference = a - b
    return k.Model([left, right], [head(difference * difference), head(a)]), [
        random.normal(size=(3, 6, 5)),
        random.normal(size=(3, 6, 5)),
    ]


def nested_twice(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """A frozen first layer stands last in legacy files; the nested models' calls count from 1 in Keras 2."""
    x = k.Input((6, 5), name="x")
    first, second = k.layers.LSTM(4, return_sequences=True, name="s1"), k.layers.LSTM(4, name="s2")
    stack = k.Sequential([k.Input((6, 5)), first, k.layers.LSTM(5, return_sequences=True), second], name="stack")
    first.trainable = False
    given = k.Input((4,), name="given")
    hidden = k.layers.Dense(4, name="hidden")(given)
    split = k.Model(given, [hidden, k.layers.Dense(4, name="further")(hidden)], name="split")
    once, twice = split(stack(x)), split(stack(x * 2.0))
    return k.Model(x, [once[0] + twice[1], once[1] - twice[0]]), random.normal(size=(3, 6, 5))


def dictionaries(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    words, numbers = k.Input((6,), dtype="int32", name="words"), k.Input((2,), name="numbers")
    vectors = k.layers.Embedding(9, 4, mask_zero=True, name="vectors")(words)
    deep = k.layers.LSTM(3, return_sequences=True, name="deep")(vectors)
    both = k.layers.Bidirectional(k.layers.LSTM(2, return_sequences=True), merge_mode="sum", name="both")(deep)
    last = k.layers.LSTM(3, go_backwards=True, name="last")(both)
    wide = k.layers.Dense(3, activation="tanh", name="wide")(numbers)
    model = k.Model({"words": words, "numbers": numbers}, {"zeta": last * wide, "alpha": both})
    ids = random.integers(1, 9, size=(4, 6)) * (np.arange(6) < [[6], [3], [0], [5]])
    return model, {"words": ids.astype("int32"), "numbers": random.normal(size=(4, 2))}


def operations(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    x = k.Input((6, 5))
    sequence = k.layers.LSTM(4, return_sequences=True)(x)
    last, rest = sequence[:, -1], sequence[:, 1:4, ::2]
    return k.Model(x, [(1.0 - last) / 2.0, rest * 3.0]), random.normal(size=(3, 6, 5))


def model_at_every_step(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    step = k.Input((5, 3), name="step")
    inner = k.Model(step, k.layers.LSTM(4, name="inner")(step), name="each")
    x, y = k.Input((2, 5, 3)), k.Input((3,))
    steps = k.layers.TimeDistributed(inner, name="steps")(x)
    return k.Model([x, y], [k.layers.LSTM(2)(steps), k.layers.Dense(2)(y)]), [
        random.normal(size=(3, 2, 5, 3)),
        random.normal(size=(3, 3)),
    ]


def residual_with_attention(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    """Masks meet in merging layers; attention takes its inputs in a list or as arguments of their own."""
    x, y = k.Input((6, 4), name="queries"), k.Input((7, 4), name="memory")
    masked = k.layers.Masking(name="mask")(x)
    first = k.layers.LSTM(4, return_sequences=True, name="first")(masked)
    added = k.layers.Add(name="added")([masked, first])
    summed = k.layers.LSTM(3, name="summed")(added)
    attended = k.layers.MultiHeadAttention(3, 4, name="heads")(added, y, key=k.layers.Dense(4)(y))
    attention = k.layers.Attention(use_scale=True, name="attention")([attended, y])
    joined = k.layers.Concatenate(name="joined")([attention, first])
    return k.Model([x, y], [summed, joined]), [_padded(random, 4, 6, 4), random.normal(size=(4, 7, 4))]


def plain_chain(k: Any, random: np.random.Generator) -> tuple[Any, Any]:
    x = k.Input((7,), dtype="int32", name="words")
    embedded = k.layers.Embedding(11, 5, mask_zero=True, name="table")(x)
    last = k.layers.LSTM(4, dropout=0.5, name="last")(embedded)
    return k.Model(x, k.layers.Dense(3, name="out")(last)), random.integers(0, 3, (4, 7))


TOPOLOGIES: tuple[Build, ...] = (
    plain_chain,
    encoder_decoder,
    states_of_a_masked_input,
    siamese,
    nested_twice,
    dictionaries,
    operations,
    model_at_every_step,
    residual_with_attention,
)


def _save(model: Any, container: str, folder: Path) -> tuple[Path, Path | None]:
    if container != "json":
        path = folder / f"model.{container}"
        model.save(path)
        return path, None
    (folder / "model.json").write_text(model.to_json())
    weights = folder / "model.weights.h5"
    model.save_weights(weights)
    return folder / "model.json", weights


def _numbers(outputs: Any) -> list[Array]:
    return [np.asarray(output.detach() if isinstance(output, torch.Tensor) else output) for output in flatten(outputs)]


def _tensors(inputs: Any) -> Any:
    if isinstance(inputs, dict):
        return {name: torch.from_numpy(values) for name, values in inputs.items()}
    return [*map(torch.from_numpy, inputs)] if isinstance(inputs, list) else torch.from_numpy(inputs)


@pytest.mark.parametrize("build", TOPOLOGIES, ids=lambda build: build.__name__)
def test_topology_matches_keras(build: Build, theirs: Any, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    model, inputs = build(theirs, random)
    model.set_weights([random.normal(scale=0.6, size=weight.shape) for weight in model.get_weights()])
    expected = model(inputs)
    for container in ("h5", "keras", "json"):
        ours = load_model(*_save(model, container, tmp_path))
        assert isinstance(ours, Functional)
        outputs = ours(_tensors(inputs))
        assert type(outputs) is (torch.Tensor if not isinstance(expected, list | dict) else type(expected))
        for index, (got, want) in enumerate(zip(_numbers(outputs), _numbers(expected), strict=True)):
            assert_close(got, want, "float64", f"output {index} from {container}")


@pytest.mark.parametrize("build", [plain_chain, operations], ids=lambda build: build.__name__)
def test_layers_and_operations_have_the_names_of_keras(build: Build, tmp_path: Path) -> None:
    """In the model, in what its ``summary`` begins with, and in its configuration, which either reads."""
    random = np.random.default_rng(3)
    keras.backend.clear_session(free_memory=False)
    model, inputs = build(keras, random)
    lines: list[str] = []
    model.summary(print_fn=lambda line, line_break=False: lines.append(line))
    for container in ("h5", "keras", "json"):
        ours = load_model(*_save(model, container, tmp_path))
        layers = [layer.name for layer in ours.layers if not isinstance(layer, OperationLayer)]
        assert layers == [layer.name for layer in model.layers]
        shown: list[str] = []
        ours.summary(print_fn=shown.append)
        assert shown[0].splitlines()[0] == lines[0].splitlines()[0]
        config, theirs = ours.get_config(), model.get_config()
        # The comparison that gives a mask, which Keras writes down, follows here from the layer.
        entries = [entry for entry in theirs["layers"] if entry["class_name"] != "NotEqual"]
        for got, want in zip(config["layers"], entries, strict=True):
            assert {name: got[name] for name in _NAMES} == {name: want[name] for name in _NAMES}
        for again in (Functional.from_config(config), Functional.from_config(theirs)):
            again.set_weights(model.get_weights())
            for got, want in zip(_numbers(again(_tensors(inputs))), _numbers(model(inputs)), strict=True):
                assert_close(got, want, "float32 model")
        keras.Model.from_config(config)


@pytest.mark.parametrize("container", ["keras", "h5"])
def test_a_layer_inside_a_nested_model_and_outside_of_it_is_stored_once(
    theirs: Any, container: str, tmp_path: Path
) -> None:
    both, given = theirs.layers.LSTM(4, name="both"), theirs.Input((6, 5))
    inner = theirs.Model(given, theirs.layers.Dense(3)(both(given)), name="inner")
    x, y = theirs.Input((6, 5)), theirs.Input((6, 5))
    model = theirs.Model([x, y], [inner(x), both(y)])
    path = tmp_path / f"model.{container}"
    model.save(path)
    inputs = [np.random.default_rng(seed).normal(size=(3, 6, 5)) for seed in (1, 2)]
    outputs = load_model(path)(_tensors(inputs))
    for got, want in zip(_numbers(outputs), _numbers(model(inputs)), strict=True):
        assert_close(got, want, "float64")


def test_a_call_with_training_true_drops_for_ever(theirs: Any, tmp_path: Path) -> None:
    """Keras 3 keeps it in ``model(x)``, but ``predict`` overrules it; here it stands."""
    x = theirs.Input((300,))
    model = theirs.Model(x, theirs.layers.Dropout(0.25)(x, training=True))
    path = tmp_path / "model.h5"
    model.save(path)
    ours, ones = load_model(path).eval(), np.ones((2, 300))
    for outputs in (_numbers(model(ones))[0], _numbers(ours(torch.from_numpy(ones)))[0]):
        assert set(np.round(outputs, 9).flat) == {0.0, round(4 / 3, 9)}


def test_a_masked_lstm_of_keras_3_drops_in_training_alone(tmp_path: Path) -> None:
    """Keras 3 writes ``training=False`` beside the mask, and does not mean it."""
    x = keras.Input((7, 5))
    model = keras.Model(x, [keras.layers.LSTM(3, dropout=0.5)(keras.layers.Masking()(x)), x])
    path = tmp_path / "model.keras"
    model.save(path)
    ours, values = load_model(path), torch.randn(4, 7, 5)
    assert torch.equal(ours(values)[0], ours(values)[0])
    assert not torch.equal(ours.train()(values)[0], ours(values)[0])
