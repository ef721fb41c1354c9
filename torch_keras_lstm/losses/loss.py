"""The base of all losses."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.array_arguments import as_tensor, dtype_name, dtype_of, in_floatx
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.losses.reduction import REDUCTIONS, reduce_weighted
from torch_keras_lstm.registry import Config, Configured


class Loss(Configured):
    """Base of all losses. A subclass defines ``call(y_true, y_pred)``, the loss of each sample.

    Args:
        name: by default the class in snake case, numbered.
        reduction: "sum_over_batch_size" or its other name "mean", "sum", "mean_with_sample_weight" (divided by the sum
            of the weights), or ``None`` or "none" for no reduction.
        dtype: what the loss is computed in: a type, its name or a policy, whose compute type counts. ``None`` is
            torch's default type, Keras' ``floatx``, and float64 for predictions that are a tensor of it.

    Raises:
        ValueError: for another reduction or dtype.

    Example:
        >>> class Quantile(Loss):
        ...     def call(self, y_true, y_pred):
        ...         error = y_true - y_pred
        ...         return torch.maximum(0.9 * error, -0.1 * error).mean(dim=-1)
        >>> Quantile()([[2.0], [0.0]], [[0.0], [1.0]])
        tensor(0.9500)
    """

    # what Keras 2 writes beside the arguments
    void_keys: ClassVar[frozenset[str]] = frozenset({"fn"})

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: object = None
    ) -> None:
        check_choice("reduction", reduction, REDUCTIONS)
        self.name = unique_name(type(self).__name__) if name is None else name
        self.reduction = reduction
        self._computed_in = None if dtype is None else dtype_of(dtype)
        self._dtype = dtype_name(dtype_of(dtype))

    @property
    def dtype(self) -> str:
        """The name of what the loss is computed in."""
        return self._dtype

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample: the shape of the predictions without their last axis."""
        raise NotImplementedError(f"{type(self).__name__} has no `call(y_true, y_pred)`: define it.")

    def compute_mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """``True`` where a value of :meth:`call` counts; ``None`` when all do."""
        return None

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """The loss: a scalar, or with ``reduction=None`` one for each sample.

        Args:
            y_true: targets: a tensor or array-like, cast to the type of the loss.
            y_pred: predictions (batch, ...), likewise.
            sample_weight: one weight for each sample (batch,), or for each of their steps (batch, time).
            mask: boolean, the mask of the predictions; under a mean, masked steps do not count. By default the one that
                travels with them, as Keras keeps it in ``_keras_mask``.

        Raises:
            ValueError: when the shapes do not fit the loss.
        """
        mask = getattr(y_pred, "_keras_mask", None) if mask is None else mask
        y_pred = in_floatx(y_pred, self._computed_in)
        y_true = self._targets(y_true, y_pred)
        values = self.call(y_true, y_pred)
        return self._reduce(values, sample_weight, self._whole_mask(y_true, y_pred, values, mask))

    def of_several(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """The loss of several outputs at once: :meth:`call` gets them, and their targets, in their structure."""
        return self._reduce(self.call(y_true, y_pred), sample_weight, mask)

    def _targets(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return as_tensor(y_true, y_pred.dtype, y_pred.device)

    def _reduce(self, values: Tensor, sample_weight: Any, mask: Tensor | None) -> Tensor:
        if sample_weight is not None:
            sample_weight = as_tensor(sample_weight, values.dtype, values.device)
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def _whole_mask(self, y_true: Tensor, y_pred: Tensor, values: Tensor, mask: Any) -> Tensor | None:
        own = self.compute_mask(y_true, y_pred)
        own = getattr(values, "_keras_mask", None) if own is None else own
        if mask is None:
            return own
        given = as_tensor(mask, device=y_pred.device)
        return given if own is None else given & own

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names, without ``dtype``, which Keras leaves out too."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The loss that :meth:`get_config`, or a Keras of any version, described; errors as the constructor."""
        # Keras 2: the reduction that fits the context, which outside of tf.distribute is the mean
        automatic = {"reduction": "sum_over_batch_size"} if config.get("reduction") == "auto" else {}
        return super().from_config({**config, **automatic})
