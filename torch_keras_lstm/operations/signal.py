"""Fourier transforms and frames of signals: ``keras.ops`` over torch tensors; complex numbers are pairs of tensors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from torch_keras_lstm.operations.tensors import as_tensor, floating


def _complex(x: Sequence[Any]) -> Tensor:
    if not isinstance(x, list | tuple) or len(x) != 2:
        raise ValueError(f"Complex numbers are given as (real, imaginary), two tensors, got {x!r:.100}.")
    return torch.complex(floating(x[0]), floating(x[1]))


def _pair(values: Tensor) -> tuple[Tensor, Tensor]:
    return values.real, values.imag


def fft(x: Any) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last axis."""
    return _pair(torch.fft.fft(_complex(x)))


def fft2(x: Any) -> tuple[Tensor, Tensor]:
    """The discrete Fourier transform along the last two axes."""
    return _pair(torch.fft.fft2(_complex(x)))


def ifft2(x: Any) -> tuple[Tensor, Tensor]:
    """The inverse of :func:`fft2`."""
    return _pair(torch.fft.ifft2(_complex(x)))


def rfft(x: Any, *, fft_length: int | None = None) -> tuple[Tensor, Tensor]:
    """The half of the transform of real numbers that tells the other half."""
    return _pair(torch.fft.rfft(floating(x), fft_length))


def irfft(x: Any, *, fft_length: int | None = None) -> Tensor:
    """The inverse of :func:`rfft`."""
    values: Tensor = torch.fft.irfft(_complex(x), fft_length)
    return values


def _window(window: Any, length: int, padded: int, like: Tensor) -> Tensor:
    before = (padded - length) // 2
    match window:
        case None:
            return torch.ones(padded, dtype=like.dtype, device=like.device)
        case "hann":
            values = torch.hann_window(length, dtype=like.dtype, device=like.device)
        case "hamming":
            values = torch.hamming_window(length, dtype=like.dtype, device=like.device)
        case str():
            raise ValueError(f"`window` must be 'hann', 'hamming', a tensor or None, got {window!r}.")
        case _:
            values = as_tensor(window, like.dtype)
            if tuple(values.shape) != (length,):
                raise ValueError(f"`window` must have the shape ({length},) of a frame, got {tuple(values.shape)}.")
    return F.pad(values, (before, padded - length - before))


def extract_sequences(x: Any, *, sequence_length: int, sequence_stride: int) -> Tensor:
    """Frames of ``sequence_length`` along the last axis, one every ``sequence_stride`` steps."""
    return as_tensor(x).unfold(-1, sequence_length, sequence_stride)


def stft(
    x: Any,
    *,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> tuple[Tensor, Tensor]:
    """The transform of each frame under a window, (..., frames, frequencies)."""
    values = floating(x)
    if fft_length < sequence_length:
        raise ValueError(f"`fft_length` must be at least `sequence_length`, got {fft_length} and {sequence_length}.")
    if center:
        half = fft_length // 2
        values = torch.cat([values[..., 1 : half + 1].flip(-1), values, values[..., -half - 1 : -1].flip(-1)], -1)
    frames = values.unfold(-1, fft_length, sequence_stride)
    return _pair(torch.fft.rfft(frames * _window(window, sequence_length, fft_length, values), fft_length))


def istft(
    x: Any,
    *,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Tensor:
    """The signal whose frames are transformed to ``x``, overlapping frames added under the windows that undo theirs."""
    frames = torch.fft.irfft(_complex(x), fft_length)
    shape = _window(window, sequence_length, fft_length, frames)
    if window is not None:
        # Of what the windows of all frames that share a step give together.
        overlaps = -(-fft_length // sequence_stride)
        squares = F.pad(shape.square(), (0, overlaps * sequence_stride - fft_length))
        total = squares.reshape(overlaps, sequence_stride).sum(0).repeat(overlaps)[:fft_length]
        frames = frames * (shape / total)
    count = frames.shape[-2]
    size = fft_length + sequence_stride * (count - 1)
    flat = frames.reshape(-1, count, fft_length).mT
    signal = F.fold(flat, (1, size), (1, fft_length), stride=(1, sequence_stride)).reshape(*frames.shape[:-2], size)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else -start if center else size
    return signal[..., start:end]
