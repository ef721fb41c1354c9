"""``Highway`` of Keras 1, which Keras 2 dropped."""

from typing import Any, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torch_keras_lstm import activations
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight


@register("keras.layers")
class Highway(Layer):
    """``t * activation(inputs @ kernel + bias) + (1 - t) * inputs`` with a gate ``t`` (Srivastava et al., 2015).

    The gate is ``sigmoid(inputs @ carry_kernel + carry_bias)``. A mask ends here. Arguments are named as those of
    ``Dense``; Keras 1's names are ``init``, ``bias``, ``W_...``.

    Args:
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether both maps have a bias; that of the gate starts with ones, as in Keras 1.2.
        kernel_initializer: of both kernels; Keras' name, configuration or object.
        kernel_regularizer, bias_regularizer: of ``kernel`` and ``bias`` alone, as in Keras 1.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: of ``kernel`` and ``bias`` alone.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for inputs of other than two axes.

    Example:
        >>> layer = Highway(activation="tanh")
        >>> layer(torch.randn(4, 6)).shape, layer.count_params()  # two maps of 6 to 6 with biases
        (torch.Size([4, 6]), 84)
    """

    weight: nn.Parameter
    carry_weight: nn.Parameter
    bias: nn.Parameter | None
    carry_bias: nn.Parameter | None

    kernel = KerasWeight()
    carry_kernel = KerasWeight()

    def __init__(
        self,
        activation: object = None,
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.declare_weight("kernel", "weight", axes=(1, 0), role="kernel")
        self.declare_weight("carry_kernel", "carry_weight", axes=(1, 0), initializer=self.kernel_initializer)
        self.declare_weight(
            "bias",
            "bias",
            axes=(0,),
            initializer="zeros",
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
            present=use_bias,
        )
        self.declare_weight("carry_bias", "carry_bias", axes=(0,), initializer="ones", present=use_bias)
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(features, features) and (features,)."""
        features = input_shape[-1]
        assert features is not None, "check_input_shape lets no unknown number of features through"
        matrix, vector = (features, features), (features,)
        return {"kernel": matrix, "carry_kernel": matrix, "bias": vector, "carry_bias": vector}

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, features) with the layer's number of features."""
        features = self.weight.shape[1] if self.built else shape[-1] if shape else None
        if len(shape) != 2 or features is None or shape[-1] != features:
            wanted = features if self.built else "features"
            raise ValueError(f"Layer `{self.name}` takes inputs of shape (batch, {wanted}), got {tuple(shape)}.")

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, features) to the same shape."""
        inputs = self.prepare(inputs)
        gate = torch.sigmoid(F.linear(inputs, self.carry_weight, self.carry_bias))
        changed = self.activation(F.linear(inputs, self.weight, self.bias))
        return self.finish(gate * changed + (1 - gate) * inputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {
            **super().get_config(),
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **self.weight_arguments(),
        }
