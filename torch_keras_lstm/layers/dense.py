"""``keras.layers.Dense``."""

from collections.abc import Mapping
from typing import Any, ClassVar, SupportsIndex, Unpack

from torch import Tensor, nn
from torch.nn import functional as F

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.few_rows import product
from torch_keras_lstm.layers.layer import CommonArguments, Layer, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight


@register("keras.layers")
class Dense(Layer):
    """``activation(inputs @ kernel + bias)`` along the last axis, whatever the number of axes in front of it.

    The parameters are named and laid out as those of ``torch.nn.Linear``, so each loads the other's ``state_dict``.

    Args:
        units: size of the output's last axis.
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        input_dim: number of input features, as Keras spells ``input_shape=(input_dim,)``.

    Raises:
        ValueError: when ``units`` is not a positive integer; when inputs have one axis or another number of features.

    Example:
        >>> layer = Dense(4, activation="relu", kernel_regularizer="l2")
        >>> layer(torch.randn(2, 10, 3)).shape
        torch.Size([2, 10, 4])
        >>> layer.kernel.shape, layer.weight.shape  # Keras' layout, torch's
        (torch.Size([3, 4]), torch.Size([4, 3]))
    """

    supports_masking = True
    casts_integers = True

    void_arguments: ClassVar[Mapping[str, object]] = {"quantization_config": None}

    weight: nn.Parameter
    bias: nn.Parameter | None

    kernel = KerasWeight()

    def __init__(
        self,
        units: SupportsIndex,
        activation: object = None,
        use_bias: bool = True,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        *,
        input_dim: int | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        if input_dim is not None:
            kwargs["input_shape"] = (input_dim,)
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer("units", units)
        self.activation: activations.Activation | None = activations.get(activation)
        self.use_bias = use_bias
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.declare_weight("kernel", "weight", axes=(1, 0), role="kernel")
        self.declare_weight("bias", "bias", axes=(0,), role="bias", present=use_bias)
        self.build_if_shape_is_known()

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(features, units) and (units,)."""
        features = input_shape[-1]
        assert features is not None, "check_input_shape lets no unknown number of features through"
        return {"kernel": (features, self.units), "bias": (self.units,)}

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, ..., features) with the layer's number of features."""
        if len(shape) < 2:
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape (batch, ..., features), got shape {tuple(shape)}."
            )
        features = shape[-1]
        if features is None:
            raise ValueError(f"Layer `{self.name}` needs the size of the last axis to be built, got {tuple(shape)}.")
        if self.built and features != self.weight.shape[1]:
            raise ValueError(
                f"Layer `{self.name}` was built for {self.weight.shape[1]} features, "
                f"got inputs of shape {tuple(shape)} with {features}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, ..., features) to (batch, ..., units); integers and booleans are cast to the layer's dtype."""
        inputs = self.prepare(inputs)
        outputs = product(inputs, self.weight, self.bias)
        if outputs is None:
            outputs = F.linear(inputs, self.weight, self.bias)
        return self.finish(outputs if self.activation is None else self.activation(outputs))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **self.weight_arguments(),
        }

    def extra_repr(self) -> str:
        """Sizes first, then the activation if there is one."""
        sizes = f"{self.weight.shape[1]}, {self.units}" if self.built else f"{self.units}"
        activation = activations.serialize(self.activation)
        shown = "" if activation == "linear" else f", activation={activation!r}"
        return f"{sizes}, {super().extra_repr()}{shown}" + ("" if self.use_bias else ", use_bias=False")
