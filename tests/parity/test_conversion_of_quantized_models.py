"""Quantized models and updates of low rank that Keras wrote: the numbers that its layers compute with."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import torch
from keras.quantizers import AWQConfig, GPTQConfig, Int4QuantizationConfig, Int8QuantizationConfig

from tests.tolerances import largest_error
from torch_keras_lstm.conversion import inspect, load_model, load_weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method implemented:UserWarning"),
    pytest.mark.filterwarnings("ignore:Invalid quantization mode:UserWarning"),  # of an Embedding in a GPTQ model
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file:UserWarning"),
]

B, F, T, TOKENS = 4, 7, 6, 11
FLOAT32 = 3e-6

# What quantizes the weights alone, so that nothing but rounding to float32 lies between Keras and what is read.
OF_WEIGHTS = {
    "int8": lambda: Int8QuantizationConfig(activation_quantizer=None),
    "int4": lambda: Int4QuantizationConfig(block_size=None),
    "int4 by blocks": lambda: Int4QuantizationConfig(block_size=3),
    "int4 in one block": lambda: Int4QuantizationConfig(block_size=128),
}


@pytest.fixture(autouse=True)
def _float32() -> Iterator[None]:
    keras.config.set_dtype_policy("float32")
    yield
    keras.config.set_dtype_policy("float32")


def _random_weights(model: Any, seed: int = 3) -> None:
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(size=weight.shape) for weight in model.get_weights()])


def _model() -> Any:
    """Each kind of layer that Keras quantizes, sizes odd and even, with a bias and without."""
    layers = keras.layers
    numbers, tokens = keras.Input((F,)), keras.Input((T,), dtype="int32")
    table = layers.ReversibleEmbedding(TOKENS, 5, tie_weights=False, name="back")
    tied = layers.ReversibleEmbedding(TOKENS, 5, name="tied")
    x = layers.Dense(5, name="odd")(numbers)
    x = layers.Dense(6, use_bias=False, name="even")(x)
    x = layers.Reshape((2, 3))(x)
    x = layers.EinsumDense("abc,cde->aebd", (4, 2, 5), bias_axes="e", name="turned")(x)
    x = layers.Reshape((8, 5))(x)
    x = layers.MultiHeadAttention(2, 3, name="attention")(x, layers.Embedding(TOKENS, 5, name="table")(tokens))
    last = layers.Dense(1, name="one")(layers.Flatten()(x))
    outputs = [last, table(tokens), table(x, reverse=True), tied(x, reverse=True), tied(tokens)]
    model = keras.Model([numbers, tokens], outputs)
    _random_weights(model)
    return model


def _inputs() -> list[Any]:
    random = np.random.default_rng(4)
    return [random.normal(size=(B, F)).astype("f4"), random.integers(0, TOKENS, size=(B, T))]


def _answers(path: Path, inputs: list[Any]) -> list[Any]:
    given = [torch.from_numpy(one) for one in inputs]
    outputs = load_model(path)(given if len(given) > 1 else given[0])
    return [one.detach().numpy() for one in (outputs if isinstance(outputs, list | tuple) else [outputs])]


@pytest.mark.parametrize("kind", OF_WEIGHTS)
def test_weights_in_fewer_bits(kind: str, tmp_path: Path) -> None:
    model, inputs = _model(), _inputs()
    expected = [np.asarray(one) for one in model(inputs)]
    model.quantize(config=OF_WEIGHTS[kind]())
    quantized = [np.asarray(one) for one in model(inputs)]
    assert largest_error(quantized[0], expected[0]) > 1e-3
    for name in ("m.keras", "m.h5"):
        model.save(tmp_path / name)
        for got, wanted in zip(_answers(tmp_path / name, inputs), quantized, strict=True):
            assert largest_error(got, wanted) <= FLOAT32
        report = inspect(tmp_path / name)
        assert report.problem is None
        names = "`odd`, `even`, `turned`, `table`, `attention`, `one`, `back`, `tied`"
        (note,) = report.notes
        assert note.startswith(f"Quantized weights are read as the numbers that they stand for: {kind[:4]} (")
        assert sorted(note[note.index("(") + 1 : -2].split(", ")) == sorted(names.split(", "))
    model.save_weights(tmp_path / "q.weights.h5")
    again = load_model(tmp_path / "m.keras")
    before = again.get_weights()
    again.set_weights([0 * weight for weight in before])
    load_weights(again, tmp_path / "q.weights.h5")
    assert all(np.array_equal(one, other) for one, other in zip(again.get_weights(), before, strict=True))


def test_int8_rounds_inputs_in_keras_alone(tmp_path: Path) -> None:
    """By default Keras rounds what comes into an int8 layer as well, to 127 steps of its largest value."""
    model = keras.Sequential([keras.Input((F,)), keras.layers.Dense(5)])
    _random_weights(model)
    model.quantize("int8")
    x = _inputs()[0]
    model.save(tmp_path / "m.keras")
    (got,) = _answers(tmp_path / "m.keras", [x])
    allowed = np.abs(x).max() / 254 * np.abs(load_model(tmp_path / "m.keras").get_weights()[0]).sum(0).max()
    difference = np.abs(got - np.asarray(model(x))).max()
    assert 0 < difference <= allowed


def test_float8(tmp_path: Path) -> None:
    """The kernel goes through float8 by its scale, and the bias through bfloat16; inputs do so in Keras alone."""
    model = keras.Sequential([keras.Input((F,)), keras.layers.Dense(5), keras.layers.Dense(3, use_bias=False)])
    _random_weights(model)
    model.quantize("float8")
    for layer, scale in zip(model.layers, (0.007, 0.0011), strict=True):
        layer.kernel_scale.assign(scale)
    model.save(tmp_path / "m.keras")
    kernels = [
        np.asarray(
            keras.quantizers.quantize_and_dequantize(layer._kernel, layer.kernel_scale, "float8_e4m3fn", "float32")
        )
        for layer in model.layers
    ]
    bias = np.asarray(keras.ops.cast(keras.ops.cast(model.layers[0].bias, "bfloat16"), "float32"))
    for got, wanted in zip(load_model(tmp_path / "m.keras").get_weights(), [kernels[0], bias, kernels[1]], strict=True):
        assert np.array_equal(got, wanted)
    assert "float8 (`dense" in inspect(tmp_path / "m.keras").notes[0]


def _calibrated(kind: str, bits: int, group: int, path: Path) -> tuple[Any, Any]:
    """A model whose one block is quantized with what Keras calibrates, saved; tokens and what it answers."""
    table = keras.layers.Embedding(TOKENS, 8)
    inside = [
        keras.layers.Dense(5, activation="relu"),
        keras.layers.EinsumDense("abc,cde->abde", (T, 3, 7), bias_axes="de"),
        keras.layers.Reshape((T, 21)),
        keras.layers.Dense(8, use_bias=False),
    ]
    block = keras.Sequential([keras.Input((T, 8)), *inside])
    tokens = keras.Input((T,), dtype="int32")
    model = keras.Model(tokens, block(table(tokens)))
    _random_weights(model)
    random = np.random.default_rng(5)
    given: dict[str, Any] = {
        "dataset": [random.integers(0, TOKENS, (1, T)) for _ in range(4)],
        "tokenizer": len,  # the dataset is of tokens
        "num_samples": 4,
        "sequence_length": T,
        "group_size": group,
        "quantization_layer_structure": {"pre_block_layers": [table], "sequential_blocks": [block]},
    }
    if kind == "gptq":
        config = GPTQConfig(weight_bits=bits, activation_order=group > 0, **given)
    else:
        config = AWQConfig(num_grid_points=3, **given)
    model.quantize(kind, config=config)
    config.quantization_layer_structure = None  # Keras cannot save it
    model.save(path)
    x = random.integers(0, TOKENS, (B, T))
    return x, np.asarray(model(x))


@pytest.mark.parametrize(("kind", "bits", "group"), [("gptq", 4, 3), ("gptq", 8, -1), ("awq", 4, 3)])
def test_calibrated(kind: str, bits: int, group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the zero points, which Keras 3.13 writes and 3.14 and 3.15 do not."""
    path = tmp_path / "m.keras"
    for layer in (keras.layers.Dense, keras.layers.EinsumDense):
        original = layer._get_kernel_with_merged_lora

        def with_zero(self: Any, original: Any = original) -> Any:
            return (*original(self)[:2], self.kernel_zero)

        monkeypatch.setattr(layer, "_get_kernel_with_merged_lora", with_zero)
    x, expected = _calibrated(kind, bits, group, path)
    assert largest_error(_answers(path, [x])[0], expected) <= FLOAT32
    assert kind.upper() in inspect(path).notes[0]


