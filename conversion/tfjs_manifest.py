"""TF.js' manifest of weights -> arrays that are not read yet: names, shapes and types, and the shards with their bytes.

The shards of a group are one run of bytes, in which its weights stand back to back, little endian. A weight may begin
in one shard and end in another. ``quantization`` says that it stands there in a smaller type.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.arrays import Array, SavedArray

MAX_SHARDS = 100_000

OPTIMIZER = "optimizer"

_TYPES = {"float32": "<f4", "int32": "<i4", "bool": "|u1"}
_QUANTIZED = {"uint8": "|u1", "uint16": "<u2", "float16": "<f2"}


@dataclass(frozen=True)
class ManifestArray:
    """A weight in a manifest.

    Attributes:
        name: as TF.js matches it with those of the model.
        group: what it belongs to: "optimizer", or ``None`` for a weight of the model.
        array: its values.
    """

    name: str
    group: str | None
    array: SavedArray


@dataclass(frozen=True)
class _Shard:
    """A file of weights, and where its bytes begin in those of its group."""

    path: Path
    start: int
    size: int


def manifest_arrays(manifest: object, folder: Path) -> list[ManifestArray]:
    """The weights that a ``weightsManifest`` lists, in its order; of their bytes only the number is looked at.

    Args:
        manifest: a list of groups, ``{"paths": [...], "weights": [...]}``.
        folder: where the shards stand; none outside of it is opened, and no link is followed.

    Raises:
        ValueError: when the manifest is broken, a shard is missing, or a group's shards do not hold as many bytes as
            its weights take.
    """
    if not isinstance(manifest, list) or not all(isinstance(group, dict) for group in manifest):
        raise ValueError("`weightsManifest` must be a list of groups, each with `paths` and `weights`.")
    arrays: dict[str, ManifestArray] = {}
    for number, group in enumerate(manifest):
        paths, weights = group.get("paths"), group.get("weights")
        if not isinstance(paths, list) or not isinstance(weights, list) or len(paths) > MAX_SHARDS:
            raise ValueError(f"Group {number} of `weightsManifest` must have lists `paths` and `weights`.")
        shards = [*_shards(paths, folder)]
        offset = 0
        for entry in weights:
            stored = _Stored.of(entry)
            if stored.name in arrays:
                raise ValueError(f"`weightsManifest` lists the weight `{stored.name}` twice.")
            array = SavedArray(stored.name, stored.shape, stored.dtype, partial(stored.read, shards, offset))
            arrays[stored.name] = ManifestArray(stored.name, stored.group, array)
            offset += stored.size
        held = sum(shard.size for shard in shards)
        if held != offset:
            raise ValueError(
                f"The weights of group {number} of `weightsManifest` take {offset} bytes, but its shards "
                f"({_listed([shard.path.name for shard in shards])}) hold {held}."
            )
    return list(arrays.values())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"


def _shards(paths: Sequence[object], folder: Path) -> Iterator[_Shard]:
    start = 0
    for name in paths:
        path = _beside(name, folder)
        try:
            size = path.stat().st_size if path.is_file() else None
        except OSError:
            size = None
        if size is None:
            raise ValueError(f"The shard {name!r} of the weights is missing: the model's folder has no such file.")
        yield _Shard(path, start, size)
        start += size


def _beside(name: object, folder: Path) -> Path:
    """The file that a manifest names, below the folder of the manifest."""
    parts = name.removeprefix("./").split("/") if isinstance(name, str) else []
    strange = any(part in ("", ".", "..") or "\\" in part or ":" in part or "\0" in part for part in parts)
    if not parts or strange:
        raise ValueError(f"A shard of the weights is a file beside the `model.json`; {_short(name)} is not opened.")
    path = folder
    for part in parts:
        path /= part
        if path.is_symlink():
            raise ValueError(f"The shard {name!r} of the weights is a link, and links are not followed.")
    return path


@dataclass(frozen=True)
class _Stored:
    """What the manifest says of a weight.

    Attributes:
        dtype: NumPy's name of its type.
        stored: NumPy's type of what stands in the shards.
        scale: with ``minimum`` what integers mean, ``stored * scale + minimum``; ``None`` where nothing is quantized.
    """

    name: str
    group: str | None
    shape: tuple[int, ...]
    dtype: str
    stored: str
    scale: float | None
    minimum: float

    @classmethod
    def of(cls, entry: Any) -> "_Stored":
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise ValueError(f"A weight in `weightsManifest` must be an object with a `name`, got {_short(entry)}.")
        place = f"Weight {_short(name)} in `weightsManifest`"
        shape, dtype, group = entry.get("shape"), entry.get("dtype"), entry.get("group")
        if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape) or len(shape) > 32:
            raise ValueError(f"{place}: `shape` must be a list of sizes, got {_short(shape)}.")
        if dtype not in _TYPES:
            raise ValueError(f"{place}: `dtype` must be one of {', '.join(_TYPES)}, got {_short(dtype)}.")
        if group not in (None, "model", OPTIMIZER):
            raise ValueError(f"{place}: `group` must be 'model' or 'optimizer', got {_short(group)}.")
        quantization = entry.get("quantization")
        if quantization is None:
            return cls(name, group, tuple(shape), dtype, _TYPES[dtype], None, 0.0)
        known = quantization.get("dtype") if isinstance(quantization, dict) else None
        if known not in _QUANTIZED or dtype == "bool" or (known == "float16" and dtype != "float32"):
            raise ValueError(f"{place}: {_short(quantization)} is no quantization of {dtype} that TF.js knows.")
        if known == "float16":
            return cls(name, group, tuple(shape), dtype, _QUANTIZED[known], None, 0.0)
        scale, minimum = (_number(quantization.get(key), key, place) for key in ("scale", "min"))
        return cls(name, group, tuple(shape), dtype, _QUANTIZED[known], scale, minimum)

    @property
    def size(self) -> int:
        """The number of bytes in the shards."""
        return math.prod(self.shape) * np.dtype(self.stored).itemsize

    def read(self, shards: Sequence[_Shard], offset: int) -> Array:
        data = np.frombuffer(_bytes(shards, offset, self.size, self.name), self.stored)
        with np.errstate(over="ignore"):  # beyond float32 there are infinities, as in TF.js
            if self.scale is not None:
                # In double precision, as JavaScript counts, and rounded once.
                values = data * np.float64(self.scale) + np.float64(self.minimum)
                data = np.floor(values + 0.5) if self.dtype == "int32" else values
            return data.astype(self.dtype).reshape(self.shape)


def _number(value: object, key: str, place: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            pass
    raise ValueError(f"{place}: `{key}` of its `quantization` must be a number, got {_short(value)}.")


def _bytes(shards: Sequence[_Shard], offset: int, size: int, name: str) -> bytearray:
    found = bytearray()
    for shard in shards:
        start, stop = max(offset, shard.start), min(offset + size, shard.start + shard.size)
        if start < stop:
            with shard.path.open("rb") as file:
                file.seek(start - shard.start)
                found += file.read(stop - start)
    if len(found) != size:
        raise OSError(f"The shards of the weight `{name}` are shorter than they were.")
    return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]} ..."


def scaled(array: SavedArray, factor: float) -> SavedArray:
    """The array times a number."""
    read: Callable[[], Array] = lambda: array.read(array.shape) * np.float32(factor)  # noqa: E731
    return SavedArray(array.path, array.shape, array.dtype, read)


def names_of(arrays: Sequence[ManifestArray]) -> Mapping[str, SavedArray]:
    """The weights of the model by their names, without those of its optimizer."""
    return {one.name: one.array for one in arrays if one.group != OPTIMIZER}
