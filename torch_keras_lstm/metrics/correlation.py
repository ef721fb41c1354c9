"""How far targets and predictions vary together, along an axis."""

from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.targets import EPSILON, ArrayLike, of_one_rank
from torch_keras_lstm.metrics.function_metric import FunctionMetric
from torch_keras_lstm.metrics.metric import Metric


def pearson_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """Pearson's correlation of ``y_true`` and ``y_pred``, of one shape, along ``axis``.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])
        >>> pearson_correlation(y_true, y_pred).round(decimals=3)
        tensor([1.])
    """
    y_true, y_pred = of_one_rank("pearson_correlation", y_true, y_pred)
    scores = [(values - values.mean(axis, keepdim=True)) / _deviation(values, axis) for values in (y_true, y_pred)]
    return (scores[0] * scores[1]).mean(axis)


def concordance_correlation(y_true: ArrayLike, y_pred: ArrayLike, axis: int = -1) -> Tensor:
    """Lin's concordance correlation of ``y_true`` and ``y_pred`` along ``axis``: equal means and variances count too.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])
        >>> concordance_correlation(y_true, y_pred).round(decimals=3)
        tensor([0.3640])
    """
    y_true, y_pred = of_one_rank("concordance_correlation", y_true, y_pred)
    mean_true, mean_pred = y_true.mean(axis, keepdim=True), y_pred.mean(axis, keepdim=True)
    # Keras subtracts the predictions' mean from the targets too, which changes no sum.
    covariance = (y_true - mean_pred) * (y_pred - mean_pred)
    spread = _deviation(y_true, axis).square() + _deviation(y_pred, axis).square() + (mean_true - mean_pred).square()
    return (2 * covariance / (spread + EPSILON)).mean(axis)


def _deviation(values: Tensor, axis: int) -> Tensor:
    return values.std(axis, correction=0, keepdim=True)


@with_arguments_of(Metric)
class PearsonCorrelation(FunctionMetric):
    """The mean of Pearson's correlations of targets and predictions along an axis.

    Args:
        axis: the axis.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])
        >>> PearsonCorrelation()(y_true, y_pred).round(decimals=3)
        tensor(1.)
    """

    def __init__(self, name: str | None = "pearson_correlation", dtype: object = None, axis: int = -1) -> None:
        super().__init__(pearson_correlation, name, dtype, axis=axis)


@with_arguments_of(Metric)
class ConcordanceCorrelation(FunctionMetric):
    """The mean of Lin's concordance correlations along an axis, which want equal means and variances too.

    Args:
        axis: the axis.

    Example:
        >>> y_true, y_pred = torch.tensor([[0.0, 1.0, 2.0]]), torch.tensor([[1.0, 3.0, 5.0]])
        >>> ConcordanceCorrelation()(y_true, y_pred).round(decimals=3)
        tensor(0.3640)
    """

    def __init__(self, name: str | None = "concordance_correlation", dtype: object = None, axis: int = -1) -> None:
        super().__init__(concordance_correlation, name, dtype, axis=axis)
