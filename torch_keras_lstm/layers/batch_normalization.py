"""``keras.layers.BatchNormalization``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, distributed

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
        synchronized: whether the processes of ``torch.distributed``, where it runs, take the statistics of their
            batches together.
        renorm: whether what a batch's own statistics give is corrected towards moving averages of them in training
            (batch renormalization, Ioffe, 2017).
        renorm_clipping: bounds ``rmin``, ``rmax`` and ``dmax`` of the correction.
        renorm_momentum: as ``momentum``, of the averages that the correction leads to.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axis`` is no integer or ``renorm_clipping`` holds anything else; for inputs that lack the
            axis or have another size along it; for a mask that does not have one axis less than the inputs.

    Example:
        >>> layer = BatchNormalization(momentum=0.9)
        >>> x = torch.tensor([[1.0], [3.0]])
        >>> layer(x, training=True).detach().flatten(), layer.running_mean
        (tensor([-0.9995,  0.9995]), tensor([0.2000]))
        >>> layer(x, training=False).detach().flatten()  # by the moving averages
        tensor([0.7996, 2.7986])
    """

    # in training by its statistics, so that `TimeDistributed` calls it step by step
    mixes_samples = True

    running_mean: Tensor
    running_var: Tensor
    running_stddev: Tensor
    renorm_mean: Tensor
    renorm_stddev: Tensor

    rounds_weights = False

    moving_mean = KerasWeight()
    moving_variance = KerasWeight()
    moving_stddev = KerasWeight()

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
        synchronized: bool = False,
        renorm: bool = False,
        renorm_clipping: Mapping[str, float] | None = None,
        renorm_momentum: float = 0.99,
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
        self.keep_weight_arguments(
            moving_mean_initializer=moving_mean_initializer,
            moving_variance_initializer=moving_variance_initializer,
        )
        self.declare_scale_and_shift(gamma=scale, beta=center)
        self.declare_weight("moving_mean", "running_mean", initializer=self.moving_mean_initializer, trainable=False)
        self.declare_weight(
            "moving_variance", "running_var", initializer=self.moving_variance_initializer, trainable=False
        )
        self.synchronized = synchronized
        self.renorm = renorm
        self.renorm_clipping = dict(renorm_clipping or {}) if renorm else renorm_clipping
        self.renorm_momentum = renorm_momentum
        if renorm:
            self._declare_renormalization()
        self.build_if_shape_is_known()

    def _declare_renormalization(self) -> None:
        clipping = self.renorm_clipping or {}
        if clipping.keys() - {"rmin", "rmax", "dmax"}:
            raise ValueError(f"`renorm_clipping` may hold 'rmin', 'rmax' and 'dmax', got {clipping!r}.")
        if clipping.get("rmin", -math.inf) > clipping.get("rmax", math.inf) or clipping.get("dmax", 0) < 0:
            raise ValueError(
                f"`renorm_clipping` needs `rmin` of at most `rmax` and no negative `dmax`, got {clipping!r}."
            )

        def stddev(*args: Any, **kwargs: Any) -> Tensor:
            return torch.sqrt(self.moving_variance_initializer(*args, **kwargs))

        self.declare_weight("moving_stddev", "running_stddev", initializer=stddev, trainable=False)
        self.declare_weight("renorm_mean", "renorm_mean", initializer=self.moving_mean_initializer, trainable=False)
        self.declare_weight("renorm_stddev", "renorm_stddev", initializer=stddev, trainable=False)

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
            if self.renorm:
                return self.finish(self._renormalized(values, mean, variance))
            self._step(mean.detach(), variance.detach())
        else:
            mean, variance = self.beside(self.running_mean, values), self.beside(self.running_var, values)
        return self.finish(self.normalize(values, mean, variance))

    def _moments(self, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        (kept,) = self.kept_axes(values.ndim)
        averaged = [axis for axis in range(values.ndim) if axis != kept]
        if self.synchronized and several_processes():
            return _moments_of_all(values, mask, averaged)
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
        _move(self.running_mean, mean, self.momentum)
        _move(self.running_var, variance, self.momentum)

    def _renormalized(self, values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """As :meth:`normalize`, corrected towards the averages, which take a step behind it."""
        with torch.no_grad():
            clipping = self.renorm_clipping or {}
            stddev = torch.sqrt(variance + self.epsilon)
            wanted = torch.clamp(self.beside(self.renorm_stddev, values), min=math.sqrt(self.epsilon))
            ratio = torch.clamp(stddev / wanted, clipping.get("rmin"), clipping.get("rmax", math.inf))
            shift = (mean - self.beside(self.renorm_mean, values)) / wanted
            if "dmax" in clipping:
                shift = torch.clamp(shift, -clipping["dmax"], clipping["dmax"])
        plain = (values - mean) * torch.rsqrt(variance + self.epsilon)
        outputs = self.scale_and_shift(plain * ratio + shift).to(self._dtype)
        with torch.no_grad():
            _move(self.renorm_mean, mean, self.renorm_momentum)
            _move(self.renorm_stddev, stddev, self.renorm_momentum)
            _move(self.running_mean, mean, self.momentum)
            _move(self.running_stddev, stddev, self.momentum)
            self.running_var.copy_(torch.relu(self.running_stddev.square() - self.epsilon))
        return outputs

    def _checked_mask(self, mask: Any, inputs: Tensor) -> Tensor | None:
        if mask is None:
            return None
        checked = torch.as_tensor(mask, device=inputs.device)
        if checked.dim() == inputs.dim() - 1 and all(
            size in (1, wanted) for size, wanted in zip(checked.shape, inputs.shape, strict=False)
        ):
            checked = checked.expand(inputs.shape[:-1])
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
            **self.weight_arguments(),
            "synchronized": self.synchronized,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }

    def extra_repr(self) -> str:
        """The momentum after the axis and epsilon."""
        return f"momentum={self.momentum}, {super().extra_repr()}"

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        # torch counts the batches for a cumulative average, which Keras does not have.
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *args)


def several_processes() -> bool:
    """Whether ``torch.distributed`` runs, in more than one process."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def _moments_of_all(values: Tensor, mask: Tensor | None, averaged: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Mean and variance over the batches of all processes, through which gradients go to each."""
    from torch.distributed.nn.functional import all_reduce  # which needs a build of torch with `distributed`

    counts = torch.ones_like(values) if mask is None else mask.unsqueeze(-1).expand_as(values).to(values.dtype)
    known = values if mask is None else values.where(counts > 0, 0)
    parts = torch.stack([one.sum([*averaged], keepdim=True) for one in (known, known.square(), counts)])
    total, squares, number = all_reduce(parts)
    divisor = number if mask is None else number + _KERAS_EPSILON
    mean = total / divisor
    # The mean square of the distances from a mean that, of masked values, is itself off by the epsilon.
    return mean, torch.clamp(squares / divisor - mean.square() * (2 - number / divisor), min=0)


def _move(average: Tensor, now: Tensor, momentum: float) -> None:
    average.copy_(average * momentum + now.flatten() * (1 - momentum))
