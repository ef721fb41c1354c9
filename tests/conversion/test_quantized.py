"""What stands in a file for quantized weights: layouts of older Kerases, and arrays that do not fit."""

from typing import Any

import numpy as np
import pytest

from torch_keras_lstm.conversion.arrays import SavedArray
from torch_keras_lstm.conversion.quantized import named_parts, numbers_of
from torch_keras_lstm.conversion.slots import Slot, slots
from torch_keras_lstm.layers import Dense, Layer


def _saved(name: str, values: Any) -> SavedArray:
    values = np.asarray(values)
    return SavedArray(f"/d/{name}", values.shape, values.dtype.name, lambda: values)


def _kernel(rows: int, columns: int) -> tuple[Slot, Layer]:
    layer = Dense(columns, use_bias=False, name="d", input_shape=(rows,))
    return next(slots([layer])), layer


def _packed(numbers: np.ndarray[Any, Any], axis: int) -> Any:
    """Two in a byte along ``axis``, the first in the lower half."""
    turned = np.moveaxis(numbers, axis, 0)
    if len(turned) % 2:
        turned = np.concatenate([turned, np.zeros_like(turned[:1])])
    return np.moveaxis(((turned[::2] & 15) | (turned[1::2] & 15) << 4).astype(np.uint8).view(np.int8), 0, axis)


@pytest.mark.parametrize("axis", [0, 1], ids=["before Keras 3.14", "since"])
@pytest.mark.parametrize("shape", [(7, 5), (4, 6), (5, 1), (1, 5)])
def test_int4_by_channel(shape: tuple[int, int], axis: int) -> None:
    random = np.random.default_rng(1)
    numbers = random.integers(-8, 8, size=shape)
    numbers[0, 0] = -3
    scale = random.uniform(1, 3, size=shape[1]).astype("f4")
    slot, layer = _kernel(*shape)
    parts = {"kernel": _saved("kernel", _packed(numbers, axis)), "kernel_scale": _saved("kernel_scale", scale)}
    if shape[axis] == 1:
        assert parts["kernel"].shape == shape
    found = numbers_of(slot, layer, parts, None)
    assert found is not None
    assert found.kept_as == "int4"
    np.testing.assert_array_equal(found.read(shape), numbers.astype("f4") / scale)


def _by_blocks(**changed: Any) -> dict[str, SavedArray]:
    arrays = {
        "kernel": np.ones((4, 3), np.int8),
        "kernel_scale": np.ones((2, 6), np.float32),
        "kernel_zero": np.zeros((2, 6), np.int8),
        "g_idx": np.array([0.0, 0, 1, 1], np.float32),
    } | changed
    return {name: _saved(name, values) for name, values in arrays.items()}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"kernel": np.ones((4, 4), np.int8)},
            r"weight `kernel` of layer `d`, \(4, 6\), is kept as int4 in a way that",
        ),
        ({"kernel_scale": np.ones((2, 5), np.float32)}, "is kept as int4 in a way that is not read: `/d/kernel_zero`"),
        ({"kernel_scale": np.ones((), np.float32)}, "is kept as int4 in a way that is not read"),
        ({"kernel_zero": np.zeros((1, 6), np.int8)}, r"not read: `/d/kernel_zero` int8 \(1, 6\)"),
        ({"g_idx": np.zeros(3, np.float32)}, r"`/d/g_idx` must have shape \(4,\), but has \(3,\)"),
        ({"g_idx": np.full(4, 2.0, np.float32)}, "`/d/g_idx` must number the blocks of weight `kernel` of layer `d`"),
        ({"g_idx": np.full(4, np.nan, np.float32)}, "of which there are 2"),
    ],
)
def test_arrays_that_do_not_fit(changed: dict[str, Any], message: str) -> None:
    slot, layer = _kernel(4, 6)
    whole = numbers_of(slot, layer, _by_blocks(), None)
    assert whole is not None
    assert whole.read((4, 6)).tolist() == np.tile([1.0, 0.0], (4, 3)).tolist()

    def read() -> None:
        found = numbers_of(slot, layer, _by_blocks(**changed), None)
        assert found is not None
        found.read((4, 6))

    with pytest.raises(ValueError, match=message):
        read()


def test_more_arrays_than_any_quantization_has_are_left_as_they_are() -> None:
    arrays = [_saved(str(number), np.ones(3, np.float32)) for number in range(4)]
    assert named_parts(["kernel", "bias"], arrays) is None
    assert named_parts(["gamma", "beta"], arrays) is None
    assert named_parts(["kernel", "bias"], arrays[:2]) is None
