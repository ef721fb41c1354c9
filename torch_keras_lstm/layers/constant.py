"""A fixed tensor among the arguments of a layer in a functional model."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.structure import map_leaves


class Constant:
    """Numbers that a layer is called with beside symbolic tensors, such as an ``initial_state`` that never changes.

    They are copied: who changes the array or tensor afterwards does not change the model.

    Args:
        value: a NumPy array or a tensor.

    Raises:
        TypeError: for a tensor that takes gradients, which no optimizer would be given.
    """

    def __init__(self, value: Any) -> None:
        if isinstance(value, Tensor) and value.requires_grad:
            raise TypeError(
                f"A tensor of shape {tuple(value.shape)} that takes gradients cannot be a constant of a model, which "
                "would not train it: make it a weight of a layer, or pass `tensor.detach()`."
            )
        # Explicitly here: shapes are derived under a default device without numbers.
        self.value = value.detach().clone() if isinstance(value, Tensor) else torch.from_numpy(np.array(value))

    @classmethod
    def from_config(cls, config: Any) -> "Constant":
        """The constant that :meth:`get_config` described.

        Raises:
            ValueError: when it is not a rectangular array of numbers of a known type.
        """
        value, dtype = (config.get("value"), config.get("dtype")) if isinstance(config, Mapping) else (None, None)
        try:
            array = np.asarray(value, dtype=np.float32 if dtype == "bfloat16" else np.dtype(dtype))
        except (TypeError, ValueError) as error:
            raise ValueError(f"A constant must be an array of numbers, got {config!r:.100} ({error}).") from None
        if dtype is None or array.dtype.kind not in "biuf":
            raise ValueError(f"A constant must be an array of numbers with its `dtype`, got {config!r:.100}.")
        return cls(array)

    @property
    def spec(self) -> TensorSpec:
        """Shape and type, with no free size."""
        example = torch.empty(self.value.shape, dtype=self.value.dtype, device="meta")
        return TensorSpec((example, example))

    def beside(self, layer: BaseLayer) -> Tensor:
        """The tensor where the layer is, of the layer's type if it is one of floating-point numbers, as in Keras."""
        dtype = layer._dtype if self.value.is_floating_point() else self.value.dtype
        return self.value.to(layer.device, dtype)

    def get_config(self) -> dict[str, Any]:
        """As Keras 3 writes a tensor into a file."""
        name = str(self.value.dtype).removeprefix("torch.")
        return {"class_name": "__tensor__", "config": {"value": self.value.tolist(), "dtype": name}}


def with_constants(value: Any) -> Any:
    """The arguments of a call with each array and tensor in them as a :class:`Constant`."""
    return map_leaves(np.ndarray, Constant, map_leaves(Tensor, Constant, value))


def written_constants(value: Any) -> Any:
    """The arguments of a call with each :class:`Constant` as files have it."""
    return map_leaves(Constant, Constant.get_config, value)


def read_constants(value: Any) -> Any:
    """The arguments of a call with what :func:`written_constants` wrote, or Keras did, as a :class:`Constant`."""
    if isinstance(value, Mapping):
        if value.get("class_name") in ("__tensor__", "__numpy__"):
            return Constant.from_config(value.get("config"))
        return {name: read_constants(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(read_constants, value))
    return value
