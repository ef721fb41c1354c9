"""Losses of pairs of samples: embeddings of one class are drawn together, those of different classes pushed apart."""

import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.clipping import at_least
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.losses.function_loss import FunctionLoss
from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.targets import ArrayLike


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Tensor:
    """``softplus(logsumexp(positive pairs) + logsumexp(negative pairs))`` for each sample; 0 without pairs of a kind.

    With the distance d, 1 minus the cosine and at least 0, a pair of one class counts
    ``-gamma * max(d + margin, 0) * (margin - d)``, a pair of two ``gamma * max(1 + margin - d, 0) * (1 - margin - d)``.

    Args:
        y_true: classes (batch,) or (batch, 1).
        y_pred: embeddings of length 1 (batch, features).
        ref_labels: the classes of what the samples are paired with; by default ``y_true``.
        ref_embeddings: their embeddings; by default ``y_pred``.
        remove_diagonal: no sample is paired with the reference of its own number.
        gamma: the scale of all pairs.
        margin: how far apart a class may be.

    Example:
        >>> embeddings = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
        >>> circle([0, 1, 1], embeddings)
        tensor([  0.0000, 103.0214,  26.0983])
    """
    embeddings = as_tensor(y_pred)
    references = embeddings if ref_embeddings is None else as_tensor(ref_embeddings, device=embeddings.device)
    classes = _classes(y_true, embeddings)
    distance = at_least(1 - embeddings @ references.T, 0.0)
    same = classes[:, None] == (classes if ref_labels is None else _classes(ref_labels, embeddings))
    different = ~same
    if remove_diagonal:
        same = same & ~torch.eye(*same.shape, dtype=torch.bool, device=same.device)
    positive = -gamma * at_least(margin + distance, 0.0) * (margin - distance)
    negative = gamma * at_least(1 + margin - distance, 0.0) * (1 - margin - distance)
    has_both = same.any(1) & different.any(1)
    # rows without a pair of a kind are 0, and have no gradient that could be told
    total = _log_sum_exp(positive, same | ~has_both[:, None]) + _log_sum_exp(negative, different | ~has_both[:, None])
    return torch.where(has_both, torch.nn.functional.softplus(total), 0.0)


def _log_sum_exp(values: Tensor, counts: Tensor) -> Tensor:
    return torch.where(counts, values, -torch.inf).logsumexp(1)


def _classes(labels: ArrayLike, embeddings: Tensor) -> Tensor:
    return as_tensor(labels, torch.int32, embeddings.device).reshape(-1)


@with_arguments_of(Loss)
class Circle(FunctionLoss):
    """``softplus(logsumexp(positive pairs) + logsumexp(negative pairs))`` of each sample (Sun et al., 2020).

    Predictions are embeddings of length 1 (batch, features), targets their classes (batch,). With the distance d, 1
    minus the cosine and at least 0, a pair of one class counts ``-gamma * max(d + margin, 0) * (margin - d)``, a pair
    of two ``gamma * max(1 + margin - d, 0) * (1 - margin - d)``. The mean is over the samples whose loss is not 0.

    Args:
        gamma: the scale of all pairs.
        margin: how far apart a class may be.
        remove_diagonal: no sample is paired with itself.

    Example:
        >>> embeddings = torch.nn.functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.2], [0.0, 1.0]]), dim=1)
        >>> Circle()([0, 1, 1], embeddings)
        tensor(64.5599)
    """

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str = "circle",
        dtype: object = None,
    ) -> None:
        super().__init__(circle, reduction, name, dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)

    @torch.no_grad()
    def compute_mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """``True`` for the samples whose loss is not 0."""
        return self.call(y_true, y_pred) > 0
