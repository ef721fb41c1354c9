"""``keras.layers.Normalization``: preprocessing by a mean and a variance that are known beforehand."""

from collections.abc import Iterable, Mapping, Sequence
from math import prod
from typing import Any, ClassVar, Unpack

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers.along_axes import AlongAxes
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
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

    Example:
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
        >>> layer(torch.tensor([[3.0, 10.0]]))
        tensor([[ 1., -1.]])
    """

    adapt_mean: Tensor
    adapt_variance: Tensor
    count: Tensor

    # what a `state_dict` calls them
    _state_names: ClassVar[Mapping[str, str]] = {"adapt_mean": "mean", "adapt_variance": "variance"}

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
        self._spread: tuple[int, ...] | None = None
        self.given = None if mean is None else {"mean": mean, "variance": variance}
        if (mean is None) != (variance is None):
            raise ValueError(f"`mean` and `variance` go together, got mean={mean!r} and variance={variance!r}.")
        if self.given is not None:
            self._keep(self.given)
        else:
            self.declare_weight("mean", "adapt_mean", initializer="zeros", trainable=False)
            self.declare_weight("variance", "adapt_variance", initializer="ones", trainable=False)
            self.declare_weight("count", "count", initializer="zeros", trainable=False, dtype=torch.int64)
        self.build_if_shape_is_known()

    def _keep(self, given: Mapping[str, Any]) -> None:
        for name, value in given.items():
            # Numbers are rounded to torch's default type, as Keras rounds them to its own; arrays keep their type.
            self.register_buffer(f"adapt_{name}", torch.as_tensor(value), persistent=False)
        if self.adapt_mean.shape != self.adapt_variance.shape or self.adapt_mean.ndim > len(self.axes):
            raise ValueError(
                f"`mean` and `variance` must have one shape of at most {len(self.axes)} axes, as `axis` has, got "
                f"shapes {tuple(self.adapt_mean.shape)} and {tuple(self.adapt_variance.shape)}."
            )

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Give the weights their shapes, and :attr:`mean` and :attr:`variance` those of inputs."""
        super().build(input_shape)
        kept = self.kept_axes(len(input_shape))
        self._spread = tuple(size or 1 if axis in kept else 1 for axis, size in enumerate(input_shape))

    @property
    def mean(self) -> Tensor | None:
        """The mean beside inputs of the shape that the layer was built for: 1 where it is constant; ``None`` before."""
        return self._beside_inputs("adapt_mean")

    @property
    def variance(self) -> Tensor | None:
        """The variance likewise."""
        return self._beside_inputs("adapt_variance")

    def _beside_inputs(self, name: str) -> Tensor | None:
        value = self._buffers[name]
        if value is None or self._spread is None:
            return value
        return self.beside(value, torch.empty(self._spread, device="meta")).expand(self._spread).to(self._dtype)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The sizes of ``axis`` for mean and variance; ``count`` is a number."""
        return {**super().weight_shapes(input_shape), "count": ()}

    def forward(self, inputs: Any) -> Tensor:
        """The normalized inputs, or with ``invert`` what they were before."""
        inputs = self.prepare(inputs).to(self._dtype)
        if self._spread is None:  # numbers that were given, or loaded, need no building
            self.build(tuple(inputs.shape))
        mean = self.beside(self.adapt_mean, inputs).to(self._dtype)
        deviation = self.beside(self.adapt_variance, inputs).to(self._dtype).sqrt().clamp(min=_KERAS_EPSILON)
        return self.finish(inputs * deviation + mean if self.invert else (inputs - mean) / deviation)

    @torch.no_grad()
    def adapt(self, data: Any) -> None:
        """Set mean and variance to those of ``data``.

        Args:
            data: an array or tensor of the inputs' rank, or an iterable of batches of them, such as a data set, a
                ``PyDataset`` or a generator; of tuples the first entry counts.

        Raises:
            ValueError: when mean and variance were given as arguments, there is no batch, or batches differ in shape.
            TypeError: when ``data`` is nothing of that kind.
        """
        if self.given is not None:
            raise ValueError(f"The mean and variance of layer `{self.name}` were given, so there is nothing to adapt.")
        mean, variance = self._moments(data) if is_array_like(data) else self._moments_of_batches(in_batches(data))
        for target, value in ((self.adapt_mean, mean), (self.adapt_variance, variance)):
            target.copy_(torch.as_tensor(value))

    def _moments(self, data: Any) -> tuple[Any, Any]:
        """Mean and variance of an array, computed in its own type."""
        values = data if isinstance(data, Tensor) else np.asarray(data)
        self.build(tuple(values.shape))
        averaged = self._averaged_axes(values.ndim)
        if isinstance(values, Tensor):
            numbers = values if values.is_floating_point() else values.to(self._dtype)
            if not averaged:
                return numbers, torch.zeros_like(numbers)
            spread, mean = torch.var_mean(numbers, averaged, correction=0)
            return mean, spread
        return values.mean(axis=averaged), values.var(axis=averaged)

    def _moments_of_batches(self, batches: Iterable[Any]) -> tuple[Tensor, Tensor]:
        """Mean and variance of batches, the running ones brought up to date by each."""
        mean = variance = torch.zeros((), dtype=self._dtype, device=self.device)
        total = 0
        for batch in batches:
            values = as_batch(batch, self).to(self._dtype)
            self.build(tuple(values.shape))
            averaged = self._averaged_axes(values.ndim)
            count = prod(values.shape[axis] for axis in averaged)
            own_mean = values.mean(averaged) if averaged else values
            own_variance = values.var(averaged, correction=0) if averaged else torch.zeros_like(values)
            total += count
            share = count / total
            joint = mean * (1 - share) + own_mean * share
            variance = (variance + (mean - joint) ** 2) * (1 - share) + (own_variance + (own_mean - joint) ** 2) * share
            mean = joint
        if not total:
            raise ValueError(f"There is nothing to adapt layer `{self.name}` to: an empty iterable, without any batch.")
        return mean, variance

    def _averaged_axes(self, rank: int) -> tuple[int, ...]:
        kept = self.kept_axes(rank)
        return tuple(axis for axis in range(rank) if axis not in kept)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        own: dict[str, Any] = {}
        super()._save_to_state_dict(own, prefix, keep_vars)
        for key, value in own.items():
            destination[prefix + self._state_names.get(key.removeprefix(prefix), key.removeprefix(prefix))] = value

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        for own, name in self._state_names.items():
            if prefix + name in state_dict:
                state_dict[prefix + own] = state_dict.pop(prefix + name)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        given = self.given or {"mean": None, "variance": None}
        lists = {name: np.asarray(value).tolist() for name, value in given.items()}
        return {**super().get_config(), "axis": self.axes, "invert": self.invert, **lists}

    def extra_repr(self) -> str:
        """The axis, and the direction."""
        return f"axis={self.axes}, {super().extra_repr()}" + (", invert=True" if self.invert else "")


def is_array_like(data: Any) -> bool:
    """Whether ``data`` are numbers, and no iterable of batches of them."""
    if isinstance(data, list | tuple):
        return not any(hasattr(one, "shape") or isinstance(one, tuple) for one in data) and len(data) > 0
    return isinstance(data, Tensor) or (hasattr(data, "shape") and hasattr(data, "__array__"))


def in_batches(data: Any) -> Iterable[Any]:
    """The batches in ``data``; samples of a data set that have no axis for the batch are put together.

    Raises:
        TypeError: when nothing can be iterated over.
    """
    specs = getattr(data, "element_spec", None)
    spec = specs[0] if isinstance(specs, tuple) else specs
    if spec is not None and len(getattr(spec, "shape", None) or (0, 0)) == 1:
        data = data.batch(128)
    if hasattr(data, "num_batches") and hasattr(data, "__getitem__"):  # a PyDataset
        return (data[index] for index in range(data.num_batches))
    if not isinstance(data, Iterable):
        raise TypeError(
            f"Unsupported data type: {type(data).__name__}. `adapt` takes arrays, tensors, data sets and iterables of "
            "batches."
        )
    return data


def as_batch(batch: Any, layer: Layer) -> Tensor:
    """The inputs in a batch as a tensor.

    Raises:
        TypeError: when they are no array.
    """
    if isinstance(batch, list | tuple) and batch and hasattr(batch[0], "shape"):
        batch = batch[0]
    if not hasattr(batch, "shape"):
        raise TypeError(
            f"Layer `{layer.name}` adapts to batches that are arrays or tensors, with a `.shape`, got "
            f"{type(batch).__name__}."
        )
    return batch if isinstance(batch, Tensor) else torch.as_tensor(np.array(batch), device=layer.device)
