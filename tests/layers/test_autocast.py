"""Every layer under ``torch.autocast``, in both of its types, in training and inference, on every path."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.step_backends import TORCH_OPS, running_on
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    GRUCell,
    Layer,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
)

B, T, F = 3, 4, 4


def floats(*shape: int) -> Callable[[], Any]:
    return lambda: torch.randn(shape)


def pair() -> list[Tensor]:
    return [torch.randn(B, T, F), torch.randn(B, T, F)]


@dataclass(frozen=True)
class Case:
    """A layer and what it is called with."""

    name: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: Callable[[], Any] = floats(B, T, F)  # noqa: RUF009 - a pure function
    masked: bool = False
    twice: bool = False  # whether the inputs are two arguments

    def __str__(self) -> str:
        shown = [self.name, *map(str, self.arguments), *(f"{key}={value}" for key, value in self.options.items())]
        return "-".join([*shown, *["masked"] * self.masked])[:90]


DROPOUTS: tuple[dict[str, Any], ...] = (
    {},
    {"dropout": 0.3},
    {"recurrent_dropout": 0.3},
    {"dropout": 0.3, "implementation": 1},
    {"dropout": 0.2, "recurrent_dropout": 0.3, "go_backwards": True, "return_sequences": True, "return_state": True},
    {"dropout": 0.3, "activation": "relu"},
    {"dropout": 0.3, "stateful": True},
    {"dropout": 0.3, "use_bias": False, "use_cudnn": False},
)
RECURRENT = [
    Case(name, (3,), {key: value for key, value in options.items() if name != "SimpleRNN" or key != "implementation"})
    for name in ("LSTM", "GRU", "SimpleRNN")
    for options in DROPOUTS
]
IMAGES = floats(B, 6, 6, 3)


def pictures() -> Tensor:
    return 255 * torch.rand(B, 6, 6, 3)


OTHERS = [
    *(Case(f"ConvLSTM{axes}D", (2, 2), {}, floats(B, T, *(4,) * axes, 3)) for axes in (1, 2, 3)),
    *(
        Case(f"ConvLSTM{axes}D", (2, 2), {"dropout": 0.2, "recurrent_dropout": 0.2}, floats(B, T, *(4,) * axes, 3))
        for axes in (1, 2, 3)
    ),
    Case("TimeDistributed", (Dense(2),)),
    Case("Embedding", (7, 4), {}, lambda: torch.randint(0, 7, (B, T))),
    Case("CategoryEncoding", (7,), {}, lambda: torch.randint(0, 7, (B, T))),
    Case("MultiHeadAttention", (2, 3), twice=True),
    Case("MultiHeadAttention", (2, 3), {"dropout": 0.3, "value_dim": 2}, twice=True),
    Case("Attention", (), {"dropout": 0.3, "use_scale": True}, pair),
    Case("AdditiveAttention", (), {"dropout": 0.3}, pair),
    *(Case(name, (), {}, pair) for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum")),
    Case("Concatenate", (), {}, pair),
    Case("Dot", (), {"axes": 2, "normalize": True}, pair),
    Case("Merge", (), {"mode": "sum"}, pair),
    Case("Merge", (), {"mode": "cos"}, lambda: [one[:, 0] for one in pair()]),
    *(Case(f"Conv{axes}D", (3, 2), {}, floats(B, *(6,) * axes, 3)) for axes in (1, 2, 3)),
    *(Case(f"Conv{axes}DTranspose", (3, 2), {}, floats(B, *(6,) * axes, 3)) for axes in (1, 2, 3)),
    *(Case(f"SeparableConv{axes}D", (3, 2), {}, floats(B, *(6,) * axes, 3)) for axes in (1, 2)),
    *(Case(f"DepthwiseConv{axes}D", (2,), {}, floats(B, *(6,) * axes, 3)) for axes in (1, 2)),
    *(Case(f"SpatialDropout{axes}D", (0.3,), {}, floats(B, *(6,) * axes, 3)) for axes in (1, 2, 3)),
    *(
        Case(f"{kind}{axes}D", (), {}, floats(B, *(6,) * axes, 3))
        for kind in ("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling")
        for axes in (1, 2, 3)
    ),
    *(
        Case(f"{kind}{axes}D", (), {}, floats(B, *(6,) * axes, 3))
        for kind in ("UpSampling", "Cropping", "ZeroPadding")
        for axes in (1, 2, 3)
    ),
    Case("UpSampling2D", (), {"interpolation": "bilinear"}, IMAGES),
    *(Case(name, (0.3,)) for name in ("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Rescaling")),
    *(Case(name) for name in ("BatchNormalization", "LayerNormalization", "RMSNormalization", "UnitNormalization")),
    Case("GroupNormalization", (2,)),
    Case("Normalization", (), {"mean": 0.5, "variance": 2.0}),
    *(Case(name) for name in ("ELU", "LeakyReLU", "PReLU", "ReLU", "Softmax", "ThresholdedReLU", "Identity")),
    *(Case("Activation", (name,)) for name in ("gelu", "hard_sigmoid", "celu", "softplus", "log_softmax", "sparsemax")),
    Case("ActivityRegularization", (0.1,)),
    Case("Dense", (3, "tanh")),
    Case("TernaryDense", (3,)),
    Case("EinsumDense", ("btf,fo->bto", (T, 3))),
    Case("Highway", (), {}, floats(B, F)),
    Case("MaxoutDense", (3,), {}, floats(B, F)),
    Case("RepeatVector", (2,), {}, floats(B, F)),
    Case("Flatten"),
    Case("Masking"),
    Case("Permute", ((2, 1),)),
    Case("Reshape", ((2, 8),)),
    *(
        Case(f"Adaptive{kind}Pooling{axes}D", (2,), {}, floats(B, *(6,) * axes, 3))
        for kind in ("Average", "Max")
        for axes in (1, 2, 3)
    ),
    Case("GroupQueryAttention", (3, 4, 2), {"dropout": 0.3}, twice=True),
    Case("SpectralNormalization", (Dense(2),)),
    Case("Resizing", (4, 5), {}, IMAGES),
    Case("CenterCrop", (4, 5), {}, IMAGES),
    Case("LocallyConnected1D", (3, 2), {}, floats(B, 6, 3)),
    Case("LocallyConnected2D", (3, 2), {"implementation": 2}, floats(B, 6, 5, 3)),
    *(Case(name, (), {}, pictures) for name in ("CutMix", "MixUp", "RandomElasticTransform", "RandomGaussianBlur")),
    *(
        Case(name, (), {}, pictures)
        for name in ("AugMix", "Equalization", "Mosaic", "RandAugment", "RandomPerspective")
    ),
    Case("ContrastLimitedAdaptiveHistogramEqualization", ((0, 1),), {"tile_grid_size": (2, 3)}, pictures),
    *(Case(name, ((0.5, 0.5),), {}, pictures) for name in ("RandomHeight", "RandomWidth")),
    *(Case(name, (0.3,), {}, pictures) for name in ("RandomRotation", "RandomZoom", "RandomShear", "RandomErasing")),
    *(Case(name, (0.3,), {}, pictures) for name in ("RandomBrightness", "RandomColorDegeneration", "RandomContrast")),
    *(
        Case(name, (0.3,), {}, pictures)
        for name in ("RandomHue", "RandomSaturation", "RandomSharpness", "Solarization")
    ),
    *(Case(name, (), {}, pictures) for name in ("AutoContrast", "RandomFlip", "RandomGrayscale", "RandomInvert")),
    Case("RandomTranslation", (0.2, 0.1), {}, pictures),
    Case("RandomPosterization", (3,), {}, pictures),
    Case("RandomColorJitter", (), {"brightness_factor": 0.2, "contrast_factor": 0.3}, pictures),
    Case("RandomCrop", (4, 5), {}, pictures),
    Case("MelSpectrogram", (), {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 5}, floats(B, 64)),
    Case("STFTSpectrogram", ("psd", 4), {}, floats(B, 9, 2)),
    Case("ReversibleEmbedding", (7, 4), {}, lambda: torch.randint(0, 7, (B, T))),
]
CASES = [*RECURRENT, *(Case(c.name, c.arguments, c.options, c.inputs, masked=True) for c in RECURRENT), *OTHERS]
# Tested below: what holds other layers, and one step alone. The others compute nothing.
ELSEWHERE = {
    "Bidirectional", "RNN", "StackedRNNCells", "GRUCell", "LSTMCell", "SimpleRNNCell", "InputLayer", "Layer",
    "TorchModuleWrapper", "Wrapper",  # which compute what the module and the layer inside do
    "Lambda",  # and what its function does
    "Pipeline",  # and what its layers do
    "MaxNumBoundingBoxes",
    "Discretization", "HashedCrossing", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization",  # of tokens
}  # fmt: skip
TYPES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=["bfloat16", "float16"])
TRAINING = pytest.mark.parametrize("training", [True, False], ids=["training", "inference"])


def test_no_layer_is_forgotten() -> None:
    classes = {name for name, value in vars(layers).items() if isinstance(value, type) and issubclass(value, Layer)}
    named = {name for name in classes & set(layers.__all__) if getattr(layers, name).__name__ == name}
    assert named - {case.name for case in CASES} - ELSEWHERE == set()


def check(layer: Layer, dtype: torch.dtype, training: bool, *inputs: Any, **keywords: Any) -> None:
    """Two calls under autocast, and two without, from the same draws: nearly the same numbers, and gradients."""
    layer.train(training)
    layer(*inputs, **keywords)  # which draws the weights
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    results, gradients = [], []
    for enabled in (True, False):
        layer.load_state_dict(state)
        getattr(layer, "reset_state", lambda: None)()
        layer.zero_grad()
        torch.manual_seed(1)
        with torch.autocast("cpu", dtype=dtype, enabled=enabled):
            outputs = [*tensors(layer(*inputs, **keywords)), *tensors(layer(*inputs, **keywords))]
        floating = [one for one in outputs if one.is_floating_point()]
        if training and any(one.requires_grad for one in floating):
            torch.stack([(one.float() ** 2).sum() for one in floating]).sum().backward()
        results.append(outputs)
        gradients.append({name: given.grad for name, given in layer.named_parameters() if given.grad is not None})
    for low, full in zip(*results, strict=True):
        assert_close(low.detach().float(), full.detach().float(), "bfloat16 recurrence")
    assert gradients[0].keys() == gradients[1].keys()
    assert all(low.dtype == torch.float32 and low.isfinite().all() for low in gradients[0].values())


def tensors(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [one for entry in value for one in tensors(entry)]


@TRAINING
@TYPES
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_layer(case: Case, dtype: torch.dtype, training: bool) -> None:
    inputs = case.inputs()
    mask = torch.rand(B, T) < 0.6
    layer = getattr(layers, case.name)(*case.arguments, **case.options)
    check(layer, dtype, training, *[inputs] * (1 + case.twice), **({"mask": mask} if case.masked else {}))


@TRAINING
@TYPES
@pytest.mark.parametrize("options", DROPOUTS, ids=str)
def test_the_paths_without_the_steps_in_c(options: dict[str, Any], dtype: torch.dtype, training: bool) -> None:
    with running_on(TORCH_OPS):
        check(LSTM(3, **options), dtype, training, torch.randn(B, T, F))
        check(LSTM(3, **options), dtype, training, torch.randn(B, T, F), mask=torch.rand(B, T) < 0.6)


DROPPING: dict[str, Any] = {"dropout": 0.2, "recurrent_dropout": 0.2}
HOLDERS: dict[str, Callable[[], Layer]] = {
    "Bidirectional LSTM": lambda: Bidirectional(LSTM(3, dropout=0.2)),
    "Bidirectional GRU": lambda: Bidirectional(GRU(3, dropout=0.2)),
    "Bidirectional SimpleRNN": lambda: Bidirectional(SimpleRNN(3, dropout=0.2)),
    "Bidirectional sequences": lambda: Bidirectional(LSTM(3, return_sequences=True)),
    "RNN": lambda: RNN(LSTMCell(3, **DROPPING), return_state=True),
    "stack": lambda: RNN([LSTMCell(3, **DROPPING), GRUCell(2, **DROPPING), SimpleRNNCell(2, **DROPPING)]),
}


@TRAINING
@TYPES
@pytest.mark.parametrize("holder", HOLDERS)
def test_what_holds_layers_or_cells(holder: str, dtype: torch.dtype, training: bool) -> None:
    check(HOLDERS[holder](), dtype, training, torch.randn(B, T, F))
    check(HOLDERS[holder](), dtype, training, torch.randn(B, T, F), mask=torch.rand(B, T) < 0.6)


@TRAINING
@TYPES
@pytest.mark.parametrize("kind", [LSTMCell, GRUCell, SimpleRNNCell])
def test_one_step(kind: Any, dtype: torch.dtype, training: bool) -> None:
    cell = kind(3, **DROPPING)
    states = [torch.randn(B, 3) for _ in cell.state_sizes]
    check(cell, dtype, training, torch.randn(B, F), states)
    check(LSTM(3, stateful=True, dropout=0.3), dtype, training, torch.randn(B, 1, F))


@TYPES
@pytest.mark.parametrize("use_cudnn", [False, True, "auto"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_cell_state_goes_on_growing(dtype: torch.dtype, use_cudnn: Any, masked: bool) -> None:
    """The gates are open and each step adds little: a state in bfloat16 would stay where that is less than a digit."""
    layer = LSTM(1, input_size=1, return_state=True, use_cudnn=use_cudnn, unit_forget_bias=False)
    layer.set_weights([[[0.0] * 4], [[0.0] * 4], [40.0, 40.0, 1 / 64, 0.0]])
    steps = 1024
    mask = torch.ones(1, steps + 3, dtype=torch.bool)
    mask[:, ::342] = not masked
    with torch.autocast("cpu", dtype=dtype), torch.no_grad():
        *_, cell = layer(torch.zeros(1, steps + 3, 1), mask=mask if masked else None)
    assert cell.dtype == torch.float32
    assert 15.9 < float(cell) < 16.1
