"""What is done to gradients before a rule sees them, and what the rules ask of them.

The gradient of an ``Embedding`` may be sparse: a slice for each time that a row was looked up, several of them for one
row. Keras on TensorFlow squares, clips and measures such slices one by one and adds them up afterwards, which is not
the square of their sum. So do these functions, with tensors of torch's sparse layout that are not coalesced.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def densify(gradients: list[Tensor]) -> list[Tensor]:
    """The gradients as dense tensors, the slices of a row added up."""
    return [gradient.to_dense() if gradient.is_sparse else gradient for gradient in gradients]


def squares(gradients: list[Tensor]) -> list[Tensor]:
    """The squared gradients as dense tensors."""
    return densify([with_values(gradient, values(gradient).square()) for gradient in gradients])


def magnitudes(gradients: list[Tensor]) -> list[Tensor]:
    """The absolute gradients as dense tensors."""
    return densify([with_values(gradient, values(gradient).abs()) for gradient in gradients])


def clip_by_value(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """The gradients with every number moved into [-limit, limit]."""
    return [with_values(gradient, values(gradient).clamp(-limit, limit)) for gradient in gradients]


def clip_by_norm(gradients: list[Tensor], limit: float, weights: Sequence[int]) -> list[Tensor]:
    """The gradients scaled so that the norm of all that belong to one weight, by its number, is at most ``limit``."""
    squared: dict[int, Tensor] = {}
    for weight, gradient in zip(weights, gradients, strict=True):
        squared[weight] = squared.get(weight, 0) + values(gradient).square().sum()
    scales = {weight: limit / total.sqrt().clamp(min=limit) for weight, total in squared.items()}
    return [
        with_values(gradient, values(gradient) * scales[weight])
        for weight, gradient in zip(weights, gradients, strict=True)
    ]


def clip_by_global_norm(gradients: list[Tensor], limit: float) -> list[Tensor]:
    """The gradients scaled so that the norm of all together is at most ``limit``, as dense tensors.

    An infinite norm makes them nan.
    """
    norm = torch.stack([values(gradient).square().sum() for gradient in gradients]).sum().sqrt()
    scale = limit / norm.clamp(min=limit) + (norm - norm)
    return [gradient * scale for gradient in densify(gradients)]


def values(gradient: Tensor) -> Tensor:
    """The numbers of a gradient, those of a sparse one slice by slice."""
    return gradient._values() if gradient.is_sparse else gradient


def with_values(gradient: Tensor, numbers: Tensor) -> Tensor:
    """A gradient with other numbers at the same places."""
    if not gradient.is_sparse:
        return numbers
    return torch.sparse_coo_tensor(gradient._indices(), numbers, gradient.shape, check_invariants=False)
