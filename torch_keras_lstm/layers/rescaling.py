"""``keras.layers.Rescaling``."""

from collections.abc import Mapping
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Rescaling(Layer):
    """``inputs * scale + offset``; integers are cast to the layer's dtype first.

    Args:
        scale: a number, or an array or list of numbers that broadcasts with the inputs.
        offset: the same.

    Raises:
        ValueError: when one of them is neither.

    Example:
        >>> Rescaling(1 / 127.5, offset=-1)(torch.tensor([0, 255]))
        tensor([-1.,  1.])
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = scale, offset
        for name, value in (("scale", scale), ("offset", offset)):
            try:
                # Numbers are rounded to torch's default type, as Keras rounds them to its own; arrays keep their type.
                numbers = torch.as_tensor(value)
            except (TypeError, ValueError, RuntimeError):
                raise ValueError(f"`{name}` must be a number or an array of numbers, got {value!r}.") from None
            self.register_buffer(f"_{name}", numbers, persistent=False)

    def forward(self, inputs: Any) -> Tensor:
        """The rescaled inputs."""
        inputs = self.prepare(inputs).to(self._dtype)
        scale, offset = (getattr(self, name).to(self._dtype) for name in ("_scale", "_offset"))
        return self.finish(inputs * scale + offset)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names, arrays marked as Keras marks them."""
        return {**super().get_config(), "scale": _written(self.scale), "offset": _written(self.offset)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer; arrays marked as arrays are read."""
        return super().from_config({name: _read(value) for name, value in config.items()})

    def extra_repr(self) -> str:
        """Both numbers."""
        return f"{self.scale}, offset={self.offset}, {super().extra_repr()}"


def _written(value: Any) -> Any:
    if not isinstance(value, np.ndarray | np.generic | Tensor):
        return value
    array = np.asarray(value)
    return {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": str(array.dtype)}}


def _read(value: Any) -> Any:
    if isinstance(value, Mapping) and value.get("class_name") == "__numpy__":
        config = value["config"]
        return np.array(config["value"], dtype=config["dtype"])
    return value
