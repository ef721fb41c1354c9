"""The values of inputs, for layers that look at each of them in Python."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.torch_internals import is_jit_traced


def numbers_in(values: Tensor, layer: Any) -> list[Any]:
    """The numbers in ``values``, one after the other.

    Raises:
        RuntimeError: in a program or a trace, which would keep those of the example; it names the layer.
    """
    if torch.compiler.is_exporting() or is_jit_traced():
        raise RuntimeError(
            f"Layer `{layer.name}` ({type(layer).__name__}) looks at each value in Python, which no file can hold: "
            "apply it to the data, and export the model without it."
        )
    numbers: list[Any] = values.reshape(-1).tolist()
    return numbers
