"""A random configuration of every layer: the arguments, and inputs that fit them.

``DRAWS`` has an entry for each class of the converter's registry. Layers inside of layers stand in the arguments as
:class:`Spec`. What another test draws in more depth, states and dropout masks of the recurrent layers among them, is
left at its default here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Draws = np.random.Generator
BATCH, TIME, FEATURES = 3, 5, 4
SIZES = (7, 6, 5)


@dataclass(frozen=True)
class Spec:
    """A layer by its class and arguments."""

    class_name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def make(self, namespace: Any) -> Any:
        """The layer of ``namespace``, in float64, and those inside of it."""
        arguments = {name: self._made(value, namespace) for name, value in self.arguments.items()}
        return getattr(namespace, self.class_name)(**arguments, dtype="float64")

    def _made(self, value: Any, namespace: Any) -> Any:
        if isinstance(value, list):
            return [self._made(item, namespace) for item in value]
        return value.make(namespace) if isinstance(value, Spec) else value

    def __str__(self) -> str:
        return f"{self.class_name}({', '.join(f'{name}={value}' for name, value in self.arguments.items())})"


@dataclass(frozen=True)
class Drawn:
    """A layer and the shapes of its inputs.

    Attributes:
        shapes: of each input; several go into the layer as a list.
        integers: the inputs are integers from 0 up to, and without, this one.
        apart: several inputs go into the layer as arguments of their own, not as a list.
        maskable: Keras takes a mask (batch, time) of the inputs, or destroys it.
    """

    spec: Spec
    shapes: tuple[tuple[int, ...], ...]
    integers: int | None = None
    apart: bool = False
    maskable: bool = True


def pick(rng: Draws, *values: Any) -> Any:
    """One of ``values``."""
    return values[int(rng.integers(len(values)))]


def sometimes(rng: Draws, **arguments: Any) -> dict[str, Any]:
    """Each of ``arguments`` with probability one half."""
    return {name: value for name, value in arguments.items() if rng.random() < 0.5}


def regularized(rng: Draws, *weights: str) -> dict[str, Any]:
    """Regularizers of some of the weights and of the output."""
    return sometimes(rng, **{f"{name}_regularizer": pick(rng, "l1", "l2") for name in (*weights, "activity")})


def activated(rng: Draws) -> dict[str, Any]:
    return {
        "activation": pick(rng, None, "tanh", "relu", "gelu", "softmax", "elu", "swish"),
        "use_bias": pick(rng, True, False),
    }


def plain(*shape: int, **arguments: Any) -> Callable[[str, Draws], Drawn]:
    """Nothing to draw but what every layer has."""
    return with_arguments(lambda rng: arguments, *shape)


def with_arguments(draw: Callable[[Draws], Mapping[str, Any]], *shape: int) -> Callable[[str, Draws], Drawn]:
    """Arguments of the layer's own, for inputs of one shape."""
    shapes = (shape or (BATCH, TIME, FEATURES),)
    return lambda name, rng: Drawn(Spec(name, {**draw(rng), **regularized(rng)}), shapes)


# -- over space -------------------------------------------------------------------------------------------------------


def rank_of(name: str) -> int:
    return int(next(letter for letter in name if letter in "123"))


def in_space(rng: Draws, rank: int, data_format: str | None, channels: int = FEATURES) -> tuple[int, ...]:
    sizes = [int(size) for size in rng.permutation(SIZES[:rank])]
    return (BATCH, channels, *sizes) if data_format == "channels_first" else (BATCH, *sizes, channels)


def per_axis(rng: Draws, rank: int, low: int, high: int) -> Any:
    """A number, or one for each axis, as Keras takes both."""
    numbers = rng.integers(low, high, rank).tolist()
    return numbers if rng.random() < 0.5 else numbers[0]


def data_format(rng: Draws) -> str | None:
    """TensorFlow needs XLA, which is slow to compile, for channels in front."""
    return str(pick(rng, *["channels_last"] * 3, "channels_first"))


def window(rng: Draws, rank: int, *paddings: str) -> dict[str, Any]:
    moved = {"strides": per_axis(rng, rank, 1, 3)} if rng.random() < 0.5 else {"dilation_rate": int(rng.integers(1, 3))}
    return {"kernel_size": per_axis(rng, rank, 1, 4), "padding": pick(rng, *paddings), **moved}


