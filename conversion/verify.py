"""Does the converted model compute what the original does? Beside Keras, or against what Keras once answered."""

import importlib
import os
import zipfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch

from torch_keras_lstm.conversion import record_script
from torch_keras_lstm.conversion.arrays import Array
from torch_keras_lstm.conversion.build import why_not
from torch_keras_lstm.conversion.containers import open_saved_model
from torch_keras_lstm.conversion.converted_folder import is_converted
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.loading import PathLike, load_model
from torch_keras_lstm.conversion.producer import Generation
from torch_keras_lstm.conversion.sources import naming
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Functional, Model, OperationLayer
from torch_keras_lstm.models.graph import flatten
from torch_keras_lstm.models.model import as_layer

# A float32 model rounds differently from Keras in every product; over a deep model that stays well below this.
TOLERANCE = 1e-5

_LAYER = "layer/"


@dataclass(frozen=True)
class OutputComparison:
    """How far an output is from the original's.

    Attributes:
        name: "y0", "y1", ...
        shape: of our output.
        largest_value: the largest absolute value in the original's.
        largest_error: the largest absolute difference, relative to ``largest_value``; infinite when only one of the two
            is a number.
    """

    name: str
    shape: tuple[int, ...]
    largest_value: float
    largest_error: float


@dataclass(frozen=True)
class LayerComparison(OutputComparison):
    """How far what a layer gives is from the original's, inside the whole model.

    Attributes:
        name: the layer's; "lstm:1", "lstm:2", ... for further tensors that it gives.
        kind: its class, with the class that it wraps: "Bidirectional(LSTM)".
        largest_error: infinite as well when the shapes differ.
    """

    kind: str


@dataclass(frozen=True)
class Verification:
    """The converted model beside the original.

    Attributes:
        outputs: the model's outputs.
        layers: the layers of the model, in the order of their calls; empty when a record holds none. A layer
            that is called several times is compared at its first call.
    """

    outputs: list[OutputComparison]
    layers: list[LayerComparison]

    def agrees(self, tolerance: float = TOLERANCE) -> bool:
        """Whether every output of the model lies within ``tolerance``."""
        return not departing(self.outputs, tolerance)


def departing(comparisons: Sequence[OutputComparison], tolerance: float) -> list[str]:
    """The names of what lies further off than ``tolerance``."""
    # Not `error > tolerance`: that is false for an error that is no number.
    return [comparison.name for comparison in comparisons if not comparison.largest_error <= tolerance]


@dataclass(frozen=True)
class Record:
    """What the original answered.

    Attributes:
        inputs: of the model, in the order in which it was made.
        outputs: of the model.
        layers: what the layers gave by name, in the order of their calls.
    """

    inputs: Sequence[Array]
    outputs: Sequence[Array]
    layers: Mapping[str, Array]


def verify(
    path: PathLike,
    record: PathLike | None = None,
    weights: PathLike | None = None,
    custom_objects: CustomObjects | None = None,
    dtype_policy: Literal["as saved", "float32"] | None = None,
) -> Verification:
    """Compare the converted model with the original, output by output and layer by layer.

    Args:
        path: as in :func:`torch_keras_lstm.conversion.load_model`; so are ``weights``, ``custom_objects`` and
            ``dtype_policy``.
        record: an ``.npz`` with inputs ``x0``, ``x1``, ..., the original's outputs ``y0``, ``y1``, ... and, if it
            is to be compared layer by layer, ``layer/NAME``, as :func:`save_record` and the script that
            ``torch-keras-lstm record-script`` prints write it. Without one the original is run now, in Keras 3 or
            ``tf_keras``, whichever reads the file.

    Raises:
        ValueError: when there is no record and that Keras is not installed or cannot load the file; when the record
            does not fit the model.
        OSError, ValueError: as ``load_model``.
    """
    model = load_model(path, weights, custom_objects, dtype_policy=dtype_policy)
    original = _read_record(Path(record)) if record is not None else run_original(path, weights)
    outputs, of_layers = _run(model, original.inputs)
    return Verification(compare(outputs, original.outputs), _compare_layers(model, of_layers, original.layers))


def save_record(path: PathLike, record: PathLike, weights: PathLike | None = None) -> None:
    """Run the original in Keras on seeded inputs, and write what it answers to ``record``, an ``.npz`` file."""
    original = run_original(path, weights)
    record_script.save(record, original.inputs, original.outputs, original.layers.items())


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


