"""What the generations of Keras call the same things, and where they mean different things by one name.

Four generations wrote files: Keras 1, Keras 2 (the ``keras`` package up to 2.3), tf.keras (``tf_keras`` today) and
Keras 3. Every dialect ends here: what leaves :func:`translate` has Keras 3's class and argument names, and names of our
own where Keras 3 has none for the older meaning: the activation ``hard_sigmoid_keras2``, ``Bidirectional``'s
``zero_output_for_mask``, ``hold_initial_state`` and ``ends_mask`` of recurrent layers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from torch_keras_lstm.conversion.arguments import is_serialized_object


class Generation(IntEnum):
    """Which code base wrote a file; comparable by age."""

    KERAS_1 = 1
    KERAS_2 = 2
    TF_KERAS = 3
    KERAS_3 = 4


@dataclass(frozen=True)
class Producer:
    """Who wrote a file.

    Attributes:
        generation: the code base.
        version: as the file gives it, such as "2.2.4-tf"; ``None`` when it gives none.
    """

    generation: Generation
    version: str | None

    def __str__(self) -> str:
        name = {"KERAS_1": "Keras 1", "KERAS_2": "Keras 2", "TF_KERAS": "tf.keras", "KERAS_3": "Keras 3"}
        return name[self.generation.name] + (f" ({self.version})" if self.version else "")

    @property
    def counts_weighted_layers_twice(self) -> bool:
        """Whether ``.keras`` archives of this version number siblings 0, 2, 4: tf.keras 2.12 and 2.13 did."""
        return self.version is not None and re.match(r"2\.1[23](\.|$)", self.version) is not None

    @property
    def keeps_standard_deviations(self) -> bool:
        """Whether ``BatchNormalization`` divided by ``running_std + epsilon``; from 1.0.6 on it held the variance."""
        return self.version is not None and re.match(r"1\.0\.[0-5]$", self.version) is not None

    @property
    def sorts_trained_weights(self) -> bool:
        """Whether optimizers had the weights sorted by name, as they had in Keras 1 and the first releases of 2."""
        early = self.version is not None and re.match(r"2\.(0|1\.[0-5])(\.|-|$)", self.version) is not None
        return self.generation is Generation.KERAS_1 or (self.generation is Generation.KERAS_2 and early)

    @property
    def holds_initial_states(self) -> bool:
        """Whether masked steps before the first other one gave the initial state, as they did up to Keras 2.2."""
        early = self.version is not None and re.match(r"2\.[0-2](\.|$)", self.version) is not None
        return self.generation is Generation.KERAS_1 or (self.generation is Generation.KERAS_2 and early)

    @property
    def has_rules_of_3_16(self) -> bool:
        """Whether it was Keras 3.16 or later, or a preview of it (3.16.0.dev...): masks end at layers over time."""
        numbers = re.match(r"3\.(\d+)", self.version or "")
        return numbers is not None and int(numbers[1]) >= 16


def identify(version: str | None, root: Mapping[str, Any], layers: Iterable[object]) -> Producer:
    """Who wrote a model, by the version in the file, or by its spelling where there is none.

    Args:
        version: the file's ``keras_version``.
        root: the model's ``{"class_name": ..., "config": ...}``.
        layers: the entries of its layers.
    """
    if version is None:
        return Producer(_spelled_by(root, layers), None)
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    if numbers is None or not 1 <= int(numbers[1]) <= 3:
        raise ValueError(f"`keras_version` {version!r} is no version of Keras 1, 2 or 3.")
    major, minor, patch = int(numbers[1]), int(numbers[2]), int(numbers[3] or 0)
    if major != 2:
        return Producer(Generation.KERAS_1 if major == 1 else Generation.KERAS_3, version)
    # The keras package of 2.4 and later is tf.keras under its old name. tf.keras before TensorFlow 1.13 ("2.2.4-tf")
    # did not zero masked steps in Bidirectional yet, so that it reads as Keras 2.
    is_tf = minor >= 4 or ("-tf" in version and (minor, patch) >= (2, 4))
    return Producer(Generation.TF_KERAS if is_tf else Generation.KERAS_2, version)


def _spelled_by(root: Mapping[str, Any], layers: Iterable[object]) -> Generation:
    if "module" in root:
        return Generation.KERAS_3
    configs = [entry["config"] for entry in layers if isinstance(entry, dict) and isinstance(entry.get("config"), dict)]
    if any({"inner_activation", "W_regularizer", "input_dtype", "p", "init"} & config.keys() for config in configs):
        return Generation.KERAS_1
    return Generation.KERAS_2


_KERAS_1_WEIGHTED = {
    "output_dim": "units",
    "init": "kernel_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}
_KERAS_1_RECURRENT = _KERAS_1_WEIGHTED | {
    "inner_init": "recurrent_initializer",
    "U_regularizer": "recurrent_regularizer",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "consume_less": "implementation",
}
_KERAS_1_GATED = _KERAS_1_RECURRENT | {"inner_activation": "recurrent_activation"}
_KERAS_1_DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}
_KERAS_1_SPACE = {"border_mode": "padding", "dim_ordering": "data_format"}
_KERAS_1_CONV = (
    _KERAS_1_WEIGHTED
    | _KERAS_1_SPACE
    | {
        "nb_filter": "filters",
        "filter_length": "kernel_size",
        "subsample": "strides",
        "subsample_length": "strides",
        "atrous_rate": "dilation_rate",
    }
)
_KERAS_1_POOLING = _KERAS_1_SPACE | {"pool_length": "pool_size", "stride": "strides"}
_KERAS_1_IMAGES = {"p": "rate", "dim_ordering": "data_format"}
_KERAS_1_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "BatchNormalization": {"gamma_init": "gamma_initializer", "beta_init": "beta_initializer"},
    "Dense": _KERAS_1_WEIGHTED,
    "Dropout": {"p": "rate"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "GRU": _KERAS_1_GATED,
    "LSTM": _KERAS_1_GATED | {"forget_bias_init": "unit_forget_bias"},
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "PReLU": {"init": "alpha_initializer"},
    "SimpleRNN": _KERAS_1_RECURRENT,
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": _KERAS_1_IMAGES,
    "SpatialDropout3D": _KERAS_1_IMAGES,
    "Highway": _KERAS_1_WEIGHTED,
    "UpSampling1D": {"length": "size"},
    **{f"Conv{rank}D": _KERAS_1_CONV for rank in (1, 2, 3)},
    "SeparableConv2D": _KERAS_1_CONV,
    "ConvLSTM2D": _KERAS_1_CONV | _KERAS_1_GATED | {"forget_bias_init": "unit_forget_bias"},
    **{f"{kind}Pooling{rank}D": _KERAS_1_POOLING for kind in ("Average", "Max") for rank in (1, 2, 3)},
    **{
        f"{kind}{rank}D": _KERAS_1_SPACE
        for kind in ("GlobalAveragePooling", "GlobalMaxPooling", "UpSampling", "ZeroPadding", "Cropping")
        for rank in (2, 3)
    },
    "MaxoutDense": _KERAS_1_WEIGHTED | {"nb_feature": "maps"},
}
_KERAS_1_CLASSES = {
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
_KERAS_1_WINDOWS = (("nb_row", "nb_col"), ("kernel_dim1", "kernel_dim2", "kernel_dim3"))
_KERAS_1_PLANS = {"cpu": 1, "mem": 1, "gpu": 2}

# cuDNN's layers of Keras 2 computed one configuration only, which their files leave out.
_CUDNN_GATES = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}
_CUDNN_CLASSES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "CuDNNGRU": ("GRU", _CUDNN_GATES | {"reset_after": True}),
    "CuDNNLSTM": ("LSTM", _CUDNN_GATES),
}
# Keras 3.16 writes another name of the class than those before it.
_KERAS_3_CLASSES = {"GroupedQueryAttention": "GroupQueryAttention"}
# tf.keras' name of a layer that means the same over the batches of all devices.
_SYNCHRONIZED = "SyncBatchNormalization"
# What only a `Merge` by a function of the user's own had a use for.
_KERAS_1_MERGE_FUNCTIONS = ("output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments")
# Layers that hand no mask on since Keras 3.16.
_OVER_TIME = (
    *("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN"),
    *("Bidirectional", "TimeDistributed"),
)
# Layers that give their output another mask, or other values at masked steps, since Keras 3.
_MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")
# Layers that hand tensors which are the same at every step to their cell, if it is one that takes such `constants`.
_WITH_CONSTANTS = ("Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "GRU", "LSTM", "RNN", "SimpleRNN")
# What Keras 1 and 2 and tf.keras write of the class from which they derive a layer, and the layer does not use.
_INHERITED = {
    **{f"ConvLSTM{rank}D": ("implementation",) for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": ("groups",) for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": ("groups",) for rank in (1, 2)},
    **{
        f"SeparableConv{rank}D": ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint")
        for rank in (1, 2)
    },
}

# Arguments without a meaning for what a layer computes, and the values that may be dropped (None: any).
_VOID: Mapping[str, tuple[Any, ...] | None] = {
    "input_dtype": None,
    "input_length": None,
    "key_shape": None,
    # A file holds the kernel with its low-rank update added (`Dense.save_own_variables`).
    "lora_alpha": None,
    "lora_rank": None,
    "batch_input_shape": None,
    "batch_shape": None,
    "enable_caching_device": None,
    "fused": None,
    "num_constants": (None, 0),
    "quantization_config": (None,),
    "query_shape": None,
    "ragged": (False,),
    "reverse_state_order": (False,),
    "rng_type": None,
    "sparse": (False,),
    "time_major": (False,),
    "transform_bias": None,
    "value_shape": None,
}


def older_names(class_name: str) -> list[str]:
    """The names under which other Kerases wrote what is ``class_name`` here."""
    renamed = (
        _KERAS_1_CLASSES
        | _KERAS_3_CLASSES
        | {_SYNCHRONIZED: "BatchNormalization"}
        | {old: new for old, (new, _) in _CUDNN_CLASSES.items()}
    )
    return sorted(old for old, new in renamed.items() if new == class_name)


def translate(
    class_name: str, config: Mapping[str, Any], producer: Producer, place: str
) -> tuple[str, dict[str, Any], list[str]]:
    """A layer's class and arguments in Keras 3's names, without those that mean nothing.

    Args:
        class_name: as in the file.
        config: as in the file.
        producer: who wrote it.
        place: the layer as an error names it.

    Returns:
        The class, the arguments, and notes on what could not be said in Keras 3's terms.
    """
    arguments = dict(config)
    notes: list[str] = []
    if producer.generation is Generation.KERAS_1:
        class_name, arguments, notes = _from_keras_1(class_name, arguments, place)
    if class_name == "Merge":
        arguments = _without_merge_functions(arguments, place)
    class_name = _KERAS_3_CLASSES.get(class_name, class_name)
    if class_name == _SYNCHRONIZED:
        class_name, arguments["synchronized"] = "BatchNormalization", True
    if class_name in _CUDNN_CLASSES:
        class_name, fixed = _CUDNN_CLASSES[class_name]
        arguments |= fixed
    for name, values in _VOID.items():
        if name in arguments and (values is None or arguments[name] in values):
            del arguments[name]
    if "time_major" in arguments:
        raise ValueError(
            f"{place} ({class_name}) has `time_major=True`, which is not supported: batch comes first here."
        )
    if "num_constants" in arguments and class_name in _WITH_CONSTANTS:
        raise ValueError(
            f"{place} ({class_name}) is called with `constants` (`num_constants` = {arguments['num_constants']!r}): no "
            "cell of Keras' own takes them, and here none can."
        )
    if arguments.get("implementation") == 0:
        arguments["implementation"] = 1  # an alias since Keras 2
    if producer.generation < Generation.KERAS_3:
        for name in _INHERITED.get(class_name, ()):
            arguments.pop(name, None)
        for name in ("activation", "recurrent_activation"):
            if function_name(arguments.get(name)) == "hard_sigmoid":
                arguments[name] = "hard_sigmoid_keras2"
    seed = arguments.get("seed")
    if is_serialized_object(seed) and isinstance(seed["config"], dict):
        arguments["seed"] = seed["config"].get("seed")  # Keras 3's SeedGenerator
    if (
        class_name in ("GRU", "LSTM", "RNN", "SimpleRNN")
        and producer.holds_initial_states
        and not arguments.get("unroll")
    ):
        arguments["hold_initial_state"] = True
    if class_name == "BatchNormalization" and isinstance(arguments.get("axis"), list) and len(arguments["axis"]) == 1:
        arguments["axis"] = arguments["axis"][0]  # tf.keras until 2.9
    if class_name == "CategoryEncoding" and "max_tokens" in arguments:
        arguments["num_tokens"] = arguments.pop("max_tokens")  # its name until TensorFlow 2.5
    if class_name == "LeakyReLU" and "alpha" in arguments:
        arguments["negative_slope"] = arguments.pop("alpha")  # its name before Keras 3
    if class_name.startswith("SpatialDropout"):
        arguments.pop("noise_shape", None)  # Keras 2 wrote it and used its own
    if class_name in ("GRU", "GRUCell") and producer.generation < Generation.KERAS_3:
        arguments.setdefault("reset_after", False)  # unknown before Keras 2.1.3, written since
    if class_name in ("SimpleRNN", "SimpleRNNCell"):
        arguments.pop("implementation", None)  # Keras 1 and 2 wrote it; one way to compute it draws the same masks
    if class_name == "Bidirectional" and producer.generation < Generation.TF_KERAS:
        arguments["zero_output_for_mask"] = False
    if producer.generation < Generation.KERAS_3:
        if class_name in _MERGING:
            arguments["combine_masks"] = "all"
        elif class_name == "TimeDistributed" and _told_apart_by_step(arguments.get("layer")):
            arguments["all_steps_at_once"] = True
        elif class_name == "RandomCrop":
            arguments["resizes_in_inference"] = True
        elif class_name == "RandomContrast" and isinstance(arguments.get("factor"), int | float):
            arguments["factor"] = [arguments["factor"]] * 2
        elif class_name == "MultiHeadAttention":
            arguments.setdefault("softmax_robust_masking", False)  # older tf.keras did not write it
    if producer.has_rules_of_3_16:
        if class_name in _OVER_TIME:
            arguments["ends_mask"] = True
        elif class_name in ("AdditiveAttention", "Attention"):
            arguments["unseen_gives_zeros"] = True
    return class_name, arguments, notes


def exchanged_tversky(losses: Any) -> Any:
    """The configurations of losses from the words of Keras 3.16 into those before it, and from those into these.

    The two call the weights of ``Tversky`` by each other's name: ``alpha`` is that of what is missed, and since 3.16
    that of what is added.
    """
    if isinstance(losses, list):
        return [exchanged_tversky(loss) for loss in losses]
    if not isinstance(losses, dict):
        return losses
    if losses.get("class_name") != "Tversky" or not isinstance(config := losses.get("config"), dict):
        return {name: exchanged_tversky(loss) for name, loss in losses.items()}
    exchanged = {"alpha": config.get("beta", 0.5), "beta": config.get("alpha", 0.5)}
    return {**losses, "config": {**config, **exchanged}}


def _told_apart_by_step(layer: object) -> bool:
    """Whether it shows in training if the layer's configuration is called for each step by itself."""
    if isinstance(layer, list | tuple):
        return any(map(_told_apart_by_step, layer))
    if not isinstance(layer, Mapping):
        return False
    shows = layer.get("class_name") == "BatchNormalization" or layer.get("activity_regularizer") is not None
    return shows or any(map(_told_apart_by_step, layer.values()))


