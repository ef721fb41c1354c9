"""From Keras' name or configuration to a metric, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.losses.classes import kind_of_classes
from torch_keras_lstm.losses.naming import name_of
from torch_keras_lstm.metrics import accuracy, mean
from torch_keras_lstm.metrics.mean import MeanMetricWrapper, MetricFunction
from torch_keras_lstm.metrics.metric import Metric
from torch_keras_lstm.registry import Config, Registry

_CLASSES: tuple[type[Metric], ...] = (
    mean.Mean, mean.Sum, accuracy.BinaryAccuracy, accuracy.CategoricalAccuracy, accuracy.SparseCategoricalAccuracy,
)  # fmt: skip
_BUILDERS = {cls.__name__: cls.from_config for cls in _CLASSES}
_BUILDERS |= {snake_case(cls.__name__): cls.from_config for cls in _CLASSES}
_REGISTRY: Registry[Metric | MetricFunction] = Registry("metric", "torch_keras_lstm.metrics", _BUILDERS)
_ACCURACIES: dict[str, Callable[..., Metric]] = {
    "binary": accuracy.BinaryAccuracy,
    "categorical": accuracy.CategoricalAccuracy,
    "sparse_categorical": accuracy.SparseCategoricalAccuracy,
}


def get(identifier: object, argument: str = "metrics") -> Metric | MetricFunction | None:
    """The metric that ``identifier`` means: a Keras name or configuration, a metric, a class, a function or ``None``.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its metric.
        TypeError: for an identifier of any other type.
    """
    return None if identifier is None else _REGISTRY.get(identifier, argument)


def serialize(metric: object) -> Config | str | None:
    """The configuration of ``metric`` as Keras 3 writes it; the name alone of a function."""
    return _REGISTRY.serialize(metric)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Metric | MetricFunction | None:
    """The metric that :func:`serialize` described; errors as :func:`get`.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "metrics")


def resolve(identifier: object, y_true: Tensor, y_pred: Tensor) -> Metric:
    """The metric object for ``identifier`` as ``compile`` takes it.

    "accuracy", or "acc", is binary, sparse categorical or categorical accuracy by the shapes of a batch of targets and
    predictions. A metric given as a string has that string for its name, as in Keras.

    Raises:
        ValueError: for ``None``, and as :func:`get`.
        TypeError: as :func:`get`.
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
