"""Numbers that TensorFlow holds in single precision, whatever the precision of the tensors they meet."""

import math
import struct

import torch

_LARGEST = torch.finfo(torch.float32).max


def to_single(value: float) -> float:
    """The float32 nearest to ``value``; infinite where it has none.

    Where Keras hands a Python number to TensorFlow by itself, it becomes a float32 tensor before it is cast to the type
    of the other operand. In float32 that is invisible; a float64 result moves in its eighth digit.
    """
    if abs(value) > _LARGEST:
        return math.copysign(math.inf, value)
    single: float = struct.unpack("f", struct.pack("f", value))[0]
    return single
