"""The base of all losses."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.losses.reduction import REDUCTIONS, reduce_weighted
from torch_keras_lstm.registry import Config, Configured


class Loss(Configured):
    """Base of all losses. A subclass defines :meth:`call`, the loss of each sample.

    Args:
        name: by default the class in snake case, numbered.
        reduction: "sum_over_batch_size" or its other name "mean", "sum", "mean_with_sample_weight" (divided by the sum
            of the weights), or ``None`` or "none" for no reduction.
        dtype: what the loss is computed in. ``None`` is the type of the predictions, and float32 for predictions of
            half precision, as Keras does it by default.

    Raises:
        ValueError: for another reduction or dtype.
    """

    # what Keras 2 writes beside the arguments
    void_keys: ClassVar[frozenset[str]] = frozenset({"fn"})

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: object = None
    ) -> None:
        check_choice("reduction", reduction, REDUCTIONS)
        self.name = unique_name(type(self).__name__) if name is None else name
        self.reduction = reduction
        self._dtype = None if dtype is None else dtypes.get(dtype)

    @property
    def dtype(self) -> torch.dtype | None:
        """What the loss is computed in; ``None`` for the type of the predictions."""
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
            y_pred: predictions (batch, ...).
            sample_weight: one weight for each sample (batch,), or for each of their steps (batch, time).
            mask: boolean, the mask of the predictions; under a mean, masked steps do not count.

        Raises:
            ValueError: when the shapes do not fit the loss.
        """
        y_pred = self._floating(torch.as_tensor(y_pred))
        y_true = self._targets(y_true, y_pred)
        return self._reduce(self.call(y_true, y_pred), sample_weight, self._whole_mask(y_true, y_pred, mask))

    def of_several(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> Tensor:
        """The loss of several outputs at once: :meth:`call` gets them, and their targets, in their structure."""
        return self._reduce(self.call(y_true, y_pred), sample_weight, mask)

    def _floating(self, y_pred: Tensor) -> Tensor:
        """``y_pred`` in the type of the loss; the tensor itself where that is its own."""
        single_or_double = y_pred.dtype if y_pred.dtype is torch.float64 else torch.float32
        return y_pred.to(single_or_double if self._dtype is None else self._dtype)

    def _targets(self, y_true: Any, y_pred: Tensor) -> Tensor:
        return torch.as_tensor(y_true, dtype=y_pred.dtype, device=y_pred.device)

    def _reduce(self, values: Tensor, sample_weight: Any, mask: Tensor | None) -> Tensor:
        if sample_weight is not None:
            sample_weight = torch.as_tensor(sample_weight, dtype=values.dtype, device=values.device)
        return reduce_weighted(values, sample_weight, mask, self.reduction)

    def _whole_mask(self, y_true: Tensor, y_pred: Tensor, mask: Any) -> Tensor | None:
        own = self.compute_mask(y_true, y_pred)
        if mask is None:
            return own
        given = torch.as_tensor(mask, device=y_pred.device)
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
