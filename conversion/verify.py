"""Does the converted model compute what the original does? Beside Keras, or against what Keras once answered."""

import importlib
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.conversion.build import CustomObjects, why_not
from torch_keras_lstm.conversion.containers import file_kind, naming, open_saved_model
from torch_keras_lstm.conversion.converted_folder import is_converted
from torch_keras_lstm.conversion.dialects import Generation
from torch_keras_lstm.conversion.hdf5 import Array
from torch_keras_lstm.conversion.loading import PathLike, load_model
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription

# A float32 model rounds differently from Keras in every product; over a deep model that stays well below this.
TOLERANCE = 1e-5

_SAMPLES = 4
_FREE_SIZE = 7  # for time steps that the model leaves open
_SEED = 20_240_607


@dataclass(frozen=True)
class OutputComparison:
    """How far an output is from the original's.

    Attributes:
        name: "y0", "y1", ...
        shape: of the output.
        largest_value: the largest absolute value in the original's.
        largest_error: the largest absolute difference, relative to ``largest_value``; infinite when only one of the two
            is a number.
    """

    name: str
    shape: tuple[int, ...]
    largest_value: float
    largest_error: float


def verify(
    path: PathLike,
    record: PathLike | None = None,
    weights: PathLike | None = None,
    custom_objects: CustomObjects | None = None,
) -> list[OutputComparison]:
    """Compare the converted model with the original.

    Args:
        path: as in :func:`torch_keras_lstm.conversion.load_model`; so are ``weights`` and ``custom_objects``.
        record: an ``.npz`` with inputs ``x0``, ``x1``, ... and the original's outputs ``y0``, ``y1``, ..., as
            :func:`save_record` writes it. Without one the original is run now, in Keras 3 or ``tf_keras``, whichever
            reads the file.

    Raises:
        ValueError: when there is no record and that Keras is not installed or cannot load the file; when the record
            does not fit the model.
        OSError, ValueError: as ``load_model``.
    """
    model = load_model(path, weights, custom_objects)
    inputs, expected = _read_record(Path(record)) if record is not None else run_original(path, weights)
    with torch.no_grad():
        outputs = model(*(torch.from_numpy(values) for values in inputs))
    return compare([np.asarray(outputs)] if isinstance(outputs, torch.Tensor) else outputs, expected)


def save_record(path: PathLike, record: PathLike, weights: PathLike | None = None) -> None:
    """Run the original in Keras on seeded inputs, and write inputs and outputs to ``record``, an ``.npz`` file."""
    inputs, outputs = run_original(path, weights)
    arrays = {f"x{index}": values for index, values in enumerate(inputs)}
    arrays |= {f"y{index}": values for index, values in enumerate(outputs)}
    with Path(record).open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def compare(outputs: Sequence[Array], expected: Sequence[Array]) -> list[OutputComparison]:
    """Compare output by output.

    Raises:
        ValueError: when their number or a shape differs.
    """
    shapes, expected_shapes = [values.shape for values in outputs], [values.shape for values in expected]
    if shapes != expected_shapes:
        raise ValueError(f"The model's outputs have shapes {shapes}, but the original's have {expected_shapes}.")
    return [
        OutputComparison(f"y{index}", ours.shape, _largest(theirs), _largest_error(ours, theirs))
        for index, (ours, theirs) in enumerate(zip(outputs, expected, strict=True))
    ]


