"""What TF.js means by a configuration: its own words, and where it computes something else than the Keras it is from.

A file of TF.js' says what TF.js computes, be it saved by TF.js or converted from Keras. Keras 3's files, which TF.js
does not run, mean what Keras 3 means.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch_keras_lstm.conversion.argument_kinds import ARGUMENTS, EVERY_LAYER

_VERSION = re.compile(r"tfjs-layers (\d+\.\d+\.\d+.*)$")
_GATED = ("ConvLSTM2D", "ConvLSTM2DCell", "GRU", "GRUCell", "LSTM", "LSTMCell")
# Where null is a value of its own: no activation, and no merging.
_NULL_MEANS = ("activation", "merge_mode", "recurrent_activation")
_RECURRENT = ("ConvLSTM2D", "GRU", "LSTM", "RNN", "SimpleRNN")

_OPTIMIZERS = {"Adagrad": "Adagrad", "Adam": "Adam", "Momentum": "SGD", "SGD": "SGD"}
_OPTIMIZER_ARGUMENTS = {
    "beta1": "beta_1",
    "beta2": "beta_2",
    "initialAccumulatorValue": "initial_accumulator_value",
    "learningRate": "learning_rate",
    "useNesterov": "nesterov",
}


def version_of_tfjs(version: object) -> str | None:
    """The release of TF.js that saved a file; ``None`` for a file of Keras'."""
    found = _VERSION.match(version) if isinstance(version, str) else None
    return found[1] if found else None


def is_of_tfjs(version: object) -> bool:
    """Whether TF.js itself saved a file, by what that says of who did."""
    return version_of_tfjs(version) is not None


def from_tfjs(class_name: str, config: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A layer's arguments with what TF.js takes where one is missing or null.

    Raises:
        ValueError: for a layer that TF.js computes otherwise than Keras, and that is not supported so.
    """
    arguments = {name: value for name, value in config.items() if value is not None or name in _NULL_MEANS}
    if class_name in _GATED:
        arguments.setdefault("recurrent_activation", "hard_sigmoid")
    if class_name in _RECURRENT:
        arguments.pop("unroll", None)  # TF.js has one way to run the steps
        arguments.pop("zero_output_for_mask", None)
        arguments["hold_initial_state"] = True
        cell = arguments.get("cell")
        if arguments.get("return_state") and isinstance(cell, Mapping) and cell.get("class_name") == "StackedRNNCells":
            raise ValueError(f"{place} ({class_name}) gives the states of its last cell first, which is not supported.")
    elif class_name == "Reshape" and isinstance(arguments.get("target_shape"), list):
        arguments["target_shape"] = [-1 if size is None else size for size in arguments["target_shape"]]
    elif class_name == "Bidirectional":
        arguments["zero_output_for_mask"] = False
    elif class_name == "UpSampling2D" and arguments.get("interpolation") == "bilinear":
        arguments["from_first"] = True
    elif class_name in ("CenterCrop", "Resizing"):
        raise ValueError(
            f"{place} ({class_name}) puts the points between pixels elsewhere in TF.js than in Keras, which is not "
            "supported. Convert the Keras model itself, if its numbers are wanted."
        )
    return arguments


def without_void(class_name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, in Keras 3's names, that the layer has: TF.js takes no notice of others."""
    known = ARGUMENTS.get(class_name)
    if known is None:
        return dict(arguments)
    return {name: value for name, value in arguments.items() if name in known or name in EVERY_LAYER}


def notes(layers: Iterable[Any], from_keras: bool) -> list[str]:
    """Where a masked model computes something else than it did in the Keras it was converted from, or than in TF.js.

    Args:
        layers: their descriptions, those inside of others included.
        from_keras: whether a Keras saved it that gives zeros at masked steps.
    """
    described = [*layers]
    masked = any(
        one.class_name == "Masking" or (one.class_name == "Embedding" and one.arguments.get("mask_zero"))
        for one in described
    )
    found = []
    if masked and from_keras and any(_is_sequence_of_both(one) for one in described):
        found.append(
            "As in TF.js, `Bidirectional` gives the values that were held at masked steps, where Keras gives zeros."
        )
    if masked and any(one.class_name == "RepeatVector" for one in described):
        found.append(
            "TF.js hands a mask on to every later layer, even behind `RepeatVector`, which ends it; here it ends there."
        )
    return found


def _is_sequence_of_both(layer: Any) -> bool:
    return layer.class_name == "Bidirectional" and bool(layer.children["layer"].arguments.get("return_sequences"))


def training_in_keras_words(training: Mapping[str, Any]) -> tuple[dict[str, Any], float | None]:
    """What TF.js was told by ``compile``, as an ``.h5`` file has it, and what its optimizer's arrays are times."""
    told = dict(training)
    entry = training.get("optimizer_config")
    config = entry.get("config") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not isinstance(config, dict):
        return told, None
    name = str(entry.get("class_name"))
    arguments = {_OPTIMIZER_ARGUMENTS.get(key, key): value for key, value in config.items()}
    # The rules of the others are not those of Keras, or keep nothing: `RMSProp` never moves its mean of squares.
    told["optimizer_config"] = {"class_name": _OPTIMIZERS.get(name, f"{name} of TF.js"), "config": arguments}
    rate = arguments.get("learning_rate")
    if name == "Momentum" and isinstance(rate, int | float):
        return told, -float(rate)  # TF.js sums up gradients, Keras steps
    return told, None
