"""``keras.layers.MelSpectrogram``."""

import math
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number, positive_integer
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.signal import stft

_NAMES = ("fft_length", "sequence_stride", "sequence_length", "window", "sampling_rate", "num_mel_bins", "min_freq")
_MORE_NAMES = ("max_freq", "power_to_db", "top_db", "mag_exp", "min_power", "ref_power")


@register("keras.layers")
class MelSpectrogram(Layer):
    """Sounds (batch, samples), or (samples,), as (batch, num_mel_bins, frames): how strong the bands of pitch are.

    Args:
        fft_length: of each Fourier transform, in samples.
        sequence_stride: from one frame to the next.
        sequence_length: of a frame; ``None`` is ``fft_length``.
        window: "hann", "hamming", or numbers, one for each sample of a frame.
        sampling_rate: samples a second.
        num_mel_bins: how many bands of pitch.
        min_freq, max_freq: where they begin and end, in Hertz; ``None`` is half the sampling rate.
        power_to_db: whether strengths are in decibel.
        top_db: how far below the strongest of the batch decibels go.
        mag_exp: the power to which magnitudes are raised.
        min_power: what counts as no less.
        ref_power: what is 0 decibel.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a frame is longer than its transform, and for inputs of other axes.

    Example:
        >>> MelSpectrogram(fft_length=256, sequence_stride=64, num_mel_bins=20)(torch.randn(2, 1000)).shape
        torch.Size([2, 20, 16])
    """

    casts_integers = True

    def __init__(
        self,
        fft_length: SupportsIndex = 2048,
        sequence_stride: SupportsIndex = 512,
        sequence_length: SupportsIndex | None = None,
        window: Any = "hann",
        sampling_rate: SupportsIndex = 16000,
        num_mel_bins: SupportsIndex = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = positive_integer("fft_length", fft_length)
        self.sequence_stride = positive_integer("sequence_stride", sequence_stride)
        self.sequence_length = positive_integer("sequence_length", sequence_length or fft_length)
        if self.fft_length < self.sequence_length:
            raise ValueError(
                f"`fft_length` must be at least `sequence_length`, got {self.fft_length} and {self.sequence_length}."
            )
        self.window = window
        self.sampling_rate = positive_integer("sampling_rate", sampling_rate)
        self.num_mel_bins = positive_integer("num_mel_bins", num_mel_bins)
        self.min_freq = min_freq
        self.max_freq = max_freq or int(self.sampling_rate / 2)
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        for name in ("min_freq", "max_freq", "top_db", "mag_exp", "min_power", "ref_power"):
            check_number(name, getattr(self, name))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless inputs are (batch, samples) or (samples,)."""
        if len(shape) not in (1, 2):
            raise ValueError(f"Layer `{self.name}` takes sounds (batch, samples), got shape {tuple(shape)}.")

    def forward(self, inputs: Any) -> Tensor:
        """(batch, num_mel_bins, frames)."""
        sounds = self.prepare(inputs)
        real, imaginary = stft(
            sounds if sounds.dtype in (torch.float32, torch.float64) else sounds.float(),
            sequence_length=self.sequence_length,
            sequence_stride=self.sequence_stride,
            fft_length=self.fft_length,
            window=self.window,
        )
        strengths = (real.square() + imaginary.square()).sqrt().pow(self.mag_exp)
        bands = strengths @ self.mel_weights(strengths)
        if self.power_to_db:
            reference = 10 * math.log10(max(abs(self.ref_power), self.min_power))
            bands = 10 * bands.clamp(min=self.min_power).log10() - reference
            bands = torch.maximum(bands, bands.max() - self.top_db)
        return self.finish(bands.mT.to(self._dtype))

    def mel_weights(self, strengths: Tensor) -> Tensor:
        """(frequencies, bands): how much of each frequency is in which band, computed in float32 as in Keras."""
        frequencies = strengths.shape[-1]
        options: dict[str, Any] = {"dtype": torch.float32, "device": strengths.device}
        pitches = _mel(torch.linspace(0, self.sampling_rate / 2, frequencies, **options)[1:]).unsqueeze(1)
        first, last = _mel(torch.tensor([self.min_freq, self.max_freq], **options)).tolist()
        edges = torch.linspace(first, last, self.num_mel_bins + 2, **options)
        low, middle, high = edges[:-2], edges[1:-1], edges[2:]
        weights = torch.minimum((pitches - low) / (middle - low), (high - pitches) / (high - middle)).clamp(min=0)
        return torch.cat([weights.new_zeros(1, self.num_mel_bins), weights]).to(strengths.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, num_mel_bins, frames)."""
        *batch, samples = input_shape
        stride = self.sequence_stride
        return (*batch, self.num_mel_bins, None if samples is None else (samples + stride + 1) // stride)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), **{name: getattr(self, name) for name in (*_NAMES, *_MORE_NAMES)}}


def _mel(hertz: Tensor) -> Tensor:
    return 1127 * torch.log(1 + hertz / 700)
