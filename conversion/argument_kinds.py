"""What each layer's arguments in a file must look like: Keras 3's argument names, one row each.

The tables are for reading files: they refuse ``"return_sequences": "no"`` and misspelled arguments with their place in
the file, before any layer is made. What a sound value means is the layers' own business.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard


@dataclass(frozen=True)
class Kind:
    """A set of JSON values and how an error names it."""

    expected: str
    accepts: Callable[[Any], bool]

    def or_null(self, expected: str = "") -> "Kind":
        """The same, or null; ``expected`` where "... or null" would not be English."""
        return Kind(expected or f"{self.expected} or null", lambda value: value is None or self.accepts(value))


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list_of(value: object, accepts: Callable[[Any], bool]) -> bool:
    return isinstance(value, list | tuple) and all(map(accepts, value))


def _is_array(value: object) -> bool:
    """A number or a list of arrays, however deep, or an array as Keras 3 marks it."""
    if isinstance(value, Mapping) and value.get("class_name") == "__numpy__":
        config = value.get("config")
        return isinstance(config, Mapping) and config.keys() == {"value", "dtype"} and _is_array(config["value"])
    return _is_number(value) or _is_list_of(value, _is_array)


def is_shape(value: object) -> bool:
    """Whether ``value`` is a list of positive sizes, ``None`` where a size is free."""
    return isinstance(value, list | tuple) and all(size is None or (_is_integer(size) and size > 0) for size in value)


def is_serialized_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether ``value`` has the form ``{"class_name": ..., "config": ...}`` in which Keras writes objects."""
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str) and "config" in value


