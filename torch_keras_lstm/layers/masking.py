"""``keras.layers.Masking``."""

from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.layers.keras_tensor import operate
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Masking(Layer):
    """Masks the steps at which every feature equals ``mask_value``, and sets them to zero.

    Args:
        mask_value: rounded to torch's default type first, as Keras 3 rounds it to its own: float32 inputs of -1.1 match
            -1.1, float64 ones do not.

    Raises:
        ValueError: when ``mask_value`` is not a number, and for inputs of fewer than two axes.

    Example:
        >>> x = torch.tensor([[[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]]])
        >>> Masking()(x)._keras_mask  # the next layer finds it there
        tensor([[ True, False,  True]])
    """

    supports_masking = True
    makes_mask = True

    def __init__(self, mask_value: float = 0.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_number("mask_value", mask_value)
        self.mask_value = mask_value
        self._compared = torch.tensor(mask_value, device="cpu").item()

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, ..., features)."""
        if len(shape) < 2:
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape (batch, time, features), got shape {tuple(shape)}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """The inputs (batch, time, features) with zeros at masked steps."""
        inputs = self.prepare(inputs)
        return self.finish(torch.where(self._unmasked(inputs).unsqueeze(-1), inputs, 0))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor:
        """(batch, time), ``True`` at the steps that count; a mask that came with the inputs is replaced."""
        return self._unmasked(self.as_input(inputs))

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """As :meth:`compute_mask`."""
        return operate("Any", inputs != self.mask_value, axis=-1, keepdims=False)

    def _unmasked(self, inputs: Tensor) -> Tensor:
        return (inputs != self._compared).any(dim=-1)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "mask_value": self.mask_value}

    def extra_repr(self) -> str:
        """The value that is masked."""
        return f"mask_value={self.mask_value}, {super().extra_repr()}"
