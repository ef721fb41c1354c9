"""What callbacks that watch one value have in common."""

import warnings
from importlib import import_module
from typing import Any

from torch_keras_lstm.callbacks.callback import Callback, Logs

# The metrics by the names of their classes; those that are in neither list, such as counts, are not good or bad.
_BETTER_HIGH = frozenset({
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryIoU", "CategoricalAccuracy", "ConcordanceCorrelation",
    "CosineSimilarity", "F1Score", "FBetaScore", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation",
    "Precision", "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision", "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "SpecificityAtSensitivity", "TopKCategoricalAccuracy",
})  # fmt: skip
_BETTER_LOW = frozenset({
    "BinaryCrossentropy", "CategoricalCrossentropy", "CategoricalHinge", "Hinge", "KLDivergence", "LogCoshError",
    "LossMean", "MeanAbsoluteError", "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError",
    "Poisson", "RootMeanSquaredError", "SparseCategoricalCrossentropy", "SquaredHinge",
})  # fmt: skip


class MonitorCallback(Callback):
    """Base of callbacks that ask whether a value of the logs has become better.

    Args:
        monitor: the value's name in the logs of an epoch.
        mode: "min" or "max", whichever is better; "auto" tells it by the metric of that name, and a loss is better low.
        baseline: what the first value is compared with; ``None`` for nothing, so that any value is better.
        min_delta: by how much a value must be better to count as such.

    Attributes:
        best: the best value so far.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0.0
    ) -> None:
        super().__init__()
        if mode not in ("auto", "min", "max"):
            warnings.warn(
                f"{type(self).__name__} has no mode {mode!r}, only 'auto', 'min' and 'max': 'auto' is taken.",
                stacklevel=3,
            )
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._is_low_better: bool | None = None

    @property
    def monitor_op(self) -> Any:
        """Keras' comparison of a value with the best, ``ops.less`` or ``ops.greater``; ``None`` until it is known."""
        if self._is_low_better is None:
            return None
        return getattr(import_module("torch_keras_lstm.ops"), "less" if self._is_low_better else "greater")

    def is_better(self, value: float, reference: float | None) -> bool:
        """Whether ``value`` is better than ``reference``, by ``min_delta`` at least.

        Raises:
            ValueError: when the mode is "auto" and nobody knows what is better.
        """
        if self._is_low_better is None:
            self._is_low_better = self._find_out()
        if reference is None:
            return True
        if self._is_low_better:
            return value + self.min_delta < reference
        return value - self.min_delta > reference

    def monitored(self, logs: Logs, purpose: str) -> Any:
        """The value in the logs; ``None``, with a warning, when it is not there.

        Raises:
            ValueError: when the mode is "auto" and nobody knows what is better.
        """
        if self._is_low_better is None:
            self._is_low_better = self._find_out()
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__} needs {self.monitor!r} {purpose}, which the logs do not have. "
                f"They have {', '.join(logs) or 'nothing'}.",
                stacklevel=3,
            )
        return value

    def _find_out(self) -> bool:
        if self.mode != "auto":
            return self.mode == "min"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return True
        metrics = {metric.name: metric for metric in self.model.metrics} | self.model.metrics_by_name
        if name in metrics:
            kinds = {cls.__name__ for cls in type(metrics[name]).__mro__}
            if kinds & (_BETTER_LOW | _BETTER_HIGH) or _is_mean_of_a_loss(metrics[name]):
                return not kinds & _BETTER_HIGH
        raise ValueError(
            f"{type(self).__name__} cannot tell whether {self.monitor!r} is better high or low: give `mode='max'` or "
            "`mode='min'`."
        )


def _is_mean_of_a_loss(metric: Any) -> bool:
    """Whether the metric is the mean of one of Keras' loss functions, which ``compile`` takes as metrics too."""
    from torch_keras_lstm import losses

    function = getattr(metric, "fn", None)
    return function is not None and getattr(losses, getattr(function, "__name__", ""), None) is function
