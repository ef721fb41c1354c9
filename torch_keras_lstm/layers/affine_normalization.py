"""What the normalizations with a learned scale and shift share."""

from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.along_axes import AlongAxes
from torch_keras_lstm.layers.weight_view import KerasWeight


class AffineNormalization(AlongAxes):
    """``(inputs - mean) / sqrt(variance + epsilon) * gamma + beta``, over statistics that a subclass chooses.

    ``gamma`` and ``beta`` are the parameters ``weight`` and ``bias``, named as torch's normalizations name them, with
    one entry for each place along ``axes``. float16 and bfloat16 are computed in float32, as in Keras.

    Args:
        epsilon: added to the variance.
        center: whether there is a ``beta``.
        scale: whether there is a ``gamma``.
        beta_initializer, gamma_initializer: Keras' names, configurations or objects.
        beta_regularizer, gamma_regularizer: the same; their values enter ``losses``.
        beta_constraint, gamma_constraint: what ``apply_constraints`` projects on.
        **kwargs: the axes, and the arguments of every layer; see :class:`AlongAxes`.

    Raises:
        ValueError: when ``epsilon`` is negative.
    """

    computes_in_float32 = True

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    gamma = KerasWeight()
    beta = KerasWeight()

    def __init__(
        self,
        *,
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: object,
        gamma_initializer: object,
        beta_regularizer: object,
        gamma_regularizer: object,
        beta_constraint: object,
        gamma_constraint: object,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_non_negative("epsilon", epsilon)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.keep_weight_arguments(
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
        )

    def declare_scale_and_shift(self, *, gamma: bool, beta: bool) -> None:
        """Declare those of the two weights that the layer has."""
        self.declare_weight("gamma", "weight", role="gamma", present=gamma)
        self.declare_weight("beta", "bias", role="beta", present=beta)

    def widened(self, inputs: Tensor) -> Tensor:
        """Inputs in the type to compute in: that of the layer, but at least float32."""
        return inputs.to(torch.promote_types(self._dtype, torch.float32))

    def normalize(self, inputs: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """The normalized inputs times ``gamma`` plus ``beta``; the statistics have as many axes as ``inputs``."""
        outputs = (inputs - mean) * torch.rsqrt(variance + self.epsilon)
        return self.scale_and_shift(outputs).to(self._dtype)

    def scale_and_shift(self, values: Tensor) -> Tensor:
        """Times ``gamma`` plus ``beta``, as far as the layer has them."""
        if self.weight is not None:
            values = values * self.beside(self.weight, values)
        return values if self.bias is None else values + self.beside(self.bias, values)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "axis": self.axis,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **self.weight_arguments(),
        }

    def extra_repr(self) -> str:
        """The axis and epsilon, then what is left out."""
        left_out = "".join(f", {flag}=False" for flag in ("center", "scale") if not getattr(self, flag))
        return f"axis={self.axis}, epsilon={self.epsilon}, {super().extra_repr()}{left_out}"
