"""Weights that a file keeps in fewer bits, or with a low-rank update beside them, as the numbers that they stand for.

What Keras 3.15 writes: int8 and int4 (two in a byte) with scales by channel, or by block with zero points; GPTQ's and
AWQ's unsigned ones, turned round; float8's scales beside a kernel that is whole; LoRA's two factors. Which of them it
is, the arrays tell: Keras says nothing in the configuration of a layer that holds the quantized one.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from torch_keras_lstm.conversion.arrays import Array, SavedArray
from torch_keras_lstm.conversion.slots import Slot
from torch_keras_lstm.conversion.weight_source import WeightSource

# The largest float8_e4m3fn.
_LARGEST_FLOAT8 = 448.0
_FLOAT8 = (
    *("inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history"),
    *("outputs_grad_scale", "outputs_grad_amax_history"),
)
_TABLES = ("kernel", "embeddings", "reverse_embeddings")

Parts = Mapping[str, SavedArray]


def named_parts(weights: Sequence[str], arrays: Sequence[SavedArray]) -> Parts | None:
    """The arrays of a layer, which files by path number, by Keras' names of them; ``None`` if nothing is quantized.

    Args:
        weights: the names of the layer's weights when it is not quantized.
        arrays: in the file's order.
    """
    if not weights or weights[0] not in _TABLES or len(arrays) <= len(weights):
        return None
    bias = [*weights[1:2]] if weights[0] == "kernel" else []
    if weights[0] == "embeddings":
        by_block = len(arrays[1].shape) == 2
        zero = ["embeddings_zero", "g_idx"] if by_block else []
        names = ["embeddings", "embeddings_scale", *zero]
        if "reverse_embeddings" in weights:
            names += ["reverse_embeddings", "reverse_embeddings_scale", *(["reverse_embeddings_zero"] * by_block)]
    elif arrays[len(bias)].dtype == "uint8":
        zero = ["kernel_zero"] if "uint8" in [array.dtype for array in arrays[len(bias) + 1 :]] else []
        scales = ["awq_scales"] if len(arrays) == len(bias) + 4 + len(zero) else []
        names = [*bias, "kernel", "kernel_scale", *zero, *scales, "g_idx"]
    elif arrays[0].dtype == "int8":
        zero = ["kernel_zero", "g_idx"] if len(arrays) == len(bias) + 4 else []
        names = ["kernel", *bias, "kernel_scale", *zero]
    else:
        names = ["kernel", *bias, *_FLOAT8]
    return dict(zip(names, arrays, strict=True)) if len(names) == len(arrays) else None


def parts_beside(array: SavedArray, leftover: Iterable[SavedArray]) -> dict[str, SavedArray]:
    """What stands in legacy files in the group of a weight and belongs to no weight, by Keras' names."""
    group = array.path.rpartition("/")[0]
    found = {}
    for other in leftover:
        place, _, name = other.path.rpartition("/")
        if place == group:
            found[re.sub(r"(:\d+)?$", "", name).replace("zero_point", "kernel_zero")] = other
    return found


def numbers_of(slot: Slot, owner: Any, parts: Parts, lora_alpha: float | None) -> SavedArray | None:
    """The numbers that ``parts`` stand for; ``None`` if they hold the weight as it is.

    Args:
        slot: the weight.
        owner: the layer that has it.
        parts: by Keras' names the weight itself, and what else the file has for the layer.
        lora_alpha: by which, through the rank, an update of low rank counts.

    Raises:
        ValueError: when the shapes do not fit, or an update has no ``lora_alpha``.
    """
    name = slot.row.name
    values, scale = parts[name], parts.get(f"{name}_scale")
    if name == "bias":
        return _float8_bias(values) if _FLOAT8[0] in parts else None
    found = None
    if scale is None or name not in _TABLES:
        found = None
    elif values.dtype == "uint8" and name == "kernel":
        found = _unsigned(slot, parts, scale)
    elif values.dtype == "int8":
        found = _signed(slot, owner, parts, scale)
    elif _FLOAT8[0] in parts and "float" in values.dtype:
        found = _float8(slot, values, scale)
    a, b = (parts.get(f"lora_{name}_{factor}") for factor in "ab")
    if a is None or b is None:
        return found
    return _with_update(slot, found or values, a, b, lora_alpha)


