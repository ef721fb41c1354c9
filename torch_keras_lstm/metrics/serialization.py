"""From Keras' name or configuration to a metric, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.losses.classes import kind_of_classes
from torch_keras_lstm.losses.reported_name import name_of
from torch_keras_lstm.losses.torch_loss import TorchLoss, is_torch_loss
from torch_keras_lstm.metrics import (
    accuracy,
    auc,
    correlation,
    decisions,
    f_score,
    function_metric,
    iou,
    margin,
    mean,
    operating_point,
    probabilistic,
    r2_score,
    regression,
)
from torch_keras_lstm.metrics.function_metric import MeanMetricWrapper, MetricFunction
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.metrics.torch_metric import TorchMetric, is_torch_metric
from torch_keras_lstm.registry import Config, Registry

_CLASSES: tuple[type[Metric], ...] = (
    accuracy.Accuracy, accuracy.BinaryAccuracy, accuracy.CategoricalAccuracy, accuracy.SparseCategoricalAccuracy,
    accuracy.TopKCategoricalAccuracy, accuracy.SparseTopKCategoricalAccuracy, auc.AUC,
    correlation.PearsonCorrelation, correlation.ConcordanceCorrelation, decisions.TruePositives,
    decisions.FalsePositives, decisions.TrueNegatives, decisions.FalseNegatives, decisions.Precision,
    decisions.Recall, f_score.FBetaScore, f_score.F1Score, function_metric.MeanMetricWrapper, iou.IoU, iou.BinaryIoU,
    iou.MeanIoU, iou.OneHotIoU, iou.OneHotMeanIoU, margin.Hinge,
    margin.SquaredHinge, margin.CategoricalHinge, mean.Mean, mean.Sum, operating_point.SensitivityAtSpecificity,
    operating_point.SpecificityAtSensitivity, operating_point.PrecisionAtRecall, operating_point.RecallAtPrecision,
    probabilistic.KLDivergence, probabilistic.Poisson, probabilistic.BinaryCrossentropy,
    probabilistic.CategoricalCrossentropy, probabilistic.SparseCategoricalCrossentropy, r2_score.R2Score,
    regression.MeanSquaredError, regression.RootMeanSquaredError, regression.MeanAbsoluteError,
    regression.MeanAbsolutePercentageError, regression.MeanSquaredLogarithmicError, regression.LogCoshError,
    regression.CosineSimilarity,
)  # fmt: skip
_ABBREVIATIONS: dict[str, type[Metric]] = {
    "bce": probabilistic.BinaryCrossentropy,
    "mae": regression.MeanAbsoluteError,
    "mape": regression.MeanAbsolutePercentageError,
    "mse": regression.MeanSquaredError,
    "msle": regression.MeanSquaredLogarithmicError,
}
_NAMES = (
    {cls.__name__: cls for cls in _CLASSES}
    | {snake_case(cls.__name__): cls for cls in _CLASSES}
    | _ABBREVIATIONS
    | {name.upper(): cls for name, cls in _ABBREVIATIONS.items()}
)
_REGISTRY: Registry[Metric | MetricFunction] = Registry(
    "metric", "torch_keras_lstm.metrics", {name: cls.from_config for name, cls in _NAMES.items()}
)
_ACCURACIES: dict[str, Callable[..., Metric]] = {
    "binary": accuracy.BinaryAccuracy,
    "categorical": accuracy.CategoricalAccuracy,
    "sparse_categorical": accuracy.SparseCategoricalAccuracy,
}


def get(identifier: object, argument: str = "metrics") -> Metric | MetricFunction | None:
    """The metric that ``identifier`` means: a Keras name or configuration, a metric, a class, a function or ``None``.

    A metric of torchmetrics, and a bare torch loss, are put behind the face of Keras' own.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its metric.
        TypeError: for an identifier of any other type.

    Example:
        >>> get("accuracy").name, get("mse").name
        ('accuracy', 'mean_squared_error')
    """
    if identifier is None:
        return None
    if is_torch_metric(identifier):
        return TorchMetric(identifier)
    return TorchLoss(identifier) if is_torch_loss(identifier) else _REGISTRY.get(identifier, argument)


def serialize(metric: object) -> Config | str | None:
    """The configuration of ``metric`` as Keras 3 writes it; the name alone of a function.

    Example:
        >>> serialize(BinaryAccuracy(threshold=0.3))["config"]["threshold"]
        0.3
    """
    return _REGISTRY.serialize(metric)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Metric | MetricFunction | None:
    """The metric that :func:`serialize` described as ``config``.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.

    Example:
        >>> deserialize({"class_name": "AUC", "config": {"curve": "PR"}}).curve
        'PR'
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "metrics")


def resolve(identifier: object, y_true: Tensor, y_pred: Tensor) -> Metric:
    """The metric object for ``identifier`` as ``compile`` takes it.

    "accuracy", or "acc", is binary, sparse categorical or categorical accuracy by the shapes of a batch of ``y_true``
    and ``y_pred``. A metric given as a string has that string for its name, as in Keras.

    Raises:
        ValueError: for ``None``, a name that Keras does not know, or a configuration that does not fit its metric.
        TypeError: for an identifier of any other type.

    Example:
        >>> type(resolve("accuracy", torch.tensor([[1], [2]]), torch.rand(2, 3))).__name__
        'SparseCategoricalAccuracy'
    """
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        return _ACCURACIES[kind_of_classes(y_true, y_pred)](name=identifier)
    found = get(identifier)
    if found is None:
        raise ValueError("`metrics`: expected a metric, got None.")
    metric = found if isinstance(found, Metric) else MeanMetricWrapper(found, name_of(found))
    if isinstance(identifier, str):
        metric.name = identifier
    return metric
