"""New tensors from numbers and shapes: ``keras.ops`` over torch tensors."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.operations.named_types import as_dtype
from torch_keras_lstm.operations.shaping import sizes
from torch_keras_lstm.operations.tensors import as_tensor, floating, is_number, promoted, result_type


def _type(dtype: Any) -> torch.dtype:
    return torch.get_default_dtype() if dtype is None else as_dtype(dtype)


def _shape(shape: Any) -> tuple[int, ...]:
    return (int(shape),) if isinstance(shape, int) else sizes(shape)


def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros of ``shape``, by default of the default floating type."""
    return torch.zeros(_shape(shape), dtype=_type(dtype))


def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones of ``shape``, by default of the default floating type."""
    return torch.ones(_shape(shape), dtype=_type(dtype))


def empty(shape: Any, dtype: Any = None) -> Tensor:
    """A tensor of ``shape`` whose contents do not matter; zeros, as Keras has them."""
    return zeros(shape, dtype)


def empty_like(x: Any, dtype: Any = None) -> Tensor:
    """A tensor in the shape of ``x`` whose contents do not matter; zeros, as Keras has them."""
    return torch.zeros_like(as_tensor(x), dtype=None if dtype is None else as_dtype(dtype))


def full(fill_value: Any, *, shape: Any, dtype: Any = None) -> Tensor:
    """``fill_value``, which broadcasts, in ``shape``, by default of the default floating type."""
    return as_tensor(fill_value, _type(dtype)).expand(_shape(shape)).clone()


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """(N, M) with ones on the ``k``-th diagonal, counted from the main one upwards; ``M`` is ``N`` by default."""
    ones_everywhere = torch.ones(int(N), int(N if M is None else M), dtype=_type(dtype))
    return torch.triu(torch.tril(ones_everywhere, k), k)


def identity(n: int, dtype: Any = None) -> Tensor:
    """The identity matrix (n, n)."""
    return eye(n, dtype=dtype)


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Tensor:
    """(N, M) with ones on the ``k``-th diagonal and below it."""
    return torch.tril(torch.ones(int(N), int(N if M is None else M), dtype=_type(dtype)), k)


def arange(start: Any, stop: Any = None, step: Any = None, *, dtype: Any = None) -> Tensor:
    """The numbers from ``start`` up to ``stop`` in steps of ``step``; ``arange(n)`` counts from 0."""
    given = [value for value in (start, stop, step) if value is not None]
    kinds = [type(value) if is_number(value) else as_tensor(value).dtype for value in given]
    wanted = result_type(*kinds) if dtype is None else as_dtype(dtype)
    first, last = (0, start) if stop is None else (start, stop)
    numbers = [value.item() if isinstance(value, Tensor) else value for value in (first, last, step or 1)]
    return torch.arange(*numbers, dtype=torch.float64 if wanted.is_floating_point else torch.int64).to(wanted)


def linspace(
    start: Any,
    stop: Any,
    *,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    """``num`` numbers at equal distances from ``start`` to ``stop`` along a new ``axis``; ``retstep`` for those."""
    wanted = result_type(*_kinds(start, stop), float) if dtype is None else as_dtype(dtype)
    computed = wanted if wanted.is_floating_point else torch.get_default_dtype()
    first, last = torch.broadcast_tensors(as_tensor(start).to(computed), as_tensor(stop).to(computed))
    steps = num - 1 if endpoint else num
    step = (last - first) / steps if steps > 0 else torch.full_like(first, torch.nan)
    places = torch.arange(num, dtype=computed, device=first.device).reshape(-1, *(1,) * first.dim())
    numbers = first + places * step if steps > 0 else first.expand(num, *first.shape)
    if endpoint and num > 1:
        numbers = torch.cat([numbers[:-1], last.unsqueeze(0)])
    numbers = (numbers if wanted.is_floating_point else torch.floor(numbers)).to(wanted).movedim(0, axis)
    return (numbers, step.to(wanted)) if retstep else numbers


def logspace(
    start: Any, stop: Any, *, num: int = 50, endpoint: bool = True, base: Any = 10, dtype: Any = None, axis: int = 0
) -> Tensor:
    """``base`` to the powers of :func:`linspace`."""
    wanted = result_type(*_kinds(start, stop), float) if dtype is None else as_dtype(dtype)
    powers = linspace(start, stop, num=num, endpoint=endpoint, dtype=_computed(wanted), axis=axis)
    return torch.pow(as_tensor(base, powers.dtype), powers).to(wanted)


def geomspace(
    start: Any, stop: Any, *, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, each a multiple of the one before it."""
    wanted = _type(dtype)
    first, last = (as_tensor(end).to(_computed(wanted)) for end in (start, stop))
    sign = torch.sign(first)
    powers = linspace(torch.log10(first * sign), torch.log10(last * sign), num=num, endpoint=endpoint, axis=axis)
    return (sign * torch.pow(10, powers)).to(wanted)


