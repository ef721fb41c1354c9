"""``keras.layers.Normalization``: preprocessing by a mean and a variance that are known beforehand."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.along_axes import AlongAxes
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register

# Keras' `backend.epsilon()`, the smallest standard deviation to divide by.
_KERAS_EPSILON = 1e-7


@register("keras.layers")
class Normalization(AlongAxes):
    """``(inputs - mean) / sqrt(variance)`` with a mean and variance for each place along ``axis``.

    They are arguments, or weights that :meth:`adapt` sets and a file holds; no optimizer changes them. Integers are
    cast to the layer's dtype.

    Args:
        axis: the axis or axes along which mean and variance run; ``None`` for one mean and variance of everything.
        mean: numbers that broadcast along ``axis``, given together with ``variance``.
        variance: the same.
        invert: undo the normalization instead: ``inputs * sqrt(variance) + mean``.

    Raises:
        ValueError: when ``axis`` is no integer or list of them, only one of ``mean`` and ``variance`` is given, or
            their shapes differ or have more axes than ``axis``.
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(axes=() if axis is None else [axis] if isinstance(axis, int) else axis, **kwargs)
        self.invert = invert
        self.given = None if mean is None else {"mean": mean, "variance": variance}
        if (mean is None) != (variance is None):
            raise ValueError(f"`mean` and `variance` go together, got mean={mean!r} and variance={variance!r}.")
        if self.given is not None:
            self._keep(self.given)
        else:
            self.declare_weight("mean", "mean", initializer="zeros", trainable=False)
            self.declare_weight("variance", "variance", initializer="ones", trainable=False)
            self.declare_weight("count", "count", initializer="zeros", trainable=False, dtype=torch.int64)
        self.build_if_shape_is_known()

    def _keep(self, given: Mapping[str, Any]) -> None:
        for name, value in given.items():
            # Numbers are rounded to torch's default type, as Keras rounds them to its own; arrays keep their type.
            self.register_buffer(name, torch.as_tensor(value), persistent=False)
        if self.mean.shape != self.variance.shape or self.mean.ndim > len(self.axes):
            raise ValueError(
                f"`mean` and `variance` must have one shape of at most {len(self.axes)} axes, as `axis` has, got "
                f"shapes {tuple(self.mean.shape)} and {tuple(self.variance.shape)}."
            )

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The sizes of ``axis`` for mean and variance; ``count`` is a number."""
        return {**super().weight_shapes(input_shape), "count": ()}

    def forward(self, inputs: Any) -> Tensor:
        """The normalized inputs, or with ``invert`` what they were before."""
        inputs = self.prepare(inputs).to(self._dtype)
        mean = self.beside(self.mean, inputs).to(self._dtype)
        deviation = self.beside(self.variance, inputs).to(self._dtype).sqrt().clamp(min=_KERAS_EPSILON)
        return self.finish(inputs * deviation + mean if self.invert else (inputs - mean) / deviation)

    @torch.no_grad()
    def adapt(self, data: Any) -> None:
        """Set mean and variance to those of ``data``, an array or tensor of the inputs' rank.

        Raises:
            ValueError: when they were given as arguments.
        """
        if self.given is not None:
            raise ValueError(f"The mean and variance of layer `{self.name}` were given, so there is nothing to adapt.")
        values = self.prepare(data).to(self._dtype)
        averaged = [axis for axis in range(values.ndim) if axis not in self.kept_axes(values.ndim)]
        if not averaged:
            self.mean.copy_(values)
            self.variance.zero_()
            return
        variance, mean = torch.var_mean(values, averaged, correction=0)
        self.mean.copy_(mean)
        self.variance.copy_(variance)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        given = self.given or {"mean": None, "variance": None}
        lists = {name: np.asarray(value).tolist() for name, value in given.items()}
        return {**super().get_config(), "axis": self.axes, "invert": self.invert, **lists}

    def extra_repr(self) -> str:
        """The axis, and the direction."""
        return f"axis={self.axes}, {super().extra_repr()}" + (", invert=True" if self.invert else "")
