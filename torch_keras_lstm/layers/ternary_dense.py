"""``keras.layers.TernaryDense``, which came with Keras 3.16."""

from typing import Any, SupportsIndex, Unpack

from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.layer import CommonArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class TernaryDense(Dense):
    """A ``Dense`` layer that computes with -1, 0 and 1 in place of its kernel (Ma et al., 2024).

    Numbers of the kernel count by their signs, and those that are small not at all. The gradient goes to them as if
    they were what is computed with.

    Args:
        units: size of the output's last axis.
        threshold: up to which size numbers count as 0; ``None`` for half of the mean of all sizes, by which the output
            is multiplied then.
        activation: a Keras name, configuration or callable; ``None`` is linear.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.

    Raises:
        ValueError: when ``units`` is not a positive integer or ``threshold`` below 0; when inputs have one axis or
            another number of features.

    Example:
        >>> layer = TernaryDense(2, threshold=0.5, use_bias=False)
        >>> layer.build((None, 2))
        >>> layer.set_weights([[[0.7, -0.9], [0.4, 0.6]]])
        >>> layer(torch.tensor([[1.0, 10.0]]))
        tensor([[1., 9.]], grad_fn=<MmBackward0>)
    """

    def __init__(
        self,
        units: SupportsIndex,
        threshold: float | None = None,
        activation: object = None,
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
        if threshold is not None and (not isinstance(threshold, int | float) or threshold < 0):
            raise ValueError(f"`threshold` must be a number of at least 0 or None, got {threshold!r}.")
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
            **kwargs,
        )
        self.threshold = threshold

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, ..., features) to (batch, ..., units); integers and booleans are cast to the layer's dtype."""
        inputs = self.prepare(inputs)
        sizes = self.weight.abs()
        mean = sizes.mean()
        threshold = 0.5 * mean if self.threshold is None else self.threshold
        signs = self.weight.sign() * (sizes > threshold)
        outputs = F.linear(inputs, self.weight + (signs - self.weight).detach())
        outputs = outputs * mean if self.threshold is None else outputs
        outputs = outputs if self.bias is None else outputs + self.bias
        return self.finish(outputs if self.activation is None else self.activation(outputs))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "threshold": self.threshold}