def run_original(path: PathLike, weights: PathLike | None) -> Record:
    """What the Keras that reads the file answers to seeded inputs.

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
    with naming(path):
        # Before Keras sees the file: an old Keras would run the code of a Lambda layer in it.
        reason = why_not(description, {})
        if reason is not None:
            raise ValueError(reason)
        if saved.parts.for_tfjs:
            raise ValueError(
                "Keras runs no files of TF.js. Record the answers where TF.js runs, as `.npz` of `x0`, `y0` and so on, "
                "and compare with `--record`."
            )
        keras = _import_keras("keras" if description.producer.generation is Generation.KERAS_3 else "tf_keras")
        try:
            original = record_script.load_model(keras, str(path), None if weights is None else str(weights))
            inputs, outputs, layers = record_script.record(keras, original)
        except Exception as error:  # whatever Keras makes of a file that it cannot load
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ValueError(
                f"{keras.__name__} {keras.__version__} cannot run the model ({reason}). Record it where it runs, with "
                "the script that `torch-keras-lstm record-script` prints, and compare with `--record`."
            ) from None
    return Record(inputs, outputs, dict(layers))


def _run(model: Model, inputs: Sequence[Array]) -> tuple[list[Array], dict[str, Array]]:
    """The model's outputs, and what each of its layers gives at its first call, named as in a record."""
    seen: defaultdict[str, list[Any]] = defaultdict(list)

    def keep(layer: Layer, _: Any, outputs: Any) -> None:
        seen[layer.name].append(outputs)

    hooks = [layer.register_forward_hook(keep) for layer in map(as_layer, model.layers)]
    tensors = [torch.from_numpy(values) for values in inputs]
    with torch.no_grad():
        outputs = model(tensors if len(tensors) > 1 else tensors[0])
    for hook in hooks:
        hook.remove()
    given = {name: flatten(values[_first_call(model, name)]) for name, values in seen.items()}
    of_layers = {
        name + (f":{index}" if index else ""): np.asarray(value)
        for name, values in given.items()
        for index, value in enumerate(values)
    }
    return [np.asarray(output) for output in flatten(outputs)], of_layers


def _first_call(model: Model, layer: str) -> int:
    """Which of a layer's calls, in the order in which they ran, is the first in the order in which they were made."""
    ran = [number for name, number in model.graph.order() if name == layer] if isinstance(model, Functional) else []
    return ran.index(min(ran)) if ran else 0


def _compare_layers(model: Model, ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> list[LayerComparison]:
    kinds = {layer.name: _kind(layer) for layer in map(as_layer, model.layers)}
    common = [name for name in theirs if name in ours]
    if theirs and not common:
        raise ValueError(
            f"The record is of another model: it has layers {', '.join(theirs)}, this one has {', '.join(kinds)}."
        )
    return [
        LayerComparison(
            name,
            ours[name].shape,
            _largest(theirs[name]),
            _largest_error(ours[name], theirs[name]) if ours[name].shape == theirs[name].shape else float("inf"),
            kinds[name if name in kinds else name.rpartition(":")[0]],
        )
        for name in common
    ]


def _kind(layer: Layer) -> str:
    if isinstance(layer, OperationLayer):
        return str(layer.arguments.get("function", layer.operation))
    inside = [child for name, child in layer.named_children() if name in ("layer", "cell", "forward_layer")]
    return type(layer).__name__ + "".join(f"({_kind(as_layer(child))})" for child in inside)


def _import_keras(name: str) -> ModuleType:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(
            f"Running the original needs `{name}`, which is not installed (`pip install {name} tensorflow`). "
            "Without it, compare with a record: `--record FILE.npz`."
        ) from None


def _read_record(path: Path) -> Record:
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
    layers = {name.removeprefix(_LAYER): values for name, values in arrays.items() if name.startswith(_LAYER)}
    return Record(inputs, outputs, layers)


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)], dtype=np.float64)
    return float(finite.max(initial=0.0))


def _largest_error(ours: Array, theirs: Array) -> float:
    # Two infinities of one sign agree, and so do two that are no numbers; only one of them is infinitely far off.
    agree = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    here, there = (np.where(agree, 0.0, values).astype(np.float64) for values in (ours, theirs))
    difference = np.nan_to_num(np.abs(here - there), nan=np.inf, posinf=np.inf)
    return float(difference.max(initial=0.0) / max(_largest(theirs), np.finfo(np.float64).tiny))
