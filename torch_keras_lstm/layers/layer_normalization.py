"""``keras.layers.LayerNormalization``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.layers.affine_normalization import AffineNormalization
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class LayerNormalization(AffineNormalization):
    """Normalizes each sample by the mean and variance over ``axis``, in training and otherwise.

    The parameters are those of ``torch.nn.LayerNorm``, so each loads the other's ``state_dict``.

    Args:
        axis: the axis or axes that are averaged over, along which ``gamma`` and ``beta`` run too.
        epsilon: added to the variance.
        center: whether there is a ``beta``.
        scale: whether there is a ``gamma``.
        beta_initializer, gamma_initializer: Keras' names, configurations or objects.
        beta_regularizer, gamma_regularizer: the same; their values enter ``losses``.
        beta_constraint, gamma_constraint: what ``apply_constraints`` projects on.
        rms_scaling: divide by the standard deviation without taking the mean off, times ``gamma``, without ``beta``;
            Keras has it for old models.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axis`` is no integer or list of them; for inputs that lack an axis or have another size.

    Example:
        >>> x = torch.tensor([[1.0, 3.0], [10.0, 30.0]])
        >>> LayerNormalization(epsilon=1e-6)(x).detach().round(decimals=3)
        tensor([[-1.,  1.],
                [-1.,  1.]])
    """

    rounds_inputs = rounds_weights = False

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: object = "zeros",
        gamma_initializer: object = "ones",
        beta_regularizer: object = None,
        gamma_regularizer: object = None,
        beta_constraint: object = None,
        gamma_constraint: object = None,
        *,
        rms_scaling: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(
            axes=[axis] if isinstance(axis, int) else axis,
            epsilon=epsilon,
            center=center,
            scale=scale,
            beta_initializer=beta_initializer,
            gamma_initializer=gamma_initializer,
            beta_regularizer=beta_regularizer,
            gamma_regularizer=gamma_regularizer,
            beta_constraint=beta_constraint,
            gamma_constraint=gamma_constraint,
            **kwargs,
        )
        self.rms_scaling = rms_scaling
        self.declare_scale_and_shift(gamma=scale or rms_scaling, beta=center and not rms_scaling)
        self.build_if_shape_is_known()

    def forward(self, inputs: Any) -> Tensor:
        """The normalized inputs."""
        values = self.widened(self.prepare(inputs))
        kept = self.kept_axes(values.ndim)
        if self.rms_scaling:
            variance = torch.var(values, kept, correction=0, keepdim=True)
            return self.finish(self.normalize(values, values.new_zeros(()), variance))
        if kept == tuple(range(values.ndim - len(kept), values.ndim)):
            weight, bias = (None if weight is None else weight.to(values.dtype) for weight in (self.weight, self.bias))
            outputs = F.layer_norm(values, values.shape[kept[0] :], weight, bias, self.epsilon)
            return self.finish(outputs.to(self._dtype))
        variance, mean = torch.var_mean(values, kept, correction=0, keepdim=True)
        return self.finish(self.normalize(values, mean, variance))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "rms_scaling": self.rms_scaling}
