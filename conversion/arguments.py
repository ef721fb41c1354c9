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


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_shape(value: object) -> bool:
    """Whether ``value`` is a list of positive sizes, ``None`` where a size is free."""
    return isinstance(value, list | tuple) and all(size is None or (_is_integer(size) and size > 0) for size in value)


def is_serialized_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether ``value`` has the form ``{"class_name": ..., "config": ...}`` in which Keras writes objects."""
    return isinstance(value, Mapping) and isinstance(value.get("class_name"), str) and "config" in value


def is_layer(value: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether ``value`` has the form in which Keras writes layers: a serialized object whose ``config`` is a table."""
    return is_serialized_object(value) and isinstance(value["config"], Mapping)


FLAG = Kind("true or false", lambda value: isinstance(value, bool))
OPTIONAL_FLAG = Kind("true, false or null", lambda value: value is None or isinstance(value, bool))
COUNT = Kind("a positive integer", lambda value: _is_integer(value) and value > 0)
NUMBER = Kind("a number", _is_number)
RATE = Kind("a number from 0 to 1", lambda value: _is_number(value) and 0 <= value <= 1)
SEED = Kind("an integer or null", lambda value: value is None or _is_integer(value))
AXIS = Kind("an integer", _is_integer)
TEXT = Kind("a string", lambda value: isinstance(value, str))
SHAPE = Kind("a list of positive integers or nulls, or null", lambda value: value is None or is_shape(value))
OBJECT = Kind(
    "a name, an object with `class_name` and `config`, or null",
    lambda value: value is None or isinstance(value, str) or is_serialized_object(value),
)
OPTIONAL_TEXT = Kind("a string or null", lambda value: value is None or isinstance(value, str))
LAYER = Kind("a layer, an object with `class_name` and `config`", is_layer)
OPTIONAL_LAYER = Kind("a layer or null", lambda value: value is None or is_layer(value))

EVERY_LAYER = {"name": TEXT, "trainable": FLAG, "dtype": OBJECT, "activity_regularizer": OBJECT}
_WEIGHTED = {
    f"{weight}_{role}": OBJECT for weight in ("kernel", "bias") for role in ("initializer", "regularizer", "constraint")
} | {"use_bias": FLAG, "activation": OBJECT}
_CELL = _WEIGHTED | {
    "units": COUNT,
    "recurrent_initializer": OBJECT,
    "recurrent_regularizer": OBJECT,
    "recurrent_constraint": OBJECT,
    "dropout": RATE,
    "recurrent_dropout": RATE,
    "seed": SEED,
}
_GATED_CELL = _CELL | {
    "recurrent_activation": OBJECT,
    "implementation": Kind("0, 1 or 2", lambda value: _is_integer(value) and value in (0, 1, 2)),
}
_GRU_CELL = _GATED_CELL | {"reset_after": FLAG}
_LSTM_CELL = _GATED_CELL | {"unit_forget_bias": FLAG}
_AFFINE = {
    f"{weight}_{role}": OBJECT for weight in ("beta", "gamma") for role in ("initializer", "regularizer", "constraint")
} | {"epsilon": NUMBER, "center": FLAG, "scale": FLAG}
_RECURRENT = dict.fromkeys(
    ("return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask"), FLAG
)

ARGUMENTS: Mapping[str, Mapping[str, Kind]] = {
    "Activation": {"activation": OBJECT},
    "BatchNormalization": _AFFINE
    | {
        "axis": AXIS,
        "momentum": NUMBER,
        "moving_mean_initializer": OBJECT,
        "moving_variance_initializer": OBJECT,
        "renorm": Kind("false, for batch renormalization is not supported", lambda value: value is False),
        "virtual_batch_size": Kind("null, for virtual batches are not supported", lambda value: value is None),
    },
    "Bidirectional": {
        "layer": LAYER,
        "backward_layer": OPTIONAL_LAYER,
        "merge_mode": OPTIONAL_TEXT,
        "zero_output_for_mask": OPTIONAL_FLAG,
    },
    "Dense": _WEIGHTED | {"units": COUNT},
    "Dropout": {"rate": RATE, "noise_shape": SHAPE, "seed": SEED},
    "Embedding": {
        "input_dim": COUNT,
        "output_dim": COUNT,
        "embeddings_initializer": OBJECT,
        "embeddings_regularizer": OBJECT,
        "embeddings_constraint": OBJECT,
        "mask_zero": FLAG,
    },
    "Flatten": {"data_format": OPTIONAL_TEXT},
    "GRU": _GRU_CELL | _RECURRENT,
    "GRUCell": _GRU_CELL,
    "LSTM": _LSTM_CELL | _RECURRENT,
    "LSTMCell": _LSTM_CELL,
    "Masking": {"mask_value": NUMBER},
    "RNN": _RECURRENT | {"cell": LAYER},
    "RepeatVector": {"n": COUNT},
    "SimpleRNN": _CELL | _RECURRENT,
    "SimpleRNNCell": _CELL,
    "TimeDistributed": {"layer": LAYER},
}

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Bidirectional": ("layer",),
    "Dense": ("units",),
    "Dropout": ("rate",),
    "Embedding": ("input_dim", "output_dim"),
    "GRU": ("units",),
    "GRUCell": ("units",),
    "LSTM": ("units",),
    "LSTMCell": ("units",),
    "RNN": ("cell",),
    "RepeatVector": ("n",),
    "SimpleRNN": ("units",),
    "SimpleRNNCell": ("units",),
    "TimeDistributed": ("layer",),
}


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