def names_used(name: str, parts: Parts) -> set[str]:
    """Which of the parts belong to the weight of that name and are no weights themselves."""
    wanted = {f"{name}_scale", f"{name}_zero", "g_idx", "awq_scales", f"lora_{name}_a", f"lora_{name}_b"}
    return (wanted | set(_FLOAT8 if _FLOAT8[0] in parts else ())) & parts.keys()


def notes_on(rows: Iterable[WeightSource]) -> list[str]:
    """What a report says of weights that the file keeps in another way."""
    layers: dict[str, dict[str, None]] = {}
    for row in rows:
        for kind in filter(None, (kind for array in row.arrays for kind in array.kept_as.split(" with "))):
            layers.setdefault(kind, {})[f"`{row.slot.layer}`"] = None
    updated = layers.pop("LoRA", {})
    notes = []
    if layers:
        listed = "; ".join(f"{kind} ({', '.join(names)})" for kind, names in layers.items())
        notes.append(f"Quantized weights are read as the numbers that they stand for: {listed}.")
    if updated:
        notes.append(f"Updates of low rank (LoRA) are added to the weights of {', '.join(updated)}.")
    return notes


def _float8_bias(bias: SavedArray) -> SavedArray:
    """As Keras adds it: rounded to bfloat16."""

    def read() -> Array:
        return np.asarray(torch.from_numpy(_read(bias).astype(np.float32)).bfloat16().float())

    return SavedArray(bias.path, bias.shape, "float32", read, kept_as="float8")


def _float8(slot: Slot, kernel: SavedArray, scale: SavedArray) -> SavedArray:
    _check(slot, "float8", (kernel, slot.shape), (scale, ()))

    def read() -> Array:
        factor = torch.from_numpy(_read(scale).astype(np.float32))
        divided = torch.from_numpy(_read(kernel).astype(np.float32)) / factor
        rounded = divided.clamp(-_LARGEST_FLOAT8, _LARGEST_FLOAT8).to(torch.float8_e4m3fn).float()
        return np.asarray(rounded * factor)

    return _found(slot, "float8", kernel, read)


def _with_update(slot: Slot, whole: SavedArray, a: SavedArray, b: SavedArray, lora_alpha: float | None) -> SavedArray:
    rank = b.shape[0] if b.shape else 0
    _check(slot, "LoRA", (whole, slot.shape), (a, (*slot.shape[:-1], rank)), (b, (rank, slot.shape[-1])))
    if lora_alpha is None or not rank:
        raise ValueError(
            f"{slot} has an update of low rank (LoRA), `{a.path}` and `{b.path}`, and the configuration of its layer "
            "does not tell its `lora_alpha`."
        )
    factor = lora_alpha / rank
    kinds = " with ".join(filter(None, (whole.kept_as, "LoRA")))
    return _found(slot, kinds, whole, lambda: _read(whole) + factor * (_read(a) @ _read(b)))


