"""Files as tensorflowjs 4.22.0 writes them from Keras', which cannot be installed beside today's TensorFlow."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.conversion.handmade import Array

Named = Sequence[tuple[str, Array]]

_TYPES = {"float64": "float32", "float16": "float32", "int64": "int32"}


def write_tfjs(
    folder: Path,
    topology: Mapping[str, Any] | None,
    groups: Iterable[Named],
    *,
    shard: int = 1000,
    quantization: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """A ``model.json`` with its shards.

    Args:
        folder: where, made if it is not there.
        topology: ``modelTopology``.
        groups: of weights, by name.
        shard: the bytes in one, but for the last.
        quantization: "uint8", "uint16" or "float16".
        more: further entries.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = []
    for number, group in enumerate(groups, 1):
        entries, data = [], b""
        for name, array in group:
            array = array.astype(_TYPES.get(array.dtype.name, array.dtype.name))
            entry: dict[str, Any] = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
            if quantization is not None and array.dtype == np.float32:
                array, entry["quantization"] = quantized(array, quantization)
            entries.append(entry)
            data += array.tobytes()
        pieces = [data[start : start + shard] for start in range(0, len(data), shard)]
        paths = [f"group{number}-shard{index}of{len(pieces)}.bin" for index in range(1, len(pieces) + 1)]
        for path, piece in zip(paths, pieces, strict=True):
            (folder / path).write_bytes(piece)
        manifest.append({"paths": paths, "weights": entries})
    table = {"format": "layers-model", "generatedBy": "keras", "convertedBy": "TensorFlow.js Converter v4.22.0"}
    table |= {"modelTopology": topology, "weightsManifest": manifest, **(more or {})}  # type: ignore[dict-item]
    (folder / "model.json").write_text(json.dumps(table))
    return folder / "model.json"


def quantized(array: Array, dtype: str) -> tuple[Array, dict[str, Any]]:
    """The array in a smaller type, and what the manifest says of that."""
    if dtype == "float16":
        return array.astype(np.float16), {"dtype": "float16", "original_dtype": "float32"}
    least, most = float(array.min()), float(array.max())
    scale = (most - least) / np.iinfo(dtype).max or 1.0
    values = np.round((array.astype(np.float64) - least) / scale).astype(dtype)
    return values, {"dtype": dtype, "min": least, "scale": scale, "original_dtype": "float32"}


def converted(source: Path, folder: Path, **options: Any) -> Path:
    """What the converter makes of a whole model in an ``.h5`` file: one group, the layers sorted by their names."""
    with h5py.File(source) as file:
        topology = {name: file.attrs[name] for name in ("keras_version", "backend") if name in file.attrs}
        for name in ("model_config", "training_config"):
            if name in file.attrs:
                topology[name] = json.loads(file.attrs[name])
        group = [
            (name.removesuffix(":0"), np.asarray(file["model_weights"][layer][name]))
            for layer in file["model_weights"]
            for name in map(_text, file["model_weights"][layer].attrs["weight_names"])
        ]
        topology = {name: _text(value) for name, value in topology.items()}
    return write_tfjs(folder, topology, [group], **options)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
