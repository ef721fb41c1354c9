"""The best that one share of right decisions can be while another is good enough, over evenly spaced thresholds."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number, positive_integer
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.reduction import divide_no_nan
from torch_keras_lstm.metrics.confusion import Confusion, ConfusionMetric, Thresholds
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.single_precision import to_single

_MOST = 1_000_000


def evenly_spaced(num_thresholds: int, margin: float = 0.0) -> list[float]:
    """Thresholds from 0 to 1, the first and last moved out by ``margin``.

    Raises:
        ValueError: for more of them than anyone means, such as a damaged file asks for.
    """
    if num_thresholds > _MOST:
        raise ValueError(f"`num_thresholds` is at most {_MOST}, got {num_thresholds}.")
    inner = [(i + 1) / (num_thresholds - 1) for i in range(num_thresholds - 2)]
    return [0.0 - margin, *inner, 1.0 + margin]


@with_arguments_of(Metric)
class _OperatingPoint(ConfusionMetric):
    """Base of the four.

    Args:
        value: what the ``constrained`` share has to reach, from 0 to 1.
        num_thresholds: how many thresholds are tried.
        class_id: the only label of a row that counts.

    Raises:
        ValueError: for another value or number.
    """

    value_name: ClassVar[str]  # how Keras calls the value
    constrained: ClassVar[str]
    maximized: ClassVar[str]

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None, dtype: object
    ) -> None:
        check_number(self.value_name, value)
        if not 0 <= value <= 1:
            raise ValueError(f"`{self.value_name}` must be a number from 0 to 1, got {value!r}.")
        self.value = value
        setattr(self, self.value_name, value)
        self.num_thresholds = positive_integer("num_thresholds", num_thresholds)
        self.class_id = class_id
        one = self.num_thresholds == 1
        thresholds = Thresholds([0.5] if one else evenly_spaced(self.num_thresholds), evenly=not one)
        super().__init__(Confusion._fields, thresholds, name, dtype)

    def _how_to_count(self) -> dict[str, Any]:
        return {"class_id": self.class_id}

    def _share(self, kind: str) -> Tensor:
        right = self.true_negatives if kind == "specificity" else self.true_positives
        wrong = self.false_negatives if kind == "recall" else self.false_positives
        return divide_no_nan(right, right + wrong)

    def result(self) -> Tensor:
        """The best share so far: a scalar, 0 when no threshold is good enough."""
        # 3 of 5 is 0.6 in the single precision that both are in, and a little less than that 0.6 in double
        good_enough = self._share(self.constrained).to(torch.get_default_dtype()) >= to_single(self.value)
        return torch.where(good_enough, self._share(self.maximized), 0.0).amax()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments under Keras 3's names."""
        choice = {"class_id": self.class_id, "num_thresholds": self.num_thresholds, self.value_name: self.value}
        return {"name": self.name, "dtype": self._dtype_name, **choice}


@with_arguments_of(_OperatingPoint)
class SensitivityAtSpecificity(_OperatingPoint):
    """The largest sensitivity (recall) at thresholds whose specificity is ``specificity`` or more.

    Example:
        >>> SensitivityAtSpecificity(0.9)([0, 0, 1, 1], [0.2, 0.6, 0.5, 0.9])
        tensor(0.5000)
    """

    value_name, constrained, maximized = "specificity", "specificity", "recall"

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


@with_arguments_of(_OperatingPoint)
class SpecificityAtSensitivity(_OperatingPoint):
    """The largest specificity at thresholds whose sensitivity (recall) is ``sensitivity`` or more.

    Example:
        >>> SpecificityAtSensitivity(0.9)([0, 0, 1, 1], [0.2, 0.6, 0.5, 0.9])
        tensor(0.5000)
    """

    value_name, constrained, maximized = "sensitivity", "recall", "specificity"

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


@with_arguments_of(_OperatingPoint)
class PrecisionAtRecall(_OperatingPoint):
    """The largest precision at thresholds whose recall is ``recall`` or more.

    Example:
        >>> PrecisionAtRecall(0.9)([0, 0, 1, 1], [0.2, 0.6, 0.5, 0.9])
        tensor(0.6667)
    """

    value_name, constrained, maximized = "recall", "recall", "precision"

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)


@with_arguments_of(_OperatingPoint)
class RecallAtPrecision(_OperatingPoint):
    """The largest recall at thresholds whose precision is ``precision`` or more.

    Example:
        >>> RecallAtPrecision(0.9)([0, 0, 1, 1], [0.2, 0.6, 0.5, 0.9])
        tensor(0.5000)
    """

    value_name, constrained, maximized = "precision", "precision", "recall"

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: object = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