def convolution(name: str, rng: Draws) -> Drawn:
    rank = rank_of(name)
    form = data_format(rng)
    arguments = window(rng, rank, "valid", "same", *["causal"] * (rank == 1)) | activated(rng)
    groups = pick(rng, 1, 1, 2)
    if arguments["padding"] == "causal":
        form = "channels_last"
    arguments |= {"filters": 6, "groups": groups, "data_format": form} | regularized(rng, "kernel", "bias")
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def transposed(name: str, rng: Draws) -> Drawn:
    rank, form = rank_of(name), data_format(rng)
    strides = rng.integers(1, 4, rank).tolist()
    arguments = {"filters": 2, "kernel_size": per_axis(rng, rank, 1, 4), "strides": strides, "data_format": form}
    arguments |= {"padding": pick(rng, "valid", "same")} | activated(rng) | regularized(rng, "kernel", "bias")
    if arguments["padding"] == "valid" and rng.random() < 0.5:  # of "same" Keras gives sizes that TensorFlow refuses
        arguments["output_padding"] = [int(rng.integers(0, stride)) for stride in strides]
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def depthwise(name: str, rng: Draws) -> Drawn:
    rank, form = rank_of(name), data_format(rng)
    # TensorFlow has one stride for both axes
    moved = {"strides": pick(rng, 1, 2)} if rng.random() < 0.5 else {"dilation_rate": pick(rng, 1, 2)}
    arguments = {"kernel_size": per_axis(rng, rank, 1, 4), "padding": pick(rng, "valid", "same"), "data_format": form}
    arguments |= moved | {"depth_multiplier": pick(rng, 1, 2)} | activated(rng)
    if name.startswith("Separable"):
        arguments |= {"filters": 3} | regularized(rng, "depthwise", "pointwise", "bias")
    else:
        arguments |= regularized(rng, "depthwise", "bias")
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def pooling(name: str, rng: Draws) -> Drawn:
    rank, form = rank_of(name), data_format(rng)
    arguments = {"pool_size": per_axis(rng, rank, 1, 4), "padding": pick(rng, "valid", "same"), "data_format": form}
    arguments |= sometimes(rng, strides=per_axis(rng, rank, 1, 3))
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def global_pooling(name: str, rng: Draws) -> Drawn:
    # Keras' mean over a masked sequence with channels in front fails
    form = "channels_last" if name == "GlobalAveragePooling1D" else str(pick(rng, "channels_last", "channels_first"))
    arguments = {"data_format": form, "keepdims": pick(rng, True, False)}
    return Drawn(Spec(name, arguments), (in_space(rng, rank_of(name), form),))


def margins(argument: str) -> Callable[[str, Draws], Drawn]:
    def draw(name: str, rng: Draws) -> Drawn:
        rank, form = rank_of(name), data_format(rng)
        pairs = rng.integers(0, 3, (rank, 2)).tolist()
        amounts = pairs[0] if rank == 1 else pick(rng, pairs, [before for before, _ in pairs])
        arguments = {argument: pick(rng, int(rng.integers(0, 3)), amounts)}
        if name != "Cropping1D":
            arguments["data_format"] = form
        else:
            form = None
        return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))

    return draw


def enlarging(name: str, rng: Draws) -> Drawn:
    rank, form = rank_of(name), data_format(rng)
    size = int(rng.integers(1, 4)) if rank == 1 else per_axis(rng, rank, 1, 4)
    form = None if rank == 1 else form
    arguments = {"size": size} | ({"data_format": form} if rank > 1 else {})
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def conv_lstm(name: str, rng: Draws) -> Drawn:
    rank = rank_of(name)
    arguments = window(rng, rank, "valid", "same") | over_time(rng) | {"filters": 2, "use_bias": pick(rng, True, False)}
    arguments |= {
        "recurrent_activation": pick(rng, "sigmoid", "hard_sigmoid"),
        "unit_forget_bias": pick(rng, True, False),
    }
    arguments |= regularized(rng, "kernel", "recurrent", "bias")
    _, *space = in_space(rng, rank, None)
    return Drawn(Spec(name, arguments), ((BATCH, 3, *space),))


# -- over time --------------------------------------------------------------------------------------------------------


def over_time(rng: Draws) -> dict[str, Any]:
    names = ("return_sequences", "return_state", "go_backwards", "unroll", "zero_output_for_mask")
    flags = {name: pick(rng, True, False) for name in names}
    # Keras zeroes the wrong steps of an unrolled layer that goes backwards
    return flags | {"unroll": flags["unroll"] and not flags["go_backwards"]}