def _signed(slot: Slot, owner: Any, parts: Parts, scale: SavedArray) -> SavedArray:
    """int8, or int4 with two numbers in a byte."""
    name = slot.row.name
    values, zero = parts[name], parts.get(f"{name}_zero")
    # The axis by which two are in a byte, and the one along which blocks lie, of a table of two axes.
    packed, blocks = {"kernel": (1, 0), "embeddings": (1, 1), "reverse_embeddings": (0, 0)}[name]
    axis = None if zero is not None else _packed_axis(values, slot.shape)
    if zero is None and (axis is not None or values.shape == slot.shape):
        factors = _by_channel(slot, owner, scale, 1 - blocks)
        kind = "int8" if axis is None else "int4"

        def by_channel() -> Array:
            whole = _read(values)
            whole = whole.astype(np.float32) if axis is None else _unpacked(whole, slot.shape[axis], axis, signed=True)
            return np.asarray(whole / factors())

        return _found(slot, kind, values, by_channel)
    table = slot.shape
    if name == "kernel":
        columns = scale.shape[-1] if scale.shape else 0
        table = (math.prod(slot.shape) // columns if columns else 0, columns)
    halved = tuple(-(-size // 2) if axis == packed else size for axis, size in enumerate(table))
    of_scale: tuple[int, ...] = (table[1 - blocks],)
    if zero is not None:
        count = scale.shape[blocks] if len(scale.shape) == 2 else 0
        of_scale = tuple(count if axis == blocks else size for axis, size in enumerate(table))
        _check(slot, "int4", (zero, of_scale))
    _check(slot, "int4", (values, halved), (scale, of_scale), size=math.prod(table))
    places = parts.get("g_idx")

    def read() -> Array:
        whole = _unpacked(_read(values), table[packed], packed, signed=True)
        if zero is None:
            whole = whole / np.expand_dims(_read(scale), blocks)
        else:
            whole = _by_block(slot, whole, scale, zero, places, blocks)
        return whole.reshape(slot.shape)

    return _found(slot, "int4", values, read)


def _unsigned(slot: Slot, parts: Parts, scale: SavedArray) -> SavedArray:
    """What GPTQ and AWQ make of a kernel: transposed, (columns, rows), of four bits two columns in a byte."""
    values, zero, factors = parts["kernel"], parts.get("kernel_zero"), parts.get("awq_scales")
    kind = "GPTQ" if factors is None else "AWQ"
    columns, count = scale.shape if len(scale.shape) == 2 else (0, 0)
    rows = math.prod(slot.shape) // columns if columns else 0
    whole = values.shape == (columns, rows)
    if zero is None:
        raise ValueError(
            f"{slot} is quantized by {kind}, and its zero points are not in the file: Keras 3.14 and 3.15 leave them "
            "out when they save. Save the model before it is quantized."
        )
    shape = (columns if whole else -(-columns // 2), rows)
    _check(slot, kind, (values, shape), (zero, (columns, count)), size=columns * rows)
    if factors is not None:
        _check(slot, kind, (factors, (rows,)))
    places = parts.get("g_idx")

    def read() -> Array:
        found = _read(values)
        found = found.astype(np.float32) if whole else _unpacked(found, columns, 0, signed=False)
        if not found.any() and (_read(scale) == 1).all():
            raise ValueError(
                f"{slot} was to be quantized by {kind} and was not calibrated, because its layer is in none of the "
                "blocks: Keras wrote zeros in its place. Save the model before it is quantized."
            )
        turned = _by_block(slot, found, scale, zero, places, 1).T
        return (turned if factors is None else turned / _read(factors)[:, None]).reshape(slot.shape)

    return _found(slot, kind, values, read)


def _found(slot: Slot, kind: str, values: SavedArray, read: Callable[[], Array]) -> SavedArray:
    def quietly() -> Array:
        with np.errstate(all="ignore"):  # a scale of zero in a damaged file
            return read()

    return SavedArray(values.path, slot.shape, "float32", quietly, kept_as=kind)


def _by_block(
    slot: Slot, whole: Array, scale: SavedArray, zero: SavedArray, places: SavedArray | None, axis: int
) -> Array:
    """Less the zero point of its block and times the scale of it; the block of each entry along ``axis`` is told."""
    if places is None:
        raise _misfit(slot, "blocks", (scale, zero))
    blocks = places.read((whole.shape[axis],))
    if not ((blocks >= 0) & (blocks < scale.shape[axis])).all():  # GPTQ's have fractions, which count for nothing
        raise ValueError(f"`{places.path}` must number the blocks of {slot}, of which there are {scale.shape[axis]}.")
    zeros, scales = (np.take(_read(one), blocks.astype(np.int64), axis) for one in (zero, scale))
    return np.asarray((whole - zeros.astype(scales.dtype)) * scales)


def _by_channel(slot: Slot, owner: Any, scale: SavedArray, axis: int) -> Callable[[], Array]:
    """What int8 is divided by, as it stands beside the weight: a number for each entry along ``axis``.

    Of a layer that goes by an equation a number for each entry of the output, in whose order the axes are.
    """
    equation = getattr(owner, "equation", None)
    if equation is None and len(slot.shape) == 2:
        _check(slot, "int8", (scale, (slot.shape[axis],)))
        return lambda: np.expand_dims(_read(scale), 1 - axis)
    if equation is None:  # inside an attention: heads and what a head gives, or what all of them give, stand last
        lasts = [slot.shape[start:] for start in range(len(slot.shape))]
        last = next((shape for shape in lasts if math.prod(shape) == scale.size), None)
        if last is None:
            raise _misfit(slot, "int8", (scale,))
        return lambda: _read(scale).reshape(last)
    inside, outputs = equation.replace(" ", "").split("->")
    kernel = inside.split(",")[1]
    sizes = dict(zip(kernel, slot.shape, strict=True))
    order = [letter for letter in outputs if letter in sizes]
    if scale.size != math.prod(sizes[letter] for letter in order):
        raise _misfit(slot, "int8", (scale,))
    turned = [order.index(letter) for letter in kernel if letter in order]
    shape = [sizes[letter] if letter in order else 1 for letter in kernel]
    return lambda: _read(scale).reshape([sizes[letter] for letter in order]).transpose(turned).reshape(shape)


def _unpacked(packed: Array, length: int, axis: int, signed: bool) -> Array:
    """The numbers of four bits, two in a byte, the lower half first."""
    bits = np.moveaxis(packed.view(np.uint8), axis, 0)
    halves = np.stack((bits & 15, bits >> 4), 1).reshape(-1, *bits.shape[1:])[:length].astype(np.float32)
    if signed:
        halves -= 16 * (halves > 7)
    return np.moveaxis(halves, 0, axis)


def _packed_axis(values: SavedArray, whole: Sequence[int]) -> int | None:
    """The axis along which two numbers are in a byte; ``None`` for numbers that have a byte each, or other shapes.

    Keras 3.14 and later take the last, those before any. An axis of one entry is as long packed as it is not: a byte
    has its number in the lower half then, while int8 that Keras made goes up to 127 or down to -127.
    """
    if len(values.shape) != len(whole):
        return None
    changed = [axis for axis, (half, size) in enumerate(zip(values.shape, whole, strict=True)) if half != size]
    if not changed and 1 in whole:
        numbers = _read(values)
        return whole.index(1) if numbers.any() and ((numbers >= 0) & (numbers < 16)).all() else None
    return changed[0] if len(changed) == 1 and values.shape[changed[0]] == -(-whole[changed[0]] // 2) else None


def _read(values: SavedArray) -> Array:
    return values.read(values.shape)


def _check(slot: Slot, kind: str, *expected: tuple[SavedArray, tuple[int, ...]], size: int | None = None) -> None:
    """Raise a ``ValueError`` unless each array has its shape, and the weight ``size``, before anything is read."""
    if any(array.shape != shape for array, shape in expected) or size not in (None, math.prod(slot.shape)):
        raise _misfit(slot, kind, [array for array, _ in expected])


def _misfit(slot: Slot, kind: str, arrays: Iterable[SavedArray]) -> ValueError:
    found = ", ".join(f"`{array.path}` {array.dtype} {array.shape}" for array in arrays)
    return ValueError(f"{slot}, {slot.shape}, is kept as {kind} in a way that is not read: {found}.")