def run_original(path: PathLike, weights: PathLike | None) -> tuple[list[Array], list[Array]]:
    """Seeded inputs that fit the model, and what the Keras that reads the file answers to them.

    Raises:
        ValueError: when the model cannot be converted, that Keras is not installed, or it cannot load the file.
    """
    path = Path(path)
    if is_converted(path):
        raise ValueError(
            f"{path}: the original is not in a converted folder. Verify the Keras file, or compare with `--record`."
        )
    with open_saved_model(path, None if weights is None else Path(weights)) as saved:
        description = saved.description
    inputs = sample_inputs(description)
    with naming(path):
        # Before Keras sees the file: an old Keras would run the code of a Lambda layer in it.
        reason = why_not(description, {})
        if reason is not None:
            raise ValueError(reason)
        keras = _import_keras("keras" if description.producer.generation is Generation.KERAS_3 else "tf_keras")
        try:
            outputs = _predict(keras, path, weights, inputs)
        except Exception as error:  # whatever Keras makes of a file that it cannot load
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"{keras.__name__} {keras.__version__} cannot run the model ({reason}). "
                "Record it where it runs, and compare with `--record`."
            ) from None
    return inputs, outputs


def sample_inputs(model: ModelDescription) -> list[Array]:
    """Inputs for the model, the same at each call: indices for an ``Embedding``, else normal numbers, some masked.

    Raises:
        ValueError: when the model's input shape is not known.
    """
    if model.input_shape is None:
        raise ValueError("The configuration does not tell the shape of the model's input.")
    random = np.random.default_rng(_SEED)
    batch, *sizes = model.input_shape
    shape = (batch or _SAMPLES, *(size or _FREE_SIZE for size in sizes))
    first = next(iter(model.layers[0].walk())) if model.layers else None
    embedding = _first_of_class(model, "Embedding")
    if embedding is not None:
        return [random.integers(0, embedding.arguments["input_dim"], shape).astype(np.int32)]
    values = random.standard_normal(shape).astype(model.input_dtype)
    if first is not None and first.class_name == "Masking" and len(shape) > 2:
        values[:, -2:] = first.arguments.get("mask_value", 0.0)
    return [values]


def _first_of_class(model: ModelDescription, class_name: str) -> LayerDescription | None:
    first = model.layers[0].walk() if model.layers else iter(())
    return next((layer for layer in first if layer.class_name == class_name), None)


def _import_keras(name: str) -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(
            f"Running the original needs `{name}`, which is not installed (`pip install {name} tensorflow`). "
            "Without it, compare with a record: `--record FILE.npz`."
        ) from None


def _predict(keras: Any, path: Path, weights: PathLike | None, inputs: Sequence[Array]) -> list[Array]:
    if file_kind(path) == "json":
        model = keras.models.model_from_json(path.read_text(encoding="utf-8"))
    else:
        model = keras.models.load_model(str(path), compile=False)
    if weights is not None:
        model.load_weights(str(weights))
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    return [np.asarray(values) for values in (outputs if isinstance(outputs, list | tuple) else [outputs])]


def _read_record(path: Path) -> tuple[list[Array], list[Array]]:
    with naming(path):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as record:
                arrays: Mapping[str, Array] = dict(record)
        except (ValueError, EOFError, zipfile.BadZipFile, TypeError) as error:
            raise ValueError(f"The file is no `.npz` of arrays ({error}).") from None
        inputs = [arrays[f"x{index}"] for index in range(len(arrays)) if f"x{index}" in arrays]
        outputs = [arrays[f"y{index}"] for index in range(len(arrays)) if f"y{index}" in arrays]
        if not inputs or not outputs:
            raise ValueError(
                f"A record has inputs `x0` and outputs `y0`; this file has {', '.join(arrays) or 'nothing'}."
            )
    return inputs, outputs


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)], dtype=np.float64)
    return float(finite.max(initial=0.0))


def _largest_error(ours: Array, theirs: Array) -> float:
    # Two infinities of one sign agree, and so do two that are no numbers; only one of them is infinitely far off.
    agree = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    here, there = (np.where(agree, 0.0, values).astype(np.float64) for values in (ours, theirs))
    difference = np.nan_to_num(np.abs(here - there), nan=np.inf, posinf=np.inf)
    return float(difference.max(initial=0.0) / max(_largest(theirs), np.finfo(np.float64).tiny))
