"""From the losses of single samples to one number: Keras 3's rules for ranks, weights, masks and reductions."""

import math

import torch
from torch import Tensor

#: what ``reduction`` may be; "mean" is another name of the first
REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


def match_ranks(first: Tensor, second: Tensor, expand_vectors: bool = True) -> tuple[Tensor, Tensor]:
    """Both tensors, one of them with a last axis of size 1 added or taken away where their ranks differ by that axis.

    Args:
        expand_vectors: give a tensor of rank 1 the axis, instead of taking it from the other.
    """
    if first.dim() == second.dim() + 1 and first.shape[-1] == 1:
        if second.dim() == 1 and expand_vectors:
            return first, second.unsqueeze(-1)
        return first.squeeze(-1), second
    if second.dim() == first.dim() + 1 and second.shape[-1] == 1:
        if first.dim() == 1 and expand_vectors:
            return first.unsqueeze(-1), second
        return first, second.squeeze(-1)
    return first, second


def divide_no_nan(numerator: Tensor, denominator: Tensor) -> Tensor:
    """``numerator / denominator``, and 0 where the denominator is."""
    is_zero = denominator == 0
    return torch.where(is_zero, 0.0, numerator / torch.where(is_zero, 1.0, denominator))


def apply_mask(
    sample_weight: Tensor | None, mask: Tensor | None, dtype: torch.dtype, reduction: str | None
) -> Tensor | None:
    """The weights that do the work of ``sample_weight`` and ``mask`` together; ``None`` when there is neither.

    Under a mean the unmasked entries weigh as many times more as entries in all outnumber them, which makes the mean
    over all entries one over the unmasked.
    """
    if mask is None:
        return sample_weight
    weight = mask.to(dtype)
    if reduction in ("mean", "sum_over_batch_size"):
        total = torch.full((), mask.numel(), dtype=dtype, device=mask.device)
        weight = torch.where(mask.bool(), divide_no_nan(total, weight.sum()), 0.0)
    if sample_weight is None:
        return weight
    weight, sample_weight = match_ranks(weight, sample_weight)
    check_fits(weight, sample_weight)
    return sample_weight * weight


def check_fits(values: Tensor, weight: Tensor, within: bool = False) -> None:
    """Raise a ``ValueError`` unless weights and values broadcast.

    Args:
        within: they have to broadcast to the shape of the values.
    """
    pairs = zip(values.shape[::-1], weight.shape[::-1], strict=False)
    if (within and weight.dim() > values.dim()) or any(
        size != wanted and size != 1 and (within or wanted != 1) for wanted, size in pairs
    ):
        raise ValueError(
            f"A `sample_weight` or mask of shape {tuple(weight.shape)} does not fit losses of shape "
            f"{tuple(values.shape)}: expected one weight for each sample (batch,), or for each step (batch, time)."
            + (" Beside losses of each step one for each sample has the shape (batch, 1)." if weight.dim() == 1 else "")
        )


def reduce_weighted(values: Tensor, sample_weight: Tensor | None, mask: Tensor | None, reduction: str | None) -> Tensor:
    """One loss of ``values``, each multiplied by its weight.

    Args:
        values: of any shape; a scalar stays as it is.
        sample_weight: of the type of ``values``, broadcast to their shape.
        mask: boolean, ``False`` where a value does not count.
        reduction: one of :data:`REDUCTIONS`. The mean is over all values, whatever they weigh, except with
            "mean_with_sample_weight", which divides by the sum of the weights.

    Raises:
        ValueError: when the weights or the mask do not broadcast.
    """
    weight = apply_mask(sample_weight, mask, values.dtype, reduction)
    if weight is not None:
        values, weight = match_ranks(values, weight)
        check_fits(values, weight)
        values = values * weight
    if reduction in (None, "none") or values.shape in ((), (0,)):
        return values
    if reduction == "sum":
        return values.sum()
    if reduction == "mean_with_sample_weight" and weight is not None:
        return divide_no_nan(values.sum(), weight.sum())
    return values.sum() / max(math.prod(values.shape), 1)
