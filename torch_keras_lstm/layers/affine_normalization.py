"""What the normalizations with a learned scale and shift share."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm import constraints, initializers, regularizers
from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.layer import Layer, Shape


class AffineNormalization(Layer):
    """``(inputs - mean) / sqrt(variance + epsilon) * gamma + beta``, over statistics that a subclass chooses.

    ``gamma`` and ``beta`` are the parameters ``weight`` and ``bias``, named as torch's normalizations name them, with
    one entry for each place along ``axes``. float16 and bfloat16 are computed in float32, as in Keras.

    Args:
        axes: the axes along which ``gamma`` and ``beta`` run.
        epsilon: added to the variance.
        center: whether there is a ``beta``.
        scale: whether there is a ``gamma``.
        beta_initializer, gamma_initializer: Keras' names, configurations or objects.
        beta_regularizer, gamma_regularizer: the same; their values enter ``losses``.
        beta_constraint, gamma_constraint: what ``apply_constraints`` projects on.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``epsilon`` is negative; for inputs without one of the axes, or of another size along it.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        *,
        axes: Sequence[int],
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
        self.axes = tuple(axes)
        self.epsilon = epsilon
        self.center = center
        self.scale = scale
        self.beta_initializer = initializers.get(beta_initializer, "beta_initializer")
        self.gamma_initializer = initializers.get(gamma_initializer, "gamma_initializer")
        self.beta_regularizer = regularizers.get(beta_regularizer, "beta_regularizer")
        self.gamma_regularizer = regularizers.get(gamma_regularizer, "gamma_regularizer")
        self.beta_constraint = constraints.get(beta_constraint, "beta_constraint")
        self.gamma_constraint = constraints.get(gamma_constraint, "gamma_constraint")
        self._declare("gamma", "weight", present=scale)
        self._declare("beta", "bias", present=center)

    def _declare(self, name: str, parameter: str, *, present: bool) -> None:
        if not present:
            self.register_parameter(parameter, None)
            return
        self.add_weight(
            name,
            parameter,
            axes=tuple(range(len(self.axes))),
            initializer=getattr(self, f"{name}_initializer"),
            regularizer=getattr(self, f"{name}_regularizer"),
            constraint=getattr(self, f"{name}_constraint"),
        )

    def kept_axes(self, rank: int) -> tuple[int, ...]:
        """``axes`` counted from 0 and sorted, for inputs of ``rank`` axes."""
        return tuple(sorted(axis % rank for axis in self.axes))

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The sizes of ``axes`` for every weight."""
        sizes = tuple(int(input_shape[axis] or 0) for axis in self.kept_axes(len(input_shape)))
        return {row.name: sizes for row in self._rows}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """Free sizes but along ``axes``."""
        rank = max(axis + 1 if axis >= 0 else -axis for axis in self.axes)
        shape: list[int | None] = [None] * rank
        for axis, size in zip(self.kept_axes(rank), weight.shape, strict=True):
            shape[axis] = size
        return tuple(shape)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has the layer's axes, in the sizes that it was built for."""
        rank = len(shape)
        if not all(-rank <= axis < rank for axis in self.axes):
            raise ValueError(
                f"Layer `{self.name}` normalizes along axis {self._shown_axes}, "
                f"which inputs of shape {tuple(shape)} do not have."
            )
        sizes = tuple(shape[axis] for axis in self.kept_axes(rank))
        if None in sizes:
            raise ValueError(
                f"Layer `{self.name}` needs the size of axis {self._shown_axes} to be built, got {tuple(shape)}."
            )
        if self.built and self._rows and sizes != tuple(getattr(self, self._rows[0].parameter).shape):
            built_for = tuple(getattr(self, self._rows[0].parameter).shape)
            raise ValueError(
                f"Layer `{self.name}` was built for {_sizes(built_for)} along axis {self._shown_axes}, "
                f"got inputs of shape {tuple(shape)} with {_sizes(sizes)}."
            )

    @property
    def _shown_axes(self) -> object:
        return self.axes[0] if len(self.axes) == 1 else list(self.axes)

    def widened(self, inputs: Tensor) -> Tensor:
        """Inputs in the type to compute in: that of the layer, but at least float32."""
        return inputs.to(torch.promote_types(self.dtype, torch.float32))

    def normalize(self, inputs: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """The normalized inputs times ``gamma`` plus ``beta``; the statistics have as many axes as ``inputs``."""
        outputs = (inputs - mean) * torch.rsqrt(variance + self.epsilon)
        return self.scale_and_shift(outputs).to(self.dtype)

    def scale_and_shift(self, values: Tensor) -> Tensor:
        """Times ``gamma`` plus ``beta``, as far as the layer has them."""
        if self.weight is not None:
            values = values * self.beside(self.weight, values)
        return values if self.bias is None else values + self.beside(self.bias, values)

    def beside(self, weight: Tensor, values: Tensor) -> Tensor:
        """A weight with as many axes as ``values``, of size 1 where it is constant."""
        kept = self.kept_axes(values.ndim)
        return weight.reshape([size if axis in kept else 1 for axis, size in enumerate(values.shape)])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "axis": self._shown_axes,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
        }

    def extra_repr(self) -> str:
        """The axis and epsilon, then what is left out."""
        left_out = "".join(f", {flag}=False" for flag in ("center", "scale") if not getattr(self, flag))
        return f"axis={self._shown_axes}, epsilon={self.epsilon}, {super().extra_repr()}{left_out}"


def _sizes(sizes: Sequence[int | None]) -> str:
    return " x ".join(map(str, sizes))