def is_layer(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether ``value`` has the form in which Keras writes layers: a serialized object whose ``config`` is a table.

    That of a ``Sequential`` is a list in old files.
    """
    if not is_serialized_object(value):
        return False
    return isinstance(value["config"], Mapping) or (
        value["class_name"] == "Sequential" and isinstance(value["config"], list)
    )


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_is_number, value.values()))


FLAG = Kind("true or false", lambda value: isinstance(value, bool))
OPTIONAL_FLAG = FLAG.or_null("true, false or null")
COUNT = Kind("a positive integer", lambda value: _is_integer(value) and value > 0)
NUMBER = Kind("a number", _is_number)
RATE = Kind("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
AXIS = Kind("an integer", _is_integer)
SEED = AXIS.or_null()
AXES = Kind("an integer or a list of integers", lambda value: _is_integer(value) or _is_list_of(value, _is_integer))
OPTIONAL_AXES = AXES.or_null("an integer, a list of integers or null")
OPTIONAL_NUMBER = NUMBER.or_null()
TEXT = Kind("a string", lambda value: isinstance(value, str))
SHAPE = Kind("a list of positive integers or nulls", is_shape).or_null("a list of positive integers or nulls, or null")
ARRAY = Kind("a number or an array of numbers", _is_array)
OPTIONAL_ARRAY = ARRAY.or_null("a number, an array of numbers or null")
WINDOW = Kind("a name, numbers or null", lambda value: value is None or isinstance(value, str) or _is_array(value))
FACTOR = Kind("a number or a list of two", lambda value: _is_number(value) or _is_pair(value))
OPTIONAL_FACTOR = FACTOR.or_null("a number, a list of two or null")
OBJECT = Kind(
    "a name, an object with `class_name` and `config`, or null",
    lambda value: value is None or isinstance(value, str) or is_serialized_object(value),
)
OPTIONAL_TEXT = TEXT.or_null()
LAYER = Kind("a layer, an object with `class_name` and `config`", is_layer)
LAYERS = Kind("a list of layers", lambda value: isinstance(value, list) and all(map(is_layer, value)))
OPTIONAL_LAYER = LAYER.or_null("a layer or null")

OPTIONAL_COUNT = COUNT.or_null()
INTEGERS = Kind("a list of integers", lambda value: _is_list_of(value, _is_integer))
FREE_SIZES = Kind(
    "a positive integer or a list of positive integers and nulls",
    lambda value: is_shape(value) or (_is_integer(value) and value > 0),
)

TOKENS = Kind(
    "a list of tokens or null (no file is opened because a configuration names it)",
    lambda value: value is None or _is_list_of(value, lambda token: isinstance(token, str) or _is_integer(token)),
)
TOKEN = Kind(
    "a string, an integer or null", lambda value: value is None or isinstance(value, str) or _is_integer(value)
)
SALT = AXES.or_null("an integer, two of them or null")
DENSE = Kind("false, for sparse outputs are not supported", lambda value: value is False)
STEP = Kind(
    "a name, a function of your own or null",
    lambda value: value is None or isinstance(value, str) or is_serialized_object(value),
)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))


def _is_integers(value: Any, least: int) -> bool:
    """Whether ``value`` is an integer of at least ``least``, or a list of such lists and integers."""
    if isinstance(value, list | tuple):
        return all(_is_integers(entry, least) for entry in value)
    return _is_integer(value) and value >= least


SIZES = Kind("a positive integer or a list of them", lambda value: _is_integers(value, 1))
OPTIONAL_SIZES = SIZES.or_null("a positive integer, a list of them or null")
AMOUNTS = Kind("an integer of at least 0 or lists of them", lambda value: _is_integers(value, 0))
OPTIONAL_AMOUNTS = AMOUNTS.or_null("an integer of at least 0, lists of them or null")

EVERY_LAYER = {"name": TEXT, "trainable": FLAG, "dtype": OBJECT, "activity_regularizer": OBJECT}


def _of_weights(*weights: str) -> dict[str, Kind]:
    """The arguments that each of these weights has."""
    return {f"{weight}_{role}": OBJECT for weight in weights for role in ("initializer", "regularizer", "constraint")}


_WEIGHTED = _of_weights("kernel", "bias") | {"use_bias": FLAG, "activation": OBJECT}
_CELL = (
    _WEIGHTED
    | _of_weights("recurrent")
    | {
        "units": COUNT,
        "dropout": RATE,
        "recurrent_dropout": RATE,
        "seed": SEED,
    }
)
_ATTENTION = {"use_scale": FLAG, "dropout": RATE, "seed": SEED, "causal": FLAG, "unseen_gives_zeros": FLAG}
_MERGING = {"combine_masks": TEXT}
_MAXOUT = {name: kind for name, kind in _WEIGHTED.items() if name != "activation"} | {"units": COUNT, "maps": COUNT}
_HIGHWAY = {name: kind for name, kind in _WEIGHTED.items() if name != "bias_initializer"}
_GATED_CELL = _CELL | {
    "recurrent_activation": OBJECT,
    "implementation": Kind("0, 1 or 2", lambda value: _is_integer(value) and value in (0, 1, 2)),
}
_GRU_CELL = _GATED_CELL | {"reset_after": FLAG}
_LSTM_CELL = _GATED_CELL | {"unit_forget_bias": FLAG}
_AFFINE = _of_weights("beta", "gamma") | {"epsilon": NUMBER, "center": FLAG, "scale": FLAG}
_RECURRENT = dict.fromkeys(
    (
        *("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"),
        *("hold_initial_state", "ends_mask"),
    ),
    FLAG,
)
_WINDOW = {
    "kernel_size": SIZES,
    "strides": SIZES,
    "padding": TEXT,
    "data_format": OPTIONAL_TEXT,
    "dilation_rate": SIZES,
}
_CONV = _WEIGHTED | _WINDOW | {"filters": COUNT, "groups": COUNT}
_LOCALLY_CONNECTED = {name: kind for name, kind in (_WEIGHTED | _WINDOW).items() if name != "dilation_rate"} | {
    "filters": COUNT,
    "implementation": Kind("1, 2 or 3", lambda value: _is_integer(value) and value in (1, 2, 3)),
}
_CONV_TRANSPOSE = _WEIGHTED | _WINDOW | {"filters": COUNT, "output_padding": OPTIONAL_AMOUNTS}
_SEPARABLE = (
    _of_weights("depthwise", "pointwise", "bias")
    | _WINDOW
    | {"use_bias": FLAG, "activation": OBJECT, "depth_multiplier": COUNT, "filters": COUNT}
)
_DEPTHWISE = {name: kind for name, kind in _SEPARABLE.items() if not name.startswith("pointwise") and name != "filters"}
_GLOBAL_POOLING = {"data_format": OPTIONAL_TEXT, "keepdims": FLAG}
_POOLING = {"pool_size": SIZES, "strides": OPTIONAL_SIZES, "padding": TEXT, "data_format": OPTIONAL_TEXT}
_CONV_LSTM = {name: kind for name, kind in _LSTM_CELL.items() if name not in ("units", "implementation")} | {
    **_RECURRENT,
    **_WINDOW,
    "filters": COUNT,
}
_DATA_FORMAT = {"data_format": OPTIONAL_TEXT}

_VOCABULARY = {
    "max_tokens": OPTIONAL_COUNT,
    "vocabulary": TOKENS,
    "idf_weights": OPTIONAL_ARRAY,
    "output_mode": TEXT,
    "sparse": DENSE,
    "pad_to_max_tokens": FLAG,
    "vocabulary_size": OPTIONAL_COUNT,
    "has_input_vocabulary": FLAG,
}
_LOOKUP = _VOCABULARY | {
    "num_oov_indices": AMOUNTS,
    "mask_token": TOKEN,
    "oov_token": TOKEN,
    "invert": FLAG,
    "salt": SALT,
    "oov_method": TEXT,
}
_ADAPTIVE = {"output_size": SIZES, "data_format": OPTIONAL_TEXT}
_HEADS = {name: kind for name, kind in _WEIGHTED.items() if name != "activation"} | {
    "dropout": RATE,
    "sliding_window": OPTIONAL_COUNT,
    "flash_attention": OPTIONAL_FLAG,
    "use_gate": FLAG,
    "seed": SEED,
}
_EMBEDDING = _of_weights("embeddings") | {"input_dim": COUNT, "output_dim": COUNT, "mask_zero": FLAG}

_IMAGES = {"data_format": OPTIONAL_TEXT, "bounding_box_format": OPTIONAL_TEXT}
_AUGMENTING = _IMAGES | {"seed": SEED}
_COLORED = _AUGMENTING | {"factor": FACTOR, "value_range": ARRAY}
_MOVED = _AUGMENTING | {"fill_mode": TEXT, "interpolation": TEXT, "fill_value": NUMBER}

ARGUMENTS: Mapping[str, Mapping[str, Kind]] = {
    "Activation": {"activation": OBJECT},
    "ActivityRegularization": {"l1": NUMBER, "l2": NUMBER},
    **{f"Adaptive{kind}Pooling{rank}D": _ADAPTIVE for kind in ("Average", "Max") for rank in (1, 2, 3)},
    "Add": _MERGING,
    "AdditiveAttention": _ATTENTION,
    "AlphaDropout": {"rate": RATE, "noise_shape": SHAPE, "seed": SEED},
    "Attention": _ATTENTION | {"score_mode": TEXT},
    "Average": _MERGING,
    "AveragePooling1D": _POOLING,
    "AveragePooling2D": _POOLING,
    "AveragePooling3D": _POOLING,
    "BatchNormalization": _AFFINE
    | {
        "axis": AXIS,
        "momentum": NUMBER,
        "moving_mean_initializer": OBJECT,
        "moving_variance_initializer": OBJECT,
        "synchronized": FLAG,
        "renorm": FLAG,
        "renorm_clipping": Kind("a table of numbers or null", lambda value: value is None or _is_table(value)),
        "renorm_momentum": NUMBER,
        "virtual_batch_size": Kind("null, for virtual batches are not supported", lambda value: value is None),
    },
    "Bidirectional": {
        "layer": LAYER,
        "backward_layer": OPTIONAL_LAYER,
        "merge_mode": OPTIONAL_TEXT,
        "zero_output_for_mask": OPTIONAL_FLAG,
        "ends_mask": FLAG,
    },
    "CategoryEncoding": {
        "num_tokens": COUNT,
        "output_mode": TEXT,
        "sparse": DENSE,
    },
    "CenterCrop": {"height": COUNT, "width": COUNT, "data_format": OPTIONAL_TEXT},
    "Concatenate": _MERGING | {"axis": AXIS},
    "Conv1D": _CONV,
    "Conv1DTranspose": _CONV_TRANSPOSE,
    "Conv2D": _CONV,
    "Conv2DTranspose": _CONV_TRANSPOSE,
    "Conv3D": _CONV,
    "Conv3DTranspose": _CONV_TRANSPOSE,
    "ConvLSTM1D": _CONV_LSTM,
    "ConvLSTM2D": _CONV_LSTM,
    "ConvLSTM3D": _CONV_LSTM,
    "Cropping1D": {"cropping": AMOUNTS},
    "Cropping2D": _DATA_FORMAT | {"cropping": AMOUNTS},
    "Cropping3D": _DATA_FORMAT | {"cropping": AMOUNTS},
    "Dense": _WEIGHTED | {"units": COUNT},
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "Discretization": {
        "bin_boundaries": OPTIONAL_ARRAY,
        "num_bins": OPTIONAL_COUNT,
        "epsilon": NUMBER,
        "output_mode": TEXT,
        "sparse": DENSE,
    },
    "Dot": {"axes": AXES, "normalize": FLAG},
    "Dropout": {"rate": RATE, "noise_shape": SHAPE, "seed": SEED},
    "ELU": {"alpha": NUMBER},
    "EinsumDense": _WEIGHTED | {"equation": TEXT, "output_shape": FREE_SIZES, "bias_axes": OPTIONAL_TEXT},
    "Embedding": _EMBEDDING,
    "Flatten": {"data_format": OPTIONAL_TEXT},
    "GRU": _GRU_CELL | _RECURRENT,
    "GRUCell": _GRU_CELL,
    "GaussianDropout": {"rate": RATE, "seed": SEED},
    "GaussianNoise": {"stddev": NUMBER, "seed": SEED},
    "GlobalAveragePooling1D": _GLOBAL_POOLING,
    "GlobalAveragePooling2D": _GLOBAL_POOLING,
    "GlobalAveragePooling3D": _GLOBAL_POOLING,
    "GlobalMaxPooling1D": _GLOBAL_POOLING,
    "GlobalMaxPooling2D": _GLOBAL_POOLING,
    "GlobalMaxPooling3D": _GLOBAL_POOLING,
    "GroupNormalization": _AFFINE | {"groups": AXIS, "axis": AXIS},
    "HashedCrossing": {"num_bins": COUNT, "output_mode": TEXT, "sparse": DENSE},
    "Hashing": {"num_bins": COUNT, "mask_value": TOKEN, "salt": SALT, "output_mode": TEXT, "sparse": DENSE},
    "GroupQueryAttention": _HEADS | {"head_dim": COUNT, "num_query_heads": COUNT, "num_key_value_heads": COUNT},
    "Highway": _HIGHWAY,
    "Identity": {},
    "IntegerLookup": _LOOKUP | {"vocabulary_dtype": TEXT},
    "LSTM": _LSTM_CELL | _RECURRENT,
    "LSTMCell": _LSTM_CELL,
    "LayerNormalization": _AFFINE | {"axis": AXES, "rms_scaling": FLAG},
    "LeakyReLU": {"negative_slope": NUMBER},
    "Masking": {"mask_value": NUMBER},
    "MaxPooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "MaxPooling3D": _POOLING,
    "Maximum": _MERGING,
    "LocallyConnected1D": _LOCALLY_CONNECTED,
    "LocallyConnected2D": _LOCALLY_CONNECTED,
    "MaxoutDense": _MAXOUT,
    "MelSpectrogram": {
        **dict.fromkeys(("fft_length", "sequence_stride", "sampling_rate", "num_mel_bins"), COUNT),
        **dict.fromkeys(("min_freq", "top_db", "mag_exp", "min_power", "ref_power"), NUMBER),
        "sequence_length": OPTIONAL_COUNT,
        "max_freq": OPTIONAL_NUMBER,
        "power_to_db": FLAG,
        "window": WINDOW,
    },
    "Merge": {"mode": TEXT, "concat_axis": AXIS, "dot_axes": AXES},
    "Minimum": _MERGING,
    "MultiHeadAttention": _HEADS
    | {
        "num_heads": COUNT,
        "key_dim": COUNT,
        "value_dim": OPTIONAL_COUNT,
        "output_shape": OPTIONAL_AXES,
        "attention_axes": OPTIONAL_AXES,
        "softmax_robust_masking": FLAG,
    },
    "Multiply": _MERGING,
    "Normalization": {"axis": OPTIONAL_AXES, "invert": FLAG, "mean": OPTIONAL_ARRAY, "variance": OPTIONAL_ARRAY},
    "Pipeline": {"layers": LAYERS},
    "PReLU": _of_weights("alpha") | {"shared_axes": OPTIONAL_AXES},
    "Permute": {"dims": INTEGERS},
    "RMSNormalization": {"axis": AXES, "epsilon": NUMBER},
    "RNN": _RECURRENT | {"cell": LAYER},
    "ReLU": {"max_value": OPTIONAL_NUMBER, "negative_slope": NUMBER, "threshold": NUMBER},
    "RepeatVector": {"n": COUNT},
    "Rescaling": {"scale": ARRAY, "offset": ARRAY},
    "Reshape": {"target_shape": INTEGERS},
    "Resizing": {
        "height": COUNT,
        "width": COUNT,
        "data_format": OPTIONAL_TEXT,
        "interpolation": TEXT,
        "crop_to_aspect_ratio": FLAG,
        "pad_to_aspect_ratio": FLAG,
        "fill_mode": TEXT,
        "fill_value": NUMBER,
        "antialias": FLAG,
    },
    "ReversibleEmbedding": _EMBEDDING
    | {"tie_weights": FLAG, "reverse_dtype": OPTIONAL_TEXT, "logit_soft_cap": OPTIONAL_NUMBER},
    "STFTSpectrogram": {
        "mode": TEXT,
        "frame_length": COUNT,
        "frame_step": OPTIONAL_COUNT,
        "fft_length": OPTIONAL_COUNT,
        "window": WINDOW,
        "periodic": FLAG,
        "scaling": OPTIONAL_TEXT,
        "padding": TEXT,
        "expand_dims": FLAG,
        "data_format": OPTIONAL_TEXT,
    },
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "SimpleRNN": _CELL | _RECURRENT,
    "SimpleRNNCell": _CELL,
    "Softmax": {"axis": AXES},
    "SpatialDropout1D": {"rate": RATE, "seed": SEED},
    "SpatialDropout2D": {"rate": RATE, "seed": SEED, "data_format": OPTIONAL_TEXT},
    "SpatialDropout3D": {"rate": RATE, "seed": SEED, "data_format": OPTIONAL_TEXT},
    "SpectralNormalization": {"layer": LAYER, "power_iterations": COUNT},
    "StackedRNNCells": {"cells": LAYERS},
    "StringLookup": _LOOKUP | {"encoding": TEXT},
    "Subtract": _MERGING,
    "TextVectorization": _VOCABULARY
    | {
        "standardize": STEP,
        "split": STEP,
        "ngrams": OPTIONAL_SIZES,
        "output_sequence_length": OPTIONAL_COUNT,
        "ragged": Kind("false, for ragged outputs are not supported", lambda value: value is False),
        "encoding": TEXT,
    },
    "TernaryDense": _WEIGHTED | {"units": COUNT} | {"threshold": OPTIONAL_NUMBER},
    "ThresholdedReLU": {"theta": NUMBER},
    "TimeDistributed": {"layer": LAYER, "all_steps_at_once": FLAG, "ends_mask": FLAG},
    "UnitNormalization": {"axis": AXES},
    "UpSampling1D": {"size": SIZES},
    "UpSampling2D": _DATA_FORMAT | {"size": SIZES, "interpolation": TEXT, "from_first": FLAG},
    "UpSampling3D": _DATA_FORMAT | {"size": SIZES},
    "ZeroPadding1D": _DATA_FORMAT | {"padding": AMOUNTS},
    "ZeroPadding2D": _DATA_FORMAT | {"padding": AMOUNTS},
    "ZeroPadding3D": _DATA_FORMAT | {"padding": AMOUNTS},
    # images changed at random
    "AugMix": _AUGMENTING
    | {
        "value_range": ARRAY,
        "num_chains": COUNT,
        "chain_depth": COUNT,
        "factor": FACTOR,
        "alpha": NUMBER,
        "all_ops": FLAG,
        "interpolation": TEXT,
    },
    "AutoContrast": _IMAGES | {"value_range": ARRAY},
    "ContrastLimitedAdaptiveHistogramEqualization": _IMAGES
    | {"value_range": ARRAY, "clip_limit": NUMBER, "tile_grid_size": SIZES},
    "CutMix": _AUGMENTING | {"factor": FACTOR},
    "Equalization": _IMAGES | {"value_range": ARRAY, "bins": COUNT},
    "MaxNumBoundingBoxes": _IMAGES | {"max_number": COUNT, "fill_value": NUMBER},
    "Mosaic": _AUGMENTING | {"offset": FACTOR},
    "MixUp": _AUGMENTING | {"alpha": NUMBER},
    "RandAugment": _AUGMENTING | {"value_range": ARRAY, "num_ops": COUNT, "factor": FACTOR, "interpolation": TEXT},
    "RandomBrightness": _COLORED,
    "RandomColorDegeneration": _COLORED,
    "RandomColorJitter": _AUGMENTING
    | {"value_range": ARRAY, "brightness_factor": OPTIONAL_FACTOR, "contrast_factor": OPTIONAL_FACTOR}
    | {"saturation_factor": OPTIONAL_FACTOR, "hue_factor": OPTIONAL_FACTOR},
    "RandomContrast": _COLORED,
    "RandomCrop": _AUGMENTING | {"height": COUNT, "width": COUNT, "resizes_in_inference": FLAG},
    "RandomElasticTransform": _MOVED | {"factor": FACTOR, "scale": FACTOR, "value_range": ARRAY},
    "RandomErasing": _COLORED | {"scale": FACTOR, "fill_value": OPTIONAL_ARRAY},
    "RandomFlip": _AUGMENTING | {"mode": TEXT},
    "RandomGaussianBlur": _COLORED | {"kernel_size": SIZES, "sigma": FACTOR},
    "RandomGrayscale": _AUGMENTING | {"factor": NUMBER},
    "RandomHeight": {"factor": FACTOR, "interpolation": TEXT, "seed": SEED},
    "RandomWidth": {"factor": FACTOR, "interpolation": TEXT, "seed": SEED},
    "RandomHue": _COLORED,
    "RandomInvert": _COLORED,
    "RandomPerspective": _AUGMENTING | {"factor": FACTOR, "scale": NUMBER, "interpolation": TEXT, "fill_value": NUMBER},
    "RandomPosterization": _COLORED,
    "RandomRotation": _MOVED | {"factor": FACTOR},
    "RandomSaturation": _COLORED,
    "RandomSharpness": _COLORED,
    "RandomShear": _MOVED | {"x_factor": FACTOR, "y_factor": FACTOR},
    "RandomTranslation": _MOVED | {"height_factor": FACTOR, "width_factor": FACTOR},
    "RandomZoom": _MOVED | {"height_factor": FACTOR, "width_factor": OPTIONAL_FACTOR},
    "Solarization": _AUGMENTING | {"addition_factor": FACTOR, "threshold_factor": FACTOR, "value_range": ARRAY},
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    **{f"Adaptive{kind}Pooling{rank}D": ("output_size",) for kind in ("Average", "Max") for rank in (1, 2, 3)},
    "AlphaDropout": ("rate",),
    "Bidirectional": ("layer",),
    "CategoryEncoding": ("num_tokens",),
    "CenterCrop": ("height", "width"),
    "Conv1D": ("filters", "kernel_size"),
    "Conv1DTranspose": ("filters", "kernel_size"),
    "Conv2D": ("filters", "kernel_size"),
    "Conv2DTranspose": ("filters", "kernel_size"),
    "Conv3D": ("filters", "kernel_size"),
    "Conv3DTranspose": ("filters", "kernel_size"),
    "ConvLSTM1D": ("filters", "kernel_size"),
    "ConvLSTM2D": ("filters", "kernel_size"),
    "ConvLSTM3D": ("filters", "kernel_size"),
    "Dense": ("units",),
    "DepthwiseConv1D": ("kernel_size",),
    "DepthwiseConv2D": ("kernel_size",),
    "Dot": ("axes",),
    "Dropout": ("rate",),
    "EinsumDense": ("equation", "output_shape"),
    "Embedding": ("input_dim", "output_dim"),
    "GRU": ("units",),
    "GRUCell": ("units",),
    "GaussianDropout": ("rate",),
    "GaussianNoise": ("stddev",),
    "HashedCrossing": ("num_bins",),
    "Hashing": ("num_bins",),
    "GroupQueryAttention": ("head_dim", "num_query_heads", "num_key_value_heads"),
    "LSTM": ("units",),
    "LSTMCell": ("units",),
    "LocallyConnected1D": ("filters", "kernel_size"),
    "LocallyConnected2D": ("filters", "kernel_size"),
    "MaxNumBoundingBoxes": ("max_number",),
    "MaxoutDense": ("units",),
    "Pipeline": ("layers",),
    "MultiHeadAttention": ("num_heads", "key_dim"),
    "Permute": ("dims",),
    "RNN": ("cell",),
    "RepeatVector": ("n",),
    "Rescaling": ("scale",),
    "Reshape": ("target_shape",),
    "Resizing": ("height", "width"),
    "ReversibleEmbedding": ("input_dim", "output_dim"),
    "SeparableConv1D": ("filters", "kernel_size"),
    "SeparableConv2D": ("filters", "kernel_size"),
    "SimpleRNN": ("units",),
    "SimpleRNNCell": ("units",),
    "SpatialDropout1D": ("rate",),
    "SpatialDropout2D": ("rate",),
    "SpatialDropout3D": ("rate",),
    "StackedRNNCells": ("cells",),
    "TernaryDense": ("units",),
    "TimeDistributed": ("layer",),
    "SpectralNormalization": ("layer",),
    "RandomBrightness": ("factor",),
    "RandomHeight": ("factor",),
    "RandomWidth": ("factor",),
    "RandomColorDegeneration": ("factor",),
    "RandomContrast": ("factor",),
    "RandomCrop": ("height", "width"),
    "RandomHue": ("factor",),
    "RandomPosterization": ("factor",),
    "RandomRotation": ("factor",),
    "RandomSaturation": ("factor",),
    "RandomSharpness": ("factor",),
    "RandomTranslation": ("height_factor", "width_factor"),
    "RandomZoom": ("height_factor",),
}


def with_flags(class_name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with true and false where they are flags that somebody wrote as 1 and 0, as Keras kept them."""
    kinds = {**EVERY_LAYER, **ARGUMENTS[class_name]}
    flags = {name for name in arguments if kinds.get(name) is FLAG and _is_integer(arguments[name])}
    return {name: bool(value) if name in flags and value in (0, 1) else value for name, value in arguments.items()}


def check_arguments(class_name: str, arguments: Mapping[str, Any], place: str) -> None:
    """Refuse arguments that the layer does not have, that have the wrong type, or that are missing.

    Args:
        class_name: a key of ``ARGUMENTS``.
        arguments: in Keras 3's names.
        place: the layer as an error names it, "layer `lstm_1`".

    Raises:
        ValueError: naming the place, the argument, what was expected and what the file has.
    """
    table = {**EVERY_LAYER, **ARGUMENTS[class_name]}
    for name, value in arguments.items():
        if name not in table:
            close = difflib.get_close_matches(name, table, 1)
            hint = f" Did it mean `{close[0]}`?" if close else ""
            raise ValueError(f"{place} ({class_name}) has an unknown argument `{name}` = {value!r}.{hint}")
        if not table[name].accepts(value):
            raise ValueError(f"{place} ({class_name}): `{name}` must be {table[name].expected}, got {value!r}.")
    missing = [name for name in REQUIRED.get(class_name, ()) if name not in arguments]
    if missing:
        raise ValueError(f"{place} ({class_name}) lacks the argument `{missing[0]}`.")