def cell_arguments(name: str, rng: Draws, units: int) -> dict[str, Any]:
    kind = name.removesuffix("Cell")
    arguments = {"units": units, "activation": pick(rng, "tanh", "relu", "softsign", None)}
    arguments |= {"use_bias": pick(rng, True, False)} | sometimes(
        rng, **{f"{weight}_regularizer": pick(rng, "l1", "l2") for weight in ("kernel", "recurrent", "bias")}
    )
    if kind != "SimpleRNN":
        arguments["recurrent_activation"] = pick(rng, "sigmoid", "sigmoid", "hard_sigmoid", "tanh")
    if kind == "GRU":
        arguments["reset_after"] = pick(rng, True, False)
    if kind == "LSTM":
        arguments["unit_forget_bias"] = pick(rng, True, False)
    return arguments


def cell(rng: Draws, units: int) -> Spec:
    name = pick(rng, "LSTMCell", "GRUCell", "SimpleRNNCell")
    return Spec(name, cell_arguments(name, rng, units))


def stack(rng: Draws) -> Spec:
    return Spec("StackedRNNCells", {"cells": [cell(rng, units) for units in (3, 2, 4)[: pick(rng, 2, 3)]]})


def recurrent_spec(name: str, rng: Draws) -> Spec:
    if name == "RNN":
        return Spec(name, {"cell": pick(rng, cell(rng, 3), stack(rng)), **over_time(rng)})
    if name.startswith("ConvLSTM"):
        return conv_lstm(name, rng).spec
    # Keras 3's SimpleRNN forgets its activity regularizer
    activity = {} if name == "SimpleRNN" else regularized(rng)
    return Spec(name, cell_arguments(name, rng, 3) | over_time(rng) | activity)


def recurrent(name: str, rng: Draws) -> Drawn:
    return Drawn(recurrent_spec(name, rng), ((BATCH, TIME, FEATURES),))


def bidirectional(name: str, rng: Draws) -> Drawn:
    inner = pick(rng, "LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM1D")
    forward = dict(recurrent_spec(inner, rng).arguments) | {"go_backwards": False, "unroll": False}
    forward.pop("activity_regularizer", None)  # Keras 3 forgets it inside of other layers
    if inner == "RNN" and forward["cell"].class_name == "StackedRNNCells":
        forward["return_state"] = False  # Keras 3 does not take the nested states apart
    arguments = {"merge_mode": pick(rng, "concat", "sum", "mul", "ave", None), "layer": Spec(inner, forward)}
    if rng.random() < 0.3 and inner in ("LSTM", "GRU", "SimpleRNN"):
        flags = {flag: forward[flag] for flag in ("return_sequences", "return_state", "zero_output_for_mask")}
        arguments["backward_layer"] = Spec(inner, cell_arguments(inner, rng, 3) | flags | {"go_backwards": True})
    shape = (BATCH, 3, SIZES[0], FEATURES) if inner == "ConvLSTM1D" else (BATCH, TIME, FEATURES)
    return Drawn(Spec(name, arguments), (shape,))


def time_distributed(name: str, rng: Draws) -> Drawn:
    inner = pick(
        rng, "Dense", "Conv1D", "Conv2D", "BatchNormalization", "LSTM", "Bidirectional", "Flatten", "Dropout",
        "LayerNormalization", "GlobalMaxPooling1D", "MaxPooling2D", "RepeatVector", "TimeDistributed", "Masking",
    )  # fmt: skip
    drawn = DRAWS[inner](inner, rng)
    while gives_several(drawn.spec):
        drawn = DRAWS[inner](inner, rng)
    arguments = {key: value for key, value in drawn.spec.arguments.items() if key != "activity_regularizer"}
    (shape,) = drawn.shapes
    # The mask of a step, which has no time of its own, is too short for a layer over time
    over_time = inner in ("LSTM", "Bidirectional", "TimeDistributed")
    return Drawn(Spec(name, {"layer": Spec(inner, arguments)}), ((shape[0], 2, *shape[1:]),), maskable=not over_time)


def gives_several(spec: Spec) -> bool:
    """Whether the layer has several outputs, which TimeDistributed does not take."""
    inner = [value for value in spec.arguments.values() if isinstance(value, Spec)]
    several = spec.class_name == "Bidirectional" and spec.arguments["merge_mode"] is None
    return several or bool(spec.arguments.get("return_state")) or any(map(gives_several, inner))


# -- the rest ---------------------------------------------------------------------------------------------------------


