"""``keras.layers.GroupNormalization``."""

from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_integer
from torch_keras_lstm.layers.affine_normalization import AffineNormalization
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class GroupNormalization(AffineNormalization):
    """Normalizes each sample by the mean and variance of each group of channels.

    The parameters are those of ``torch.nn.GroupNorm``, so each loads the other's ``state_dict``.

    Args:
        groups: number of groups that the channels are divided into; -1 makes each channel a group.
        axis: the axis of the channels.
        epsilon: added to the variance.
        center: whether there is a ``beta``.
        scale: whether there is a ``gamma``.
        beta_initializer, gamma_initializer: Keras' names, configurations or objects.
        beta_regularizer, gamma_regularizer: the same; their values enter ``losses``.
        beta_constraint, gamma_constraint: what ``apply_constraints`` projects on.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``groups`` is neither positive nor -1, or does not divide the number of channels.

    Example:
        >>> x = torch.randn(2, 5, 6)
        >>> normalized = GroupNormalization(groups=3)(x).reshape(2, 5, 3, 2)
        >>> normalized.mean(dim=(1, 3)).abs().max() < 1e-6
        tensor(True)
    """

    rounds_inputs = rounds_weights = False

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: object = "zeros",
        gamma_initializer: object = "ones",
        beta_regularizer: object = None,
        gamma_regularizer: object = None,
        beta_constraint: object = None,
        gamma_constraint: object = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        check_integer("groups", groups)
        if groups <= 0 and groups != -1:
            raise ValueError(f"`groups` must be a positive integer, or -1 for a group a channel, got {groups!r}.")
        super().__init__(
            axes=(axis,),
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
        self.groups = groups
        self.declare_scale_and_shift(gamma=scale, beta=center)
        self.build_if_shape_is_known()

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the groups divide the channels of inputs of ``shape``."""
        super().check_input_shape(shape)
        channels = shape[self.axes[0]]
        if self.groups != -1 and channels is not None and channels % self.groups:
            raise ValueError(
                f"Layer `{self.name}` cannot divide {channels} channels into {self.groups} groups: `groups` must "
                "divide the size of `axis`, or be -1."
            )

    def forward(self, inputs: Any) -> Tensor:
        """The normalized inputs."""
        inputs = self.prepare(inputs)
        values = self.widened(inputs)
        (kept,) = self.kept_axes(values.ndim)
        grouped = values.unflatten(kept, (values.shape[kept] if self.groups == -1 else self.groups, -1))
        averaged = [axis for axis in range(1, grouped.ndim) if axis != kept]
        variance, mean = torch.var_mean(grouped, averaged, correction=0, keepdim=True)
        normalized = (grouped - mean) * torch.rsqrt(variance + self.epsilon)
        return self.finish(self.scale_and_shift(normalized.flatten(kept, kept + 1)).to(self._dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "groups": self.groups}

    def extra_repr(self) -> str:
        """The number of groups first."""
        return f"{self.groups}, {super().extra_repr()}"
