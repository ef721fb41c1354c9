"""What Keras computes in float16 and bfloat16 on TensorFlow's kernels for a CPU, bit for bit where it can be had.

:func:`keras_half` is entered around the call of a layer whose policy says half precision. What torch's functions give
there is in :mod:`.functions`, how it is rounded in the other modules.
"""

from torch_keras_lstm.half_precision.functions import is_keras_half, keras_half
from torch_keras_lstm.half_precision.rule import HALF
from torch_keras_lstm.half_precision.sums import mean_of_windows

__all__ = ["HALF", "is_keras_half", "keras_half", "mean_of_windows"]