def einsum(name: str, rng: Draws) -> Drawn:
    equation, output, bias = pick(
        rng,
        ("abc,cd->abd", (TIME, 6), "d"),
        ("...x,xy->...y", 6, "y"),
        ("abc,cde->abde", (TIME, 2, 6), "de"),
        ("abc,bd->adc", (6, FEATURES), "dc"),
    )
    arguments = {"equation": equation, "output_shape": output, "bias_axes": pick(rng, None, bias)}
    arguments |= {"activation": pick(rng, None, "tanh")} | regularized(rng, "kernel")
    return Drawn(Spec(name, arguments), ((BATCH, TIME, FEATURES),))


def categories(name: str, rng: Draws) -> Drawn:
    mode = pick(rng, "multi_hot", "one_hot", "count", "binary")
    # Keras 3 takes one integer a sample only, but with "one_hot"
    shape = (BATCH, pick(rng, 1, TIME) if mode == "one_hot" else 1)
    return Drawn(Spec(name, {"num_tokens": 6, "output_mode": mode}), (shape,), integers=6)


def embedded(name: str, rng: Draws) -> Drawn:
    arguments = {"input_dim": 7, "output_dim": 3, "mask_zero": pick(rng, True, False)}
    shape = pick(rng, (BATCH, TIME), (BATCH, 2, TIME))
    return Drawn(Spec(name, arguments | regularized(rng, "embeddings")), (shape,), integers=7)


def affine(rng: Draws) -> dict[str, Any]:
    flags = {flag: pick(rng, True, False) for flag in ("center", "scale")}
    return flags | {"epsilon": pick(rng, 1e-3, 0.1)} | regularized(rng, "beta", "gamma")


def normalized(name: str, rng: Draws) -> Drawn:
    shape = pick(rng, (BATCH, TIME, FEATURES), (BATCH, FEATURES), (BATCH, 5, 6, FEATURES))
    rank = len(shape)
    axis = pick(rng, -1, int(rng.integers(1, rank)))
    arguments = affine(rng)
    if name == "BatchNormalization":
        arguments |= {"axis": axis, "momentum": pick(rng, 0.99, 0.7)}
        arguments |= pick(rng, {}, {"renorm": True, "renorm_clipping": {"rmax": 1.2, "rmin": 0.8, "dmax": 0.3}})
    elif name == "GroupNormalization":
        arguments |= {"axis": -1, "groups": pick(rng, 1, 2, FEATURES, -1)}
    else:
        arguments |= {"axis": pick(rng, axis, [int(a) for a in sorted(rng.permutation(range(1, rank))[:2])])}
    # Keras' BatchNormalization takes a mask of all axes but the last
    return Drawn(Spec(name, arguments), (shape,), maskable=name != "BatchNormalization" or rank == 3)


def over_axes(name: str, rng: Draws) -> Drawn:
    # the scale of Keras' RMSNormalization must run along the last axes
    axis = pick(rng, -1, 2, [1, 2]) if name == "RMSNormalization" else pick(rng, -1, 1, [1], [1, 2])
    return Drawn(Spec(name, {"axis": axis}), ((BATCH, TIME, FEATURES),))


def statistics(name: str, rng: Draws) -> Drawn:
    arguments: dict[str, Any] = {"axis": pick(rng, -1, 1, None, [1, 2]), "invert": pick(rng, True, False)}
    if rng.random() < 0.5:
        arguments |= {
            "axis": -1,
            "mean": rng.random(FEATURES).tolist(),
            "variance": (1 + rng.random(FEATURES)).tolist(),
        }
    return Drawn(Spec(name, arguments), ((BATCH, TIME, FEATURES),))


def merging(name: str, rng: Draws) -> Drawn:
    shapes = [(BATCH, TIME, FEATURES)] * (2 if name == "Subtract" else pick(rng, 2, 3))
    if name == "Concatenate":
        axis = pick(rng, -1, 1, 2)
        shapes[0] = (BATCH, TIME, 2) if axis != 1 else (BATCH, 2, FEATURES)
        return Drawn(Spec(name, {"axis": axis} | regularized(rng)), tuple(shapes))
    shapes[0] = pick(rng, shapes[0], (BATCH, 1, FEATURES), (BATCH, TIME, 1))
    return Drawn(Spec(name, regularized(rng)), tuple(shapes))