def test_without_zero_points_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    _calibrated("gptq", 4, 3, path)
    with pytest.raises(
        ValueError, match=r"`dense.*is quantized by GPTQ, and its zero points are not in the file: Keras"
    ):
        load_model(path)
    assert "zero points" in str(inspect(path).problem)


def test_what_was_not_calibrated_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer in none of the blocks: Keras writes zeros."""
    model = keras.Sequential([keras.Input((F,)), keras.layers.Dense(5, name="outside")])
    dense = keras.layers.Dense
    config = GPTQConfig(dataset=None, tokenizer=None, group_size=3)
    model.layers[0].quantize("gptq", config=config)
    original = dense._get_kernel_with_merged_lora
    monkeypatch.setattr(dense, "_get_kernel_with_merged_lora", lambda self: (*original(self)[:2], self.kernel_zero))
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match=r"weight `kernel` of layer `outside` .* was not calibrated"):
        load_model(tmp_path / "m.keras")


def test_another_way_to_quantize_is_refused_by_name(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((F,)), keras.layers.Dense(5, name="odd")])
    model.quantize("int8")
    model.save(tmp_path / "m.keras")
    for old, new, message in [
        ('"mode": "int8"', '"mode": "int2"', "Layer `odd` is quantized as 'int2', which is not supported: int8, int4"),
        (
            '"QuantizedDTypePolicy"',
            '"TernaryDTypePolicy"',
            "Layer `odd` is quantized by a TernaryDTypePolicy, which is",
        ),
    ]:
        with zipfile.ZipFile(tmp_path / "m.keras") as saved, zipfile.ZipFile(tmp_path / "n.keras", "w") as changed:
            for name in saved.namelist():
                content = saved.read(name)
                changed.writestr(
                    name, content.replace(old.encode(), new.encode()) if name == "config.json" else content
                )
        with pytest.raises(ValueError, match=message):
            load_model(tmp_path / "n.keras")


def _updated() -> Any:
    layers = keras.layers
    tokens = keras.Input((T,), dtype="int32")
    table = layers.Embedding(TOKENS, 5, name="table")
    shared, dense = layers.Dense(6, name="dense"), layers.EinsumDense("abc,cde->abde", (T, 4, 2), name="turned")
    conv = layers.Conv1D(3, 2, name="conv", use_bias=False)
    x = conv(layers.Reshape((T, 8))(dense(shared(table(tokens)))))
    model = keras.Model(tokens, layers.Dense(2, name="plain")(x))
    for layer, rank, alpha in ((table, 2, None), (shared, 3, 5.0), (dense, 2, 0.5), (conv, 2, 3)):
        layer.enable_lora(rank, lora_alpha=alpha)
    _random_weights(model)
    return model


@pytest.mark.parametrize("quantized", [False, True], ids=["float32", "int8"])
def test_updates_of_low_rank(quantized: bool, tmp_path: Path) -> None:
    model, x = _updated(), _inputs()[1]
    if quantized:
        for layer in model.layers:
            if layer.name in ("table", "dense"):
                layer.quantize("int8", config=Int8QuantizationConfig(activation_quantizer=None))
    expected = np.asarray(model(x))
    for name in ("m.h5", "m.keras"):
        model.save(tmp_path / name)
        got = _answers(tmp_path / name, [x])[0]
        # Keras adds the update to int8, and makes int8 of the sum, when it writes `.keras`.
        assert largest_error(got, expected) <= (0.05 if quantized and name == "m.keras" else FLOAT32)
    notes = inspect(tmp_path / "m.h5").notes
    assert "Updates of low rank (LoRA) are added to the weights of `table`, `dense`, `turned`, `conv`." in notes
    assert len(notes) == 1 + quantized
    with h5py.File(tmp_path / "m.h5", "a") as file:
        config = json.loads(file.attrs["model_config"])
        for layer in config["config"]["layers"]:
            for entry in ("lora_alpha", "lora_rank"):
                layer["config"].pop(entry, None)
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(
        ValueError, match=r"`table` has an update of low rank \(LoRA\), .* does not tell its `lora_alpha`"
    ):
        load_model(tmp_path / "m.h5")
