"""``MaxoutDense`` of Keras 1, which Keras 2 dropped."""

from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class MaxoutDense(Layer):
    """The largest of several linear maps at each output (Goodfellow et al., 2013). A mask ends here.

    Arguments are named as those of ``Dense``; Keras 1's names are ``output_dim``, ``nb_feature``, ``init``, ``W_...``.

    Args:
        units: size of the output.
        maps: number of linear maps.
        use_bias: whether they have biases.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, and for inputs of other than two axes.

    Example:
        >>> MaxoutDense(3, maps=4)(torch.randn(2, 5)).shape
        torch.Size([2, 3])
    """

    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        units: SupportsIndex,
        maps: SupportsIndex = 4,
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer("units", units)
        self.maps = positive_integer("maps", maps)
        self.use_bias = use_bias
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.declare_weight("kernel", "kernel", axes=(0, 1, 2), role="kernel")
        self.declare_weight("bias", "bias", axes=(0, 1), role="bias", present=use_bias)
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(maps, features, units) and (maps, units)."""
        features = input_shape[-1]
        assert features is not None, "check_input_shape lets no unknown number of features through"
        return {"kernel": (self.maps, features, self.units), "bias": (self.maps, self.units)}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """The kernel's second axis is that of the features."""
        return None, weight.shape[1]

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, features) with the layer's number of features."""
        features = self.kernel.shape[1] if self.built else shape[-1] if shape else None
        if len(shape) != 2 or features is None or shape[-1] != features:
            wanted = features if self.built else "features"
            raise ValueError(f"Layer `{self.name}` takes inputs of shape (batch, {wanted}), got {tuple(shape)}.")

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, features) to (batch, units)."""
        maps = torch.tensordot(self.prepare(inputs), self.kernel, ([1], [1]))
        return self.finish(torch.amax(maps if self.bias is None else maps + self.bias, 1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, units)."""
        return input_shape[0], self.units

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "maps": self.maps,
            "use_bias": self.use_bias,
            **self.weight_arguments(),
        }
