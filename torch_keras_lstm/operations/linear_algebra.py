"""Decompositions and equations: ``keras.ops.linalg`` over torch tensors; integers count as floats."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.tensors import floating, promoted


def cholesky(x: Any, *, upper: bool = False) -> Tensor:
    """The triangular ``L`` with ``L @ L.T == x``, or its transpose."""
    factor: Tensor = torch.linalg.cholesky(floating(x), upper=upper)
    return factor


def cholesky_inverse(x: Any, *, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor ``x`` is."""
    return torch.cholesky_inverse(floating(x), upper=upper)


def determinant(x: Any) -> Tensor:
    """The determinant of each matrix."""
    found: Tensor = torch.linalg.det(floating(x))
    return found


def log_determinant(x: Any) -> Tensor:
    """The logarithm of the determinant of each positive definite matrix."""
    return torch.logdet(floating(x))


def sign_and_log_determinant(x: Any) -> tuple[Tensor, Tensor]:
    """The sign of the determinant, and the logarithm of its size."""
    found = torch.linalg.slogdet(floating(x))
    return found.sign, found.logabsdet


def eigenvalues(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors, complex numbers."""
    found = torch.linalg.eig(floating(x))
    return found.eigenvalues, found.eigenvectors


def symmetric_eigenvalues(x: Any) -> tuple[Tensor, Tensor]:
    """Eigenvalues, rising, and eigenvectors of symmetric matrices."""
    found = torch.linalg.eigh(floating(x))
    return found.eigenvalues, found.eigenvectors


def inverse(x: Any) -> Tensor:
    """The inverse of each matrix."""
    found: Tensor = torch.linalg.inv(floating(x))
    return found


def pseudo_inverse(x: Any, *, rcond: float | None = None) -> Tensor:
    """Moore and Penrose's inverse; singular values below ``rcond`` times the largest count as 0."""
    matrix = floating(x)
    least = 10.0 * max(matrix.shape[-2:]) * torch.finfo(matrix.dtype).eps if rcond is None else rcond
    found: Tensor = torch.linalg.pinv(matrix, rtol=float(least))
    return found


def matrix_rank(x: Any, *, tol: float | None = None) -> Tensor:
    """The number of singular values above ``tol``; int32."""
    found: Tensor = torch.linalg.matrix_rank(floating(x), atol=tol, rtol=None if tol is None else 0.0)
    return found.to(torch.int32)


def least_squares(a: Any, b: Any, *, rcond: float | None = None) -> Tensor:
    """The ``x`` for which ``a @ x`` is nearest to ``b``."""
    matrix, right = promoted(a, b, least=float)
    vector = right.dim() == matrix.dim() - 1
    least = float(torch.finfo(matrix.dtype).eps * max(matrix.shape[-2:]) if rcond is None else rcond)
    found: Tensor = torch.linalg.pinv(matrix, rtol=least) @ (right.unsqueeze(-1) if vector else right)
    return found.squeeze(-1) if vector else found


def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """Both triangles in one matrix, and which row of their product each row of ``x`` is, int32."""
    found = torch.linalg.lu_factor(floating(x))
    places, _, _ = torch.lu_unpack(found.LU, found.pivots, unpack_data=False)
    return found.LU, places.argmax(-1).to(torch.int32)


def qr(x: Any, *, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """An orthogonal and an upper triangular factor."""
    found = torch.linalg.qr(floating(x), mode)
    return found.Q, found.R


def solve(a: Any, b: Any) -> Tensor:
    """The ``x`` with ``a @ x == b``."""
    matrix, right = promoted(a, b, least=float)
    found: Tensor = torch.linalg.solve(matrix, right)
    return found


def solve_triangular(a: Any, b: Any, *, lower: bool = False) -> Tensor:
    """The ``x`` with ``a @ x == b``, of which one triangle is looked at."""
    matrix, right = promoted(a, b, least=float)
    vector = right.dim() == matrix.dim() - 1
    found: Tensor = torch.linalg.solve_triangular(matrix, right.unsqueeze(-1) if vector else right, upper=not lower)
    return found.squeeze(-1) if vector else found


def singular_values(x: Any, *, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """``u``, the singular values and ``vh``, or the values alone."""
    if not compute_uv:
        return torch.linalg.svdvals(floating(x))
    return tuple(torch.linalg.svd(floating(x), full_matrices=full_matrices))


def kronecker(x1: Any, x2: Any) -> Tensor:
    """Kronecker's product."""
    return torch.kron(*promoted(x1, x2))


def outer(x1: Any, x2: Any) -> Tensor:
    """The product of each entry with each."""
    first, second = promoted(x1, x2)
    return torch.outer(first.flatten(), second.flatten())


def inner(x1: Any, x2: Any) -> Tensor:
    """The sum of the products along both last axes."""
    first, second = promoted(x1, x2)
    if first.dim() == 0 or second.dim() == 0:
        return first * second
    return torch.tensordot(first, second, ([-1], [-1]))  # type: ignore[no-any-return]


def vdot(x1: Any, x2: Any) -> Tensor:
    """The sum of the products of all entries."""
    first, second = promoted(x1, x2)
    return torch.sum(first.flatten().conj() * second.flatten(), dtype=first.dtype)


def cross(x1: Any, x2: Any, *, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """The cross product of vectors of 3 entries, or of 2, whose third is 0, along ``axisa`` and ``axisb``."""
    first, second = promoted(x1, x2)
    axisa, axisb, axisc = (axisa, axisb, axisc) if axis is None else (axis, axis, axis)
    first, second = first.movedim(axisa, -1), second.movedim(axisb, -1)
    if first.shape[-1] == second.shape[-1] == 2:
        return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
    first, second = (torch.nn.functional.pad(one, (0, 3 - one.shape[-1])) for one in (first, second))
    product: Tensor = torch.linalg.cross(*torch.broadcast_tensors(first, second), dim=-1)
    return product.movedim(-1, axisc)


def distances(x: Any, y: Any) -> Tensor:
    """The distance of each row of ``x`` from each row of ``y``."""
    first, second = promoted(x, y, least=float)
    return torch.sqrt(torch.square(first.unsqueeze(-2) - second.unsqueeze(-3)).sum(-1))


def matrix_power(x: Any, *, n: int) -> Tensor:
    """``x`` (..., n, n) times itself, ``n`` times; below 0 its inverse."""
    power: Tensor = torch.linalg.matrix_power(floating(x), n)
    return power
