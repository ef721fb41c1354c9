"""What the generations of Keras call the same things, and where they mean different things by one name.

Four generations wrote files: Keras 1, Keras 2 (the ``keras`` package up to 2.3), tf.keras (``tf_keras`` today) and
Keras 3. Every dialect ends here: what leaves :func:`translate` has Keras 3's class and argument names, and two names of
our own where Keras 3 has none for the older meaning: the activation ``hard_sigmoid_keras2`` and ``Bidirectional``'s
``zero_output_for_mask``.
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
_KERAS_1_ARGUMENTS: Mapping[str, Mapping[str, str]] = {
    "Dense": _KERAS_1_WEIGHTED,
    "Dropout": {"p": "rate"},
    "Embedding": {
        "init": "embeddings_initializer",
        "W_regularizer": "embeddings_regularizer",
        "W_constraint": "embeddings_constraint",
    },
    "Highway": _KERAS_1_WEIGHTED,
    "LSTM": _KERAS_1_WEIGHTED
    | {
        "inner_init": "recurrent_initializer",
        "inner_activation": "recurrent_activation",
        "U_regularizer": "recurrent_regularizer",
        "dropout_W": "dropout",
        "dropout_U": "recurrent_dropout",
        "consume_less": "implementation",
        "forget_bias_init": "unit_forget_bias",
    },
    "MaxoutDense": _KERAS_1_WEIGHTED | {"nb_feature": "maps"},
}
# A Dense layer works on the last axis, so that this one of Keras 1, dropped in 1.2, is the same layer.
_KERAS_1_CLASSES = {"TimeDistributedDense": "Dense"}
_KERAS_1_PLANS = {"cpu": 1, "mem": 1, "gpu": 2}

# cuDNN's layers of Keras 2 computed one configuration only, which their files leave out.
_CUDNN_GATES = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True}
_CUDNN_CLASSES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "CuDNNGRU": ("GRU", _CUDNN_GATES | {"reset_after": True}),
    "CuDNNLSTM": ("LSTM", _CUDNN_GATES),
}
# What only a `Merge` by a function of the user's own had a use for.
_KERAS_1_MERGE_FUNCTIONS = ("output_shape", "output_shape_type", "output_mask", "output_mask_type", "arguments")
# Layers that give their output another mask, or other values at masked steps, since Keras 3.
_MERGING = ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract")

# Arguments without a meaning for what a layer computes, and the values that may be dropped (None: any).
_VOID: Mapping[str, tuple[Any, ...] | None] = {
    "input_dtype": None,
    "input_length": None,
    "key_shape": None,
    "batch_input_shape": None,
    "batch_shape": None,
    "enable_caching_device": None,
    "num_constants": (None, 0),
    "quantization_config": (None,),
    "query_shape": None,
    "ragged": (False,),
    "sparse": (False,),
    "time_major": (False,),
    "transform_bias": None,
    "value_shape": None,
}


def older_names(class_name: str) -> list[str]:
    """The names under which older Kerases wrote what is ``class_name`` here."""
    renamed = _KERAS_1_CLASSES | {old: new for old, (new, _) in _CUDNN_CLASSES.items()}
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
    if arguments.get("implementation") == 0:
        arguments["implementation"] = 1  # an alias since Keras 2
    if producer.generation < Generation.KERAS_3:
        for name in ("activation", "recurrent_activation"):
            if function_name(arguments.get(name)) == "hard_sigmoid":
                arguments[name] = "hard_sigmoid_keras2"
    seed = arguments.get("seed")
    if is_serialized_object(seed) and isinstance(seed["config"], dict):
        arguments["seed"] = seed["config"].get("seed")  # Keras 3's SeedGenerator
    if class_name == "Bidirectional" and producer.generation < Generation.TF_KERAS:
        arguments["zero_output_for_mask"] = False
    if producer.generation < Generation.KERAS_3:
        if class_name in _MERGING:
            arguments["combine_masks"] = "all"
        elif class_name == "MultiHeadAttention":
            arguments.setdefault("softmax_robust_masking", False)  # older tf.keras did not write it
    return class_name, arguments, notes


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
    if class_name == "Merge":
        config = _keras_1_merge(config, place)
    arguments = {names.get(name, name): value for name, value in config.items()}
    if len(arguments) < len(config):
        doubled = next(name for name in config if names.get(name, name) != name and names[name] in config)
        raise ValueError(f"{place} ({class_name}) has both `{doubled}` and `{names[doubled]}`, which are one argument.")
    for name, value in arguments.items():
        if name.endswith("_initializer") and value == "orthogonal":
            arguments[name] = {"class_name": "Orthogonal", "config": {"gain": 1.1}}  # Keras 1's default gain
        elif name.endswith(("_regularizer", "_constraint")) and isinstance(value, dict):
            arguments[name] = _keras_1_object(value, f"{place} ({class_name}): `{name}`")
    if "implementation" in arguments:
        plan = arguments["implementation"]
        if not isinstance(plan, str) or plan not in _KERAS_1_PLANS:
            raise ValueError(f"{place} ({class_name}): `consume_less` must be 'cpu', 'mem' or 'gpu', got {plan!r}.")
        arguments["implementation"] = _KERAS_1_PLANS[plan]
    if "unit_forget_bias" in arguments:
        arguments["unit_forget_bias"] = arguments["unit_forget_bias"] == "one"
    return class_name, arguments, notes


def _keras_1_merge(config: Mapping[str, Any], place: str) -> dict[str, Any]:
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