def dot(name: str, rng: Draws) -> Drawn:
    axes, other = pick(
        rng, (2, (BATCH, 6, FEATURES)), ([1, 2], (BATCH, 6, TIME)), (1, (BATCH, TIME)), (-1, (BATCH, FEATURES))
    )
    arguments = {"axes": axes, "normalize": pick(rng, True, False)}
    return Drawn(Spec(name, arguments), ((BATCH, TIME, FEATURES), tuple(other)))


def attention(name: str, rng: Draws) -> Drawn:
    arguments: dict[str, Any] = {"use_scale": pick(rng, True, False)}
    if name == "Attention":
        arguments["score_mode"] = pick(rng, "dot", "concat")
    shapes = ((BATCH, TIME, FEATURES), (BATCH, 6, FEATURES), (BATCH, 6, FEATURES))[: pick(rng, 2, 3)]
    return Drawn(Spec(name, arguments), shapes)


def heads(name: str, rng: Draws) -> Drawn:
    # Keras 3 rounds 1 / sqrt(key_dim) to float32, and without dropout computes the softmax in it, in float64 too
    arguments = {"num_heads": 2, "key_dim": pick(rng, 1, 4), "use_bias": pick(rng, True, False), "dropout": 0.1}
    arguments |= sometimes(rng, value_dim=5, output_shape=6, use_gate=True, sliding_window=2)
    if "sliding_window" not in arguments:
        arguments |= sometimes(rng, attention_axes=[1])
    length = TIME if "sliding_window" in arguments else 6
    shapes = ((BATCH, TIME, FEATURES), (BATCH, length, 7), (BATCH, length, 2))[: pick(rng, 2, 3)]
    return Drawn(Spec(name, arguments | regularized(rng, "kernel", "bias")), shapes, apart=True)


def grouped_heads(name: str, rng: Draws) -> Drawn:
    arguments = {"head_dim": pick(rng, 1, 4), "num_query_heads": 4, "num_key_value_heads": pick(rng, 1, 2, 4)}
    arguments |= {"use_bias": pick(rng, True, False), "dropout": 0.1} | sometimes(rng, use_gate=True, sliding_window=2)
    shapes = ((BATCH, TIME, FEATURES), (BATCH, TIME, FEATURES), (BATCH, TIME, 2))[: pick(rng, 2, 3)]
    return Drawn(Spec(name, arguments | regularized(rng, "kernel", "bias")), shapes, apart=True)


def adaptive_pooling(name: str, rng: Draws) -> Drawn:
    rank, form = rank_of(name), pick(rng, None, "channels_first")
    # Keras on TensorFlow pools by a window larger than the input for a size of 1, and fails
    arguments = {"output_size": per_axis(rng, rank, 2, 5), "data_format": form}
    return Drawn(Spec(name, arguments), (in_space(rng, rank, form),))


def spectrogram(name: str, rng: Draws) -> Drawn:
    # where a strength is nought, its root has no gradient
    arguments = {"mode": pick(rng, "psd", "real", "imag", "stft", "log"), "frame_length": pick(rng, 3, 6)}
    arguments |= {
        "fft_length": pick(rng, None, 8),
        "padding": pick(rng, "valid", "same"),
        "window": pick(rng, "hamming", None),
    }
    arguments |= sometimes(rng, frame_step=2, periodic=True, scaling="spectrum", expand_dims=True)
    return Drawn(Spec(name, arguments), ((BATCH, 9, 2),))


def reshaped(name: str, rng: Draws) -> Drawn:
    return Drawn(
        Spec(name, {"target_shape": pick(rng, (-1, 2), (FEATURES, TIME), (2, -1, 2), (20,))}),
        ((BATCH, TIME, FEATURES),),
    )


def dropping(name: str, rng: Draws) -> Drawn:
    """Compared where nothing is dropped: what is drawn cannot agree."""
    rank = rank_of(name) if name[-1] == "D" else 1
    form = data_format(rng)
    argument = "stddev" if name == "GaussianNoise" else "rate"
    arguments: dict[str, Any] = {argument: 0.4, "seed": pick(rng, None, 3)}
    if name in ("SpatialDropout2D", "SpatialDropout3D"):
        arguments["data_format"] = form
    return Drawn(Spec(name, arguments), (in_space(rng, rank, None),))