def function_name(identifier: object) -> str | None:
    """The name in a serialized function: ``"tanh"``, or Keras 3's ``{"class_name": "function", "config": "tanh"}``."""
    if isinstance(identifier, Mapping) and identifier.get("class_name") == "function":
        identifier = identifier.get("config")
    return identifier if isinstance(identifier, str) else None


def _from_keras_1(class_name: str, config: dict[str, Any], place: str) -> tuple[str, dict[str, Any], list[str]]:
    class_name = _KERAS_1_CLASSES.get(class_name, class_name)
    names = _KERAS_1_ARGUMENTS.get(class_name, {})
    notes = []
    if class_name == "Embedding":
        if config.get("dropout"):
            notes.append(f"{place}: Keras 1's dropout of whole embeddings, used in training only, is left out.")
        config.pop("dropout", None)
    else:
        config.pop("input_dim", None)
    for window in _KERAS_1_WINDOWS:
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
            arguments[name] = _keras_1_object(value, f"{place} ({class_name}): `{name}`")
    data_format, padding = arguments.get("data_format"), arguments.get("padding")
    if isinstance(data_format, str):
        arguments["data_format"] = _KERAS_1_DATA_FORMATS.get(data_format, data_format)
    if class_name == "ZeroPadding2D" and isinstance(padding, list) and len(padding) == 4:
        top, bottom, left, right = padding
        arguments["padding"] = [[top, bottom], [left, right]]
    if "implementation" in arguments:
        plan = arguments["implementation"]
        if not isinstance(plan, str) or plan not in _KERAS_1_PLANS:
            raise ValueError(f"{place} ({class_name}): `consume_less` must be 'cpu', 'mem' or 'gpu', got {plan!r}.")
        arguments["implementation"] = _KERAS_1_PLANS[plan]
    if "unit_forget_bias" in arguments:
        arguments["unit_forget_bias"] = arguments["unit_forget_bias"] == "one"
    return class_name, arguments, notes


def _without_merge_functions(config: Mapping[str, Any], place: str) -> dict[str, Any]:
    if config.get("mode_type", "raw") != "raw":
        raise ValueError(f"{place} (Merge) merges by Python code of its author, which is never run.")
    return {name: value for name, value in config.items() if name not in ("mode_type", *_KERAS_1_MERGE_FUNCTIONS)}


def _keras_1_object(value: Mapping[str, Any], what: str) -> dict[str, Any]:
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
