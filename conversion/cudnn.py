"""cuDNN's layout of recurrent weights, in which ``CuDNNLSTM`` and ``CuDNNGRU`` of Keras 2 saved theirs.

cuDNN keeps the matrix of a gate transposed, and two biases where Keras' LSTM has one. The classes stood in Keras 2.0.9
to 2.3 and stand in ``tf.compat.v1``. An ordinary LSTM of theirs reads such weights too, so that the class does not tell
the layout: only the length of the bias does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from torch_keras_lstm.conversion.arrays import Array

_Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """How a file arranges a weight.

    Attributes:
        shape: the shape in the file.
        to_keras: from that arrangement to Keras' own.
    """

    shape: _Shape
    to_keras: Callable[[Array], Array]


def cudnn_layouts(wanted: Mapping[str, _Shape], saved: Mapping[str, _Shape]) -> Mapping[str, Layout]:
    """The layouts of a layer's weights by name: cuDNN's if the saved bias has its length, else none.

    Args:
        wanted: the shapes in Keras' layout of the weights that the layer has, by name.
        saved: the shapes in the file.
    """
    if wanted.keys() != {"kernel", "recurrent_kernel", "bias"}:
        return {}
    units, columns = wanted["recurrent_kernel"][0], wanted["recurrent_kernel"][-1]
    gates = columns // units
    # A GRU with one bias computes something else than cuDNN's, so that nothing converts into it.
    convertible = {4: (columns,), 3: (2, columns)}.get(gates)
    if wanted["bias"] != convertible or saved.get("bias") != (2 * columns,):
        return {}
    return {
        "kernel": Layout(wanted["kernel"], lambda kernel: _by_gate(kernel, gates, _untransposed)),
        "recurrent_kernel": Layout(wanted["recurrent_kernel"], lambda kernel: _by_gate(kernel, gates, np.transpose)),
        "bias": Layout((2 * columns,), lambda bias: bias.reshape(2, -1).sum(0) if gates == 4 else bias.reshape(2, -1)),
    }


def _by_gate(kernel: Array, gates: int, change: Callable[[Array], Array]) -> Array:
    return np.concatenate([change(gate) for gate in np.split(kernel, gates, axis=-1)], axis=-1)


def _untransposed(gate: Array) -> Array:
    # The file declares (features, units), but the numbers run as those of a (units, features) matrix.
    return gate.reshape(gate.shape[::-1]).T