DRAWS: Mapping[str, Callable[[str, Draws], Drawn]] = {
    "Activation": with_arguments(lambda rng: {"activation": pick(rng, "tanh", "relu", "softmax", "mish", "selu")}),
    "ActivityRegularization": lambda name, rng: Drawn(
        Spec(name, {"l1": float(rng.random()), "l2": float(rng.random())}), ((BATCH, TIME, FEATURES),)
    ),
    **dict.fromkeys(
        (f"Adaptive{kind}Pooling{rank}D" for kind in ("Average", "Max") for rank in (1, 2)), adaptive_pooling
    ),
    **dict.fromkeys(("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"), merging),
    **dict.fromkeys(("AdditiveAttention", "Attention"), attention),
    **dict.fromkeys((f"AveragePooling{rank}D" for rank in (1, 2, 3)), pooling),
    **dict.fromkeys((f"MaxPooling{rank}D" for rank in (1, 2)), pooling),
    **dict.fromkeys((f"GlobalAveragePooling{rank}D" for rank in (1, 2, 3)), global_pooling),
    **dict.fromkeys((f"GlobalMaxPooling{rank}D" for rank in (1, 2, 3)), global_pooling),
    **dict.fromkeys(("BatchNormalization", "GroupNormalization", "LayerNormalization"), normalized),
    "Bidirectional": bidirectional,
    "CategoryEncoding": categories,
    "CenterCrop": with_arguments(
        lambda rng: {"height": pick(rng, 3, 4), "width": pick(rng, 2, 5)}, BATCH, 6, 5, FEATURES
    ),
    **dict.fromkeys((f"Conv{rank}D" for rank in (1, 2, 3)), convolution),
    **dict.fromkeys((f"Conv{rank}DTranspose" for rank in (1, 2, 3)), transposed),
    **dict.fromkeys((f"ConvLSTM{rank}D" for rank in (1, 2, 3)), conv_lstm),
    **dict.fromkeys((f"Cropping{rank}D" for rank in (1, 2, 3)), margins("cropping")),
    "Dense": with_arguments(lambda rng: {"units": 6, **activated(rng), **regularized(rng, "kernel", "bias")}),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"), depthwise),
    "Dot": dot,
    **dict.fromkeys(("AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"), dropping),
    **dict.fromkeys((f"SpatialDropout{rank}D" for rank in (1, 2, 3)), dropping),
    "ELU": with_arguments(lambda rng: {"alpha": pick(rng, 1.0, 0.3)}),
    "EinsumDense": einsum,
    "Embedding": lambda name, rng: Drawn(
        Spec(
            name,
            {"input_dim": 7, "output_dim": 3, "mask_zero": pick(rng, True, False), **regularized(rng, "embeddings")},
        ),
        (pick(rng, (BATCH, TIME), (BATCH, 2, TIME)),),
        integers=7,
    ),
    "Flatten": with_arguments(lambda rng: {"data_format": pick(rng, None, "channels_first")}, BATCH, TIME, 2, FEATURES),
    **dict.fromkeys(("GRU", "LSTM", "RNN", "SimpleRNN"), recurrent),
    "GroupQueryAttention": grouped_heads,
    "Identity": plain(),
    "STFTSpectrogram": spectrogram,
    "LeakyReLU": with_arguments(lambda rng: {"negative_slope": pick(rng, 0.3, 0.01)}),
    "Masking": with_arguments(lambda rng: {"mask_value": pick(rng, 0.0, -1.0)}),
    "MultiHeadAttention": heads,
    "Normalization": statistics,
    "PReLU": with_arguments(lambda rng: {**sometimes(rng, shared_axes=[1]), **regularized(rng, "alpha")}),
    "Permute": with_arguments(lambda rng: {"dims": pick(rng, (2, 1), (1, 2))}),
    "RMSNormalization": over_axes,
    "ReLU": with_arguments(lambda rng: sometimes(rng, max_value=0.7, negative_slope=0.2, threshold=0.1)),
    "RepeatVector": plain(BATCH, FEATURES, n=3),
    "ReversibleEmbedding": embedded,
    "Rescaling": with_arguments(
        lambda rng: {"scale": pick(rng, 0.5, [1.0, 2.0, 3.0, 4.0]), "offset": pick(rng, 0.0, -1.0)}
    ),
    "Reshape": reshaped,
    # its masks are those of attention scores, of other shapes than a sequence has
    "Softmax": with_arguments(lambda rng: {"axis": pick(rng, -1, 1)}, BATCH, FEATURES),
    "UnitNormalization": over_axes,
    "TimeDistributed": time_distributed,
    **dict.fromkeys((f"UpSampling{rank}D" for rank in (1, 2, 3)), enlarging),
    **dict.fromkeys((f"ZeroPadding{rank}D" for rank in (1, 2, 3)), margins("padding")),
}
