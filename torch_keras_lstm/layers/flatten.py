"""``keras.layers.Flatten``."""

import math
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register

_DATA_FORMATS = ("channels_last", "channels_first")


@register("keras.layers")
class Flatten(Layer):
    """All axes but the first in one. A mask ends here, as in Keras.

    Args:
        data_format: "channels_last", which ``None`` means too, or "channels_first": axis 1 is moved to the end before
            flattening, so that both orders of an image give the same vector.

    Raises:
        ValueError: for another ``data_format``, and for inputs without axes.

    Example:
        >>> Flatten()(torch.randn(4, 7, 9, 3)).shape
        torch.Size([4, 189])
    """

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.data_format = _DATA_FORMATS[0] if data_format is None else data_format
        check_choice("data_format", self.data_format, _DATA_FORMATS)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` for a scalar."""
        if len(shape) == 0:
            raise ValueError(f"Layer `{self.name}` takes inputs with a batch axis, got a scalar.")

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, ...) to (batch, product of the rest), and (batch,) to (batch, 1)."""
        inputs = self.prepare(inputs)
        if self.data_format == "channels_first" and inputs.dim() > 2:
            inputs = inputs.movedim(1, -1)
        return self.finish(inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, product of the rest), the product ``None`` where a size is free."""
        sizes = [size for size in input_shape[1:] if size is not None]
        known = len(sizes) == len(input_shape) - 1
        return (input_shape[0], math.prod(sizes) if known else None)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "data_format": self.data_format}
