"""``keras.layers.BatchNormalization``."""

from collections.abc import Mapping
from typing import Any, ClassVar, Unpack

import torch
from torch import Tensor

from torch_keras_lstm import initializers
from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.layers.affine_normalization import AffineNormalization
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight

# Keras adds its `backend.epsilon()` to the number of unmasked entries, which may be 0.
_KERAS_EPSILON = 1e-7


@register("keras.layers")
class BatchNormalization(AffineNormalization):
    """Normalizes along ``axis`` by the batch's statistics in training, by their moving averages otherwise.

    The parameters and buffers have the names of ``torch.nn.BatchNorm1d`` (``weight``, ``bias``, ``running_mean``,
    ``running_var``), so each loads the other's ``state_dict``. ``momentum`` is Keras': the share that the old average
    keeps, where torch's is the share of the new value; and the moving variance is that of the batch as it is, where
    torch's is the unbiased one. ``trainable=False`` freezes the averages too: the layer then always runs as outside
    training, as in Keras.

    In training a mask, (batch, ...) without the last axis, leaves masked entries out of the statistics, as in Keras 3.

    Args:
        axis: the axis of the features; every other one is averaged over.
        momentum: share of the old moving average that is kept at each step.
        epsilon: added to the variance.
        center: whether there is a ``beta``.
        scale: whether there is a ``gamma``.
        beta_initializer, gamma_initializer: Keras' names, configurations or objects.
        moving_mean_initializer, moving_variance_initializer: the same.
        beta_regularizer, gamma_regularizer: the same; their values enter ``losses``.
        beta_constraint, gamma_constraint: what ``apply_constraints`` projects on.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axis`` is no integer; for inputs that lack the axis or have another size along it; for a mask
            that does not have one axis less than the inputs.
    """

    # Batch renormalization corrects the statistics in training and is refused; the rest concerns several devices.
    void_arguments: ClassVar[Mapping[str, object]] = {
        "synchronized": False,
        "renorm": False,
        "renorm_clipping": None,
        "renorm_momentum": 0.99,
    }

    # in training by its statistics, so that `TimeDistributed` calls it step by step
    mixes_samples: ClassVar[bool] = True

    running_mean: Tensor
    running_var: Tensor

    moving_mean = KerasWeight()
    moving_variance = KerasWeight()

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: object = "zeros",
        gamma_initializer: object = "ones",
        moving_mean_initializer: object = "zeros",
        moving_variance_initializer: object = "ones",
        beta_regularizer: object = None,
        gamma_regularizer: object = None,
        beta_constraint: object = None,
        gamma_constraint: object = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        check_number("momentum", momentum)
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
        self.momentum = momentum
        self.moving_mean_initializer = initializers.get(moving_mean_initializer, "moving_mean_initializer")
        self.moving_variance_initializer = initializers.get(moving_variance_initializer, "moving_variance_initializer")
        self.declare_scale_and_shift(gamma=scale, beta=center)
        self.declare_weight("moving_mean", "running_mean", initializer=self.moving_mean_initializer, trainable=False)
        self.declare_weight(
            "moving_variance", "running_var", initializer=self.moving_variance_initializer, trainable=False
        )
        self.build_if_shape_is_known()

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Tensor:
        """Normalize ``inputs``; in training the moving averages take a step.

        Args:
            inputs: of the rank that ``axis`` needs.
            mask: boolean, the shape of the inputs without the last axis; it matters in training only.
            training: ``None`` means ``self.training``.
        """
        inputs = self.prepare(inputs)
        training = self.training if training is None else training
        values = self.widened(inputs)
        if training and self.trainable:
            mean, variance = self._moments(values, self._checked_mask(mask, inputs))
            self._step(mean.detach(), variance.detach())
        else:
            mean, variance = self.beside(self.running_mean, values), self.beside(self.running_var, values)
        return self.finish(self.normalize(values, mean, variance))

    def _moments(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        (kept,) = self.kept_axes(values.ndim)
        averaged = [axis for axis in range(values.ndim) if axis != kept]
        if mask is None:
            variance, mean = torch.var_mean(values, averaged, correction=0, keepdim=True)
            return mean, variance
        counts = mask.unsqueeze(-1).expand_as(values)
        number = counts.sum(averaged, keepdim=True).to(values.dtype) + _KERAS_EPSILON
        mean = values.where(counts, 0).sum(averaged, keepdim=True) / number
        variance = (values - mean).where(counts, 0).square().sum(averaged, keepdim=True) / number
        return mean, variance

    @torch.no_grad()
    def _step(self, mean: Tensor, variance: Tensor) -> None:
        for average, now in ((self.running_mean, mean), (self.running_var, variance)):
            average.copy_(average * self.momentum + now.flatten() * (1 - self.momentum))

    def _checked_mask(self, mask: Any, inputs: Tensor) -> Tensor | None:
        if mask is None:
            return None
        checked = torch.as_tensor(mask, device=inputs.device)
        if checked.shape != inputs.shape[:-1]:
            raise ValueError(
                f"`mask` of layer `{self.name}` must have the shape of the inputs without the last axis, "
                f"{tuple(inputs.shape[:-1])}, got {tuple(checked.shape)}."
            )
        return checked.bool()

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has the layer's axis, in the size that it was built for."""
        if len(shape) < 2:
            raise ValueError(f"Layer `{self.name}` takes inputs of two axes or more, got shape {tuple(shape)}.")
        super().check_input_shape(shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
        }

    def extra_repr(self) -> str:
        """The momentum after the axis and epsilon."""
        return f"momentum={self.momentum}, {super().extra_repr()}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # torch counts the batches for a cumulative average, which Keras does not have.
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)
