"""The words of Keras 1 for what Keras 2 and 3 call otherwise: classes, arguments and values."""

from collections.abc import Mapping
from typing import Any

_WEIGHTED = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_RECURRENT = _WEIGHTED | {
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "consume_less": "implementation",
}
_GATED = _RECURRENT | {"inner_activation": "recurrent_activation"}
_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_SPACE = {"border_mode": "padding", "dim_ordering": "data_format"}
_CONV = (
    _WEIGHTED
    | _SPACE
    | {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample": "strides",
        "subsample_length": "strides",
        "atrous_rate": "dilation_rate",
    }
)
_POOLING = _SPACE | {"pool_length": "pool_size", "stride": "strides"}
_IMAGES = {"p": "rate", "dim_ordering": "data_format"}
_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "BatchNormalization": {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    "Dense": _WEIGHTED,
    "Dropout": {"p": "rate"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "GRU": _GATED,
    "LSTM": _GATED | {"forget_bias_init": "unit_forget_bias"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "PReLU": {"init": "alpha_initializer"},
    "SimpleRNN": _RECURRENT,
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": _IMAGES,
    "SpatialDropout3D": _IMAGES,
    "Highway": _WEIGHTED,
    "UpSampling1D": {"length": "size"},
    **{f"Conv{rank}D": _CONV for rank in (1, 2, 3)},
    "SeparableConv2D": _CONV,
    "LocallyConnected1D": _CONV,
    "LocallyConnected2D": _CONV,
    "ConvLSTM2D": _CONV | _GATED | {"forget_bias_init": "unit_forget_bias"},
    **{f"{kind}Pooling{rank}D": _POOLING for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **{
        f"{kind}{rank}D": _SPACE
        for kind in ("GlobalAveragePooling", "GlobalMaxPooling", "UpSampling", "ZeroPadding", "Cropping")
        for rank in (2, 3)
    },
    "MaxoutDense": _WEIGHTED | {"nb_feature": "maps"},
}
CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "SeparableConvolution2D": "SeparableConv2D",
    # A Dense layer works on the last axis, so that this one, dropped in 1.2, is the same layer.
    "TimeDistributedDense": "Dense",
}
# one argument an axis, where Keras 2 has a list
_WINDOWS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_PLANS = {"cpu": 1, "mem": 1, "gpu": 2}


def from_keras_1(class_name: str, config: dict[str, Any], place: str) -> tuple[str, dict[str, Any], list[str]]:
    """A layer's class and arguments in the words of Keras 2, and notes; arguments as of :func:`.dialects.translate`.

    Raises:
        ValueError: naming the place, for what no later Keras computes and for values that Keras 1 did not write.
    """
    class_name = CLASSES.get(class_name, class_name)
    names = _ARGUMENTS.get(class_name, {})
    notes = []
    if class_name == "Embedding":
        if config.get("dropout"):
            notes.append(f"{place}: Keras 1's dropout of whole embeddings, used in training only, is left out.")
        config.pop("dropout", None)
    else:
        config.pop("input_dim", None)
    for window in _WINDOWS:
        if config.keys() >= set(window):
            config["kernel_size"] = [config.pop(name) for name in window]
    if class_name == "BatchNormalization" and config.pop("mode", 0) != 0:
        raise ValueError(
            f"{place} (BatchNormalization): `mode` must be 0, by the moving averages of each feature; modes 1 and 2 of "
            "Keras 1 normalize by what is at hand."
        )
    arguments = {names.get(name, name): value for name, value in config.items()}
    if len(arguments) < len(config):
        doubled = next(name for name in config if names.get(name, name) != name and names[name] in config)
        raise ValueError(f"{place} ({class_name}) has both `{doubled}` and `{names[doubled]}`, which are one argument.")
    for name, value in arguments.items():
        if name.endswith("_initializer") and value == "orthogonal":
            arguments[name] = {"class_name": "Orthogonal", "config": {"gain": 1.1}}  # Keras 1's default gain
        elif name.endswith(("_regularizer", "_constraint")) and isinstance(value, dict):
            arguments[name] = _object(value, f"{place} ({class_name}): `{name}`")
    data_format, padding = arguments.get("data_format"), arguments.get("padding")
    if isinstance(data_format, str):
        arguments["data_format"] = _DATA_FORMATS.get(data_format, data_format)
    if class_name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4:
        top, bottom, left, right = padding
        arguments["padding"] = [[top, bottom], [left, right]]
    if "implementation" in arguments:
        plan = arguments["implementation"]
        if not isinstance(plan, str) or plan not in _PLANS:
            raise ValueError(f"{place} ({class_name}): `consume_less` must be 'cpu', 'mem' or 'gpu', got {plan!r}.")
        arguments["implementation"] = _PLANS[plan]
    if "unit_forget_bias" in arguments:
        arguments["unit_forget_bias"] = arguments["unit_forget_bias"] == "one"
    return class_name, arguments, notes


def _object(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    """Keras 1's ``{"name": "WeightRegularizer", "l1": 0.0, "l2": 0.1}`` as Keras 2 and 3 write it."""
    config = dict(value)
    name = config.pop("name", None)
    if not isinstance(name, str):
        raise ValueError(f"{what} must be an object with a `name`, got {dict(value)!r}.")
    if name in ("WeightRegularizer", "ActivityRegularizer", "L1L2Regularizer"):
        return {"class_name": "L1L2", "config": config}
    if "m" in config:
        config["max_value"] = config.pop("m")
    return {"class_name": name, "config": config}