def _computed(dtype: torch.dtype) -> torch.dtype:
    return dtype if dtype.is_floating_point else torch.get_default_dtype()


def _kinds(*values: Any) -> list[Any]:
    return [type(value) if is_number(value) else as_tensor(value) for value in values]


def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """The coordinates of the points of a grid; with "xy" the first two axes change places."""
    return [*torch.meshgrid(*(as_tensor(item) for item in x), indexing=indexing)]


def vander(x: Any, *, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of each entry of a vector, falling unless ``increasing``, (entries, N)."""
    (values,) = promoted(x)
    count = values.shape[0] if N is None else N
    powers = torch.arange(count, device=values.device)
    return torch.pow(values.unsqueeze(-1), powers if increasing else powers.flip(0)).to(values.dtype)


def bartlett(x: int) -> Tensor:
    """The triangular window of ``x`` entries."""
    return torch.bartlett_window(int(x), periodic=False, dtype=torch.get_default_dtype())


def blackman(x: int) -> Tensor:
    """Blackman's window of ``x`` entries."""
    return torch.blackman_window(int(x), periodic=False, dtype=torch.get_default_dtype())


def hamming(x: int) -> Tensor:
    """Hamming's window of ``x`` entries."""
    return torch.hamming_window(int(x), periodic=False, dtype=torch.get_default_dtype())


def hanning(x: int) -> Tensor:
    """Hann's window of ``x`` entries."""
    return torch.hann_window(int(x), periodic=False, dtype=torch.get_default_dtype())


def kaiser(x: int, beta: Any) -> Tensor:
    """Kaiser's window of ``x`` entries."""
    return torch.kaiser_window(int(x), periodic=False, beta=float(beta), dtype=torch.get_default_dtype())


def array(x: Any, *, dtype: Any = None) -> Tensor:
    """``x`` as a tensor, of ``dtype`` if one is given."""
    return as_tensor(x) if dtype is None else as_tensor(x).to(as_dtype(dtype))


def view(x: Any, *, dtype: Any = None) -> Tensor:
    """The bytes of ``x`` read as ``dtype``."""
    return as_tensor(x) if dtype is None else as_tensor(x).view(as_dtype(dtype))


def polar(abs_: Any, angle: Any) -> Tensor:
    """Complex numbers by length and angle."""
    length, turn = promoted(abs_, angle, least=float)
    return torch.polar(length, turn)


def view_as_complex(x: Any) -> Tensor:
    """(..., 2), real and imaginary parts, as complex numbers of single precision."""
    parts = floating(x).float()
    return torch.complex(parts[..., 0], parts[..., 1])


def view_as_real(x: Any) -> Tensor:
    """Complex numbers as (..., 2), real and imaginary parts."""
    values = as_tensor(x)
    return torch.stack([values.real, values.imag if values.is_complex() else torch.zeros_like(values)], -1)
