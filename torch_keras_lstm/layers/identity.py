"""``keras.layers.Identity``."""

from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Identity(Layer):
    """Gives back its inputs.

    Args:
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Example:
        >>> Identity()(torch.tensor([1.0, 2.0]))
        tensor([1., 2.])
    """

    supports_masking = True

    def forward(self, inputs: Any) -> Tensor:
        """The inputs as a tensor of the layer's type."""
        return self.finish(self.prepare(inputs))
