"""``keras.layers.Wrapper``."""

from collections.abc import Mapping
from typing import Any, Self, Unpack

from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import deserialize, register, serialize


@register("keras.layers")
class Wrapper(Layer):
    """A layer around another one: to be derived from by a class that defines ``call``.

    Args:
        layer: the layer inside.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``layer`` is no layer.

    Example:
        >>> class Residual(Wrapper):
        ...     def call(self, inputs):
        ...         return inputs + self.layer(inputs)
        >>> Residual(Dense(4))(torch.randn(2, 4)).shape
        torch.Size([2, 4])
    """

    layer: Layer

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerArguments]) -> None:
        if not isinstance(layer, Layer):
            raise ValueError(f"`layer` of a {type(self).__name__} must be a layer, got {layer!r:.200}.")
        super().__init__(**kwargs)
        self.layer = layer
        if not self.trainable:
            self.requires_grad_(False)

    def build(self, input_shape: Any = None) -> None:
        """Build the layer inside for the same inputs."""
        if not self.layer.built:
            with self.building():
                self.layer.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, the configuration of the layer inside among them."""
        return {**super().get_config(), "layer": serialize(self.layer)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A new layer around a new layer."""
        return super().from_config({**config, "layer": deserialize(config["layer"], custom_objects)})
