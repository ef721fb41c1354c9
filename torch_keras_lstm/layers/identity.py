"""``keras.layers.Identity``."""

from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Identity(Layer):
    """Gives back its inputs."""

    supports_masking = True

    def forward(self, inputs: Any) -> Tensor:
        """The inputs as a tensor of the layer's type."""
        return self.finish(self.prepare(inputs))
