"""What is done to gradients before a rule sees them, and what every rule asks of them.

The gradient of an ``Embedding`` may be sparse: a slice for each time that a row was looked up, several of them for one
row. Keras on TensorFlow squares, cuts and measures such slices one by one and adds them up afterwards, which is not the
square of their sum. So do these functions, for tensors of torch's sparse layout that are not coalesced.
"""

import torch
from torch import Tensor


def densify(gradients: list[Tensor]) -> list[Tensor]:
    """The gradients as dense tensors, repeated slices added up."""
    return [gradient.to_dense() if gradient.is_sparse else gradient for gradient in gradients]


def squares(gradients: list[Tensor]) -> list[Tensor]:
    """The squared gradients as dense tensors."""
    return densify(
        [
            _with_values(gradient, gradient._values().square()) if gradient.is_sparse else gradient.square()
            for gradient in gradients
        ]
    )


def clip_by_value(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """The gradients with every value moved into [-limit, limit]."""
    return [
        _with_values(gradient, gradient._values().clamp(-limit, limit))
        if gradient.is_sparse
        else gradient.clamp(-limit, limit)
        for gradient in gradients
    ]


def clip_by_norm(gradients: list[Tensor], names: list[str], limit: float) -> list[Tensor]:
    """The gradients of each name scaled so that their common Euclidean norm is at most ``limit``."""
    totals: dict[str, Tensor] = {}
    for name, gradient in zip(names, gradients, strict=True):
        total = _values(gradient).square().sum()
        totals[name] = totals[name] + total if name in totals else total
    return [
        gradient * limit / totals[name].sqrt().clamp(min=limit) for name, gradient in zip(names, gradients, strict=True)
    ]


def clip_by_global_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """The gradients scaled so that the Euclidean norm of all together is at most ``limit``; all nan if it is not finite."""
    norm = torch.stack([_values(gradient).square().sum() for gradient in gradients]).sum().sqrt()
    scale = limit * torch.minimum(1.0 / norm, norm.new_tensor(1.0 / limit)) + (norm - norm)
    return [gradient * scale for gradient in gradients]


def _values(gradient: Tensor) -> Tensor:
    return gradient._values() if gradient.is_sparse else gradient


def _with_values(gradient: Tensor, values: Tensor) -> Tensor:
    """A sparse gradient with other values at the same places."""
    return torch.sparse_coo_tensor(gradient._indices(), values, gradient.shape, check_invariants=False)
