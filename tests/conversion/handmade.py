"""Model files written byte by byte as old releases wrote them, and what their layers compute, in NumPy float64.

No release of Keras 1 and 2 runs beside today's TensorFlow, so their files are made here from the format's description.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Layers = Mapping[str, Mapping[str, Array]]

KERAS_1_GATES = "icfo"  # the order of the arrays in the file
GATES = "ifco"  # the order of the columns in Keras 2 and 3


def write_legacy(
    path: Path,
    layers: Layers,
    *,
    config: object = None,
    keras_version: str | None = None,
    optimizer: Mapping[str, Array] | None = None,
    text: bool = False,
) -> Path:
    """A whole model when ``config`` is given, else weights alone; names as bytes, or as ``text``."""

    def names(values: Sequence[str]) -> Any:
        if text:
            return np.array(values, dtype=h5py.string_dtype())
        return np.array([value.encode() for value in values]) if values else np.zeros(0)

    with h5py.File(path, "w") as file:
        group = file
        if config is not None:
            file.attrs["model_config"] = json.dumps(config) if text else json.dumps(config).encode()
            group = file.create_group("model_weights")
        if keras_version is not None:
            file.attrs["keras_version"] = keras_version if text else keras_version.encode()
        group.attrs["layer_names"] = names([*layers])
        for layer, weights in layers.items():
            layer_group = group.create_group(layer)
            layer_group.attrs["weight_names"] = names([*weights])
            for name, array in weights.items():
                layer_group[name] = array
        for name, array in (optimizer or {}).items():
            file[f"optimizer_weights/{name}"] = array
    return path


def write_keras(
    path: Path,
    config: object,
    arrays: Mapping[str, Array],
    *,
    keras_version: str | None = "3.15.1",
    compression: int = zipfile.ZIP_STORED,
) -> Path:
    """A ``.keras`` archive with these arrays by path."""
    weights = BytesIO()
    with h5py.File(weights, "w") as file:
        for name, array in arrays.items():
            file[name] = array
    with zipfile.ZipFile(path, "w", compression) as archive:
        if keras_version is not None:
            archive.writestr("metadata.json", json.dumps({"keras_version": keras_version}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
    return path


def write_npz_keras(path: Path, config: object, arrays: Mapping[str, Array]) -> Path:
    """A ``.keras`` archive with its arrays in ``model.weights.npz``: a pickled dictionary for each group."""
    groups: dict[str, Any] = {"__root__": {}}
    for name, array in arrays.items():
        group, _, number = name.partition("/vars/")
        groups.setdefault(group, {})[number] = array
    weights = BytesIO()
    np.savez(weights, allow_pickle=True, **groups)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.npz", weights.getvalue())
    return path


def entry(class_name: str, name: str, **config: Any) -> dict[str, Any]:
    """A layer as every Keras writes it."""
    return {"class_name": class_name, "config": {"name": name, **config}}


def sequential(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """A Sequential model as Keras 2.3 and tf.keras write it."""
    return {"class_name": "Sequential", "config": {"name": "stack", "layers": [*layers]}}


def keras_1(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """A Sequential model as Keras 1 and 2.0 to 2.2 write it: a bare list."""
    return {"class_name": "Sequential", "config": [*layers]}


def keras_1_lstm(name: str, units: int, **config: Any) -> dict[str, Any]:
    """An LSTM with every argument that Keras 1.2 wrote."""
    return entry(
        "LSTM",
        name,
        **{
            "output_dim": units,
            "init": "glorot_uniform",
            "inner_init": "orthogonal",
            "forget_bias_init": "one",
            "activation": "tanh",
            "inner_activation": "hard_sigmoid",
            "W_regularizer": {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.25},
            "U_regularizer": None,
            "b_regularizer": None,
            "dropout_W": 0.5,
            "dropout_U": 0.25,
            "consume_less": "cpu",
            "return_sequences": False,
            "go_backwards": False,
            "stateful": False,
            "unroll": False,
            "trainable": True,
            "input_dim": None,
            "input_length": None,
            **config,
        },
    )


def keras_2_lstm(name: str, units: int, **config: Any) -> dict[str, Any]:
    """An LSTM with every argument that Keras 2.2 wrote."""
    scaling = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    nothing = ("kernel_regularizer", "recurrent_regularizer", "bias_regularizer", "activity_regularizer")
    return entry(
        "LSTM",
        name,
        **{
            "trainable": True,
            "return_sequences": False,
            "return_state": False,
            "go_backwards": False,
            "stateful": False,
            "unroll": False,
            "units": units,
            "activation": "tanh",
            "recurrent_activation": "hard_sigmoid",
            "use_bias": True,
            "kernel_initializer": {"class_name": "VarianceScaling", "config": scaling},
            "recurrent_initializer": {"class_name": "Orthogonal", "config": {"gain": 1.0, "seed": None}},
            "bias_initializer": {"class_name": "Zeros", "config": {}},
            "unit_forget_bias": True,
            **dict.fromkeys((*nothing, "kernel_constraint", "recurrent_constraint", "bias_constraint")),
            "dropout": 0.0,
            "recurrent_dropout": 0.0,
            "implementation": 1,
            **config,
        },
    )


def lstm_weights(random: np.random.Generator, features: int, units: int) -> list[Array]:
    """Random kernel (features, 4 * units), recurrent kernel (units, 4 * units) and bias (4 * units,)."""
    shapes = ((features, 4 * units), (units, 4 * units), (4 * units,))
    return [random.normal(0.0, 0.7, shape) for shape in shapes]


def keras_1_arrays(prefix: str, weights: Sequence[Array], suffix: str = "") -> dict[str, Array]:
    """Kernel, recurrent kernel and bias cut into Keras 1's twelve arrays."""
    parts = {
        (letter, gate): part
        for letter, weight in zip("WUb", weights, strict=True)
        for gate, part in zip(GATES, np.split(weight, 4, axis=-1), strict=True)
    }
    return {f"{prefix}_{letter}_{gate}{suffix}": parts[letter, gate] for gate in KERAS_1_GATES for letter in "WUb"}


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def hard_sigmoid_keras2(x: Array) -> Array:
    return np.clip(0.2 * x + 0.5, 0, 1)


def lstm(
    x: Array,
    weights: Sequence[Array],
    recurrent_activation: Any = hard_sigmoid_keras2,
    mask: Array | None = None,
    backwards: bool = False,
) -> Array:
    """All outputs (batch, time, units) in the order of processing; masked steps repeat the last output."""
    kernel, recurrent, bias = weights
    hidden = cell = np.zeros((len(x), recurrent.shape[0]))
    outputs = []
    steps = range(x.shape[1])
    for t in reversed(steps) if backwards else steps:
        i, f, c, o = np.split(x[:, t] @ kernel + hidden @ recurrent + bias, 4, axis=-1)
        new_cell = recurrent_activation(f) * cell + recurrent_activation(i) * np.tanh(c)
        new_hidden = recurrent_activation(o) * np.tanh(new_cell)
        keep = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        cell, hidden = np.where(keep, new_cell, cell), np.where(keep, new_hidden, hidden)
        outputs.append(hidden)
    return np.stack(outputs, axis=1)
