"""Intersection over union: how far the predicted classes of samples, or of an image's points, are the true ones."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.registry import Config

_EPSILON = 1e-7
# below it a class counts as one that never occurred
_NEVER = 1e-9
_MOST_CLASSES = 20_000  # whose counts take some gigabytes


class IoU(Metric):
    """The mean, over some classes, of ``hits / (hits + misses + false alarms)``; classes that never occur do not count.

    Args:
        num_classes: classes are 0 to this, exclusive; a sample with another one does not count.
        target_class_ids: the classes of the mean.
        name: by default the class in snake case, numbered.
        dtype: of the counts. Without one they are whole numbers, to which weights are rounded down.
        ignore_class: samples whose target is this class do not count.
        sparse_y_true: whether targets are the numbers of classes; otherwise the largest entry of an axis tells.
        sparse_y_pred: the same of the predictions.
        axis: the one of the largest entry.

    Raises:
        ValueError: when a target class is out of range.

    Example:
        >>> IoU(num_classes=2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1])
        tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: object = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        # Keras 3 writes the type of counts without one as "int"
        super().__init__(None if dtype in ("int", "int32", "int64") else dtype, name)
        if num_classes > _MOST_CLASSES:
            raise ValueError(f"`num_classes` is at most {_MOST_CLASSES}: counts are kept for each pair of classes.")
        if len(target_class_ids) == 0:
            raise ValueError("`target_class_ids` must hold a class.")
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                f"`target_class_ids`: class {max(target_class_ids)} is out of range, there are {num_classes} classes."
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.add_sum((num_classes, num_classes), "total_cm", self._counts)

    @property
    def _counts(self) -> torch.dtype:
        return torch.int64 if self._computed_in is None else self._computed_in

    @torch.no_grad()
    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch.

        Args:
            y_true: classes, of any shape, or one number for each class along ``axis``.
            y_pred: the same of the predictions.
            sample_weight: a number, or one for each class in ``y_true``.
            mask: has no effect, as in Keras.

        Raises:
            ValueError: when the shapes do not fit.
        """
        predicted = self._classes(as_tensor(y_pred), self.sparse_y_pred)
        true = self._classes(as_tensor(y_true, device=predicted.device), self.sparse_y_true)
        if true.shape != predicted.shape:
            raise ValueError(
                f"`{self.name}`: there are {len(true)} classes in the targets and {len(predicted)} in the predictions."
            )
        weight = self._weight(sample_weight, true)
        counted = (true >= 0) & (true < self.num_classes) & (predicted >= 0) & (predicted < self.num_classes)
        if self.ignore_class is not None:
            counted &= true != self.ignore_class
        places = true[counted].long() * self.num_classes + predicted[counted].long()
        empty = torch.zeros(self.num_classes**2, dtype=self._counts, device=places.device)
        added = empty.index_add(0, places, weight[counted])
        self.add("total_cm", added.view(self.num_classes, self.num_classes))

    def _classes(self, values: Tensor, is_sparse: bool) -> Tensor:
        return (values if is_sparse else values.argmax(self.axis)).to(self._counts).reshape(-1)

    def _weight(self, sample_weight: Any, like: Tensor) -> Tensor:
        if sample_weight is None:
            return torch.ones_like(like)
        weight = as_tensor(sample_weight, device=like.device)
        if weight.is_floating_point() and self._computed_in is None:
            warnings.warn(
                f"`{self.name}` counts in whole numbers, to which the weights are rounded down: give it "
                '`dtype="float32"`.',
                stacklevel=4,
            )
        return weight.to(self._counts).reshape(-1).expand(like.shape)

    def result(self) -> Tensor:
        """The mean over the target classes, in single precision."""
        hits = self.total_cm.diagonal()
        either = self.total_cm.sum(0) + self.total_cm.sum(1) - hits
        hits, either = (counts[self.target_class_ids].float() for counts in (hits, either))
        occurs = either > _NEVER
        shares = torch.where(occurs, hits / (either + _EPSILON), 0.0)
        return shares.sum() / (occurs.sum() + _EPSILON)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {**super().get_config(), "dtype": self._dtype_name or "int"}


class BinaryIoU(IoU):
    """The mean, over one or both of two classes, of ``hits / (hits + misses + false alarms)``.

    Args:
        target_class_ids: the classes of the mean, 0 and 1.
        threshold: predictions from it on are of class 1.
        name: by default the class in snake case, numbered.
        dtype: of the counts. Without one they are whole numbers, to which weights are rounded down.

    Raises:
        ValueError: when a target class is out of range.

    Example:
        >>> BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        tensor(0.3333)
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch; arguments as those of :meth:`IoU.update_state`."""
        predictions = as_tensor(y_pred).float()
        super().update_state(y_true, (predictions >= self.threshold).to(self._counts), sample_weight, mask)


class MeanIoU(IoU):
    """The mean, over all classes, of ``hits / (hits + misses + false alarms)``; classes that never occur do not count.

    Args:
        num_classes: classes are 0 to this, exclusive; a sample with another one does not count.
        name: by default the class in snake case, numbered.
        dtype: of the counts. Without one they are whole numbers, to which weights are rounded down.
        ignore_class: samples whose target is this class do not count.
        sparse_y_true: whether targets are the numbers of classes; otherwise the largest entry of an axis tells.
        sparse_y_pred: whether predictions are the numbers of classes; otherwise the largest entry of an axis tells.
        axis: the one of the largest entry.

    Example:
        >>> MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1])
        tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: object = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis)


class OneHotIoU(IoU):
    """The mean, over some classes, of ``hits / (hits + misses + false alarms)``; targets have a number a class.

    Classes that never occur do not count.

    Args:
        num_classes: classes are 0 to this, exclusive; a sample with another one does not count.
        target_class_ids: the classes of the mean.
        name: by default the class in snake case, numbered.
        dtype: of the counts. Without one they are whole numbers, to which weights are rounded down.
        ignore_class: samples whose target is this class do not count.
        sparse_y_pred: whether predictions are the numbers of classes; otherwise the largest entry of an axis tells.
        axis: the one of the largest entry.

    Raises:
        ValueError: when a target class is out of range.

    Example:
        >>> metric = OneHotIoU(num_classes=2, target_class_ids=[0])
        >>> metric([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8]])
        tensor(0.3333)
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: object = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis)


class OneHotMeanIoU(IoU):
    """The mean, over all classes, of ``hits / (hits + misses + false alarms)``; targets have a number a class.

    Classes that never occur do not count.

    Args:
        num_classes: classes are 0 to this, exclusive; a sample with another one does not count.
        name: by default the class in snake case, numbered.
        dtype: of the counts. Without one they are whole numbers, to which weights are rounded down.
        ignore_class: samples whose target is this class do not count.
        sparse_y_pred: whether predictions are the numbers of classes; otherwise the largest entry of an axis tells.
        axis: the one of the largest entry.

    Example:
        >>> OneHotMeanIoU(num_classes=2)([[1, 0], [0, 1], [1, 0]], [[0.9, 0.1], [0.3, 0.7], [0.2, 0.8]])
        tensor(0.5000)
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: object = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, range(num_classes), name, dtype, ignore_class, False, sparse_y_pred, axis)
