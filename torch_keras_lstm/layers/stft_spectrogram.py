"""``keras.layers.STFTSpectrogram``."""

import math
import warnings
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.initializers import STFT
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.spatial import SpatialLayer
from torch_keras_lstm.sliding_windows import convolve, output_sizes

_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")
_EPSILON = 1e-7


@register("keras.layers")
class STFTSpectrogram(SpatialLayer):
    """The Fourier transform of frames of (batch, time, channels), by kernels that can be trained.

    Args:
        mode: "log", "magnitude" or "psd" of the strengths, "real" or "imag" part, "angle", or "stft", both parts.
        frame_length: of a frame, in steps.
        frame_step: from one frame to the next; ``None`` is half of it.
        fft_length: of the transform; ``None`` is the next power of two.
        window: "hann", another of scipy's names, numbers, one for each step of a frame, or ``None``.
        periodic: whether the window is of those that go on periodically.
        scaling: "density", "spectrum" or ``None``: what the kernels are divided by.
        padding: "valid" or "same".
        expand_dims: whether channels and frequencies have an axis each, (batch, frames, frequencies, channels).
        data_format: "channels_last", which ``None`` means too, or "channels_first".
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: for an argument outside of these, and for inputs of other axes.

    Example:
        >>> STFTSpectrogram(frame_length=16, frame_step=8)(torch.randn(2, 100, 1)).shape
        torch.Size([2, 11, 9])
    """

    rank = 1

    real_kernel: nn.Parameter
    imag_kernel: nn.Parameter

    def __init__(
        self,
        mode: str = "log",
        frame_length: SupportsIndex = 256,
        frame_step: SupportsIndex | None = None,
        fft_length: SupportsIndex | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        check_choice("mode", mode, _MODES)
        check_choice("padding", padding, ("valid", "same"))
        self.mode = mode
        self.frame_length = positive_integer("frame_length", frame_length)
        self.frame_step = None if frame_step is None else positive_integer("frame_step", frame_step)
        self.fft_length = None if fft_length is None else positive_integer("fft_length", fft_length)
        if self.frame_step is not None and self.frame_step > self.frame_length:
            raise ValueError(
                f"`frame_step` must be at most `frame_length`, got {self.frame_step} and {self.frame_length}."
            )
        if self.fft_length is not None and self.fft_length < self.frame_length:
            raise ValueError(
                f"`fft_length` must be at least `frame_length`, got {self.fft_length} and {self.frame_length}."
            )
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expand_dims = expand_dims
        self._step = self.frame_step or self.frame_length // 2
        self._length = self.fft_length or 2 ** math.ceil(math.log2(self.frame_length))
        if self._length & (self._length - 1):
            warnings.warn(
                f"`fft_length` is recommended to be a power of two, got {self._length}.", UserWarning, stacklevel=2
            )
        for part in ("real", "imag"):
            if mode != {"real": "imag", "imag": "real"}[part]:
                kernel = STFT(part, window, scaling, periodic)
                self.declare_weight(f"{part}_kernel", f"{part}_kernel", axes=(2, 1, 0), initializer=kernel)

    @property
    def frequencies(self) -> int:
        """How many frequencies the transform of a frame has."""
        return self._length // 2 + 1

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(frame_length, 1, frequencies), for all inputs the same."""
        shape = (self.frame_length, 1, self.frequencies)
        return {"real_kernel": shape, "imag_kernel": shape}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """Anything: the weights' shapes are the same for all inputs."""
        return (None, None, None)

    def forward(self, inputs: Any) -> Tensor:
        """(batch, frames, channels * frequencies), or what ``expand_dims`` and ``data_format`` say."""
        signals = self.channels_first(self.prepare(inputs))  # (batch, channels, time)
        if not signals.is_floating_point():
            raise TypeError(f"Layer `{self.name}` takes numbers with fractions, got {signals.dtype}: cast them.")
        if self.mode in ("real", "imag"):
            return self.finish(self._arranged(self._transform(signals, getattr(self, f"{self.mode}_kernel"))))
        real, imaginary = self._transform(signals, self.real_kernel), self._transform(signals, self.imag_kernel)
        if self.mode == "stft":
            return self.finish(self._arranged(torch.cat([real, imaginary], 2)))
        if self.mode == "angle":
            return self.finish(self._arranged(torch.atan2(imaginary, real)))
        power = real.square() + imaginary.square()
        if self.mode == "psd":  # all but the first and the last stand for a negative frequency, too
            doubled = torch.cat([power[:, :, :1], 2 * power[:, :, 1:-1], power[:, :, -1:]], 2)
            return self.finish(self._arranged(doubled))
        magnitude = power.clamp(min=_EPSILON).sqrt()
        shown = magnitude if self.mode == "magnitude" else magnitude.clamp(min=_EPSILON).log()
        return self.finish(self._arranged(shown))

    def _transform(self, signals: Tensor, kernel: Tensor) -> Tensor:
        """(batch, channels, frequencies, frames)."""
        outputs = convolve(
            signals.flatten(0, 1).unsqueeze(1),
            kernel,
            None,
            strides=(self._step,),
            padding=self.padding,
            dilations=(1,),
            groups=1,
        )
        unfolded: Tensor = outputs.unflatten(0, signals.shape[:2])
        return unfolded

    def _arranged(self, outputs: Tensor) -> Tensor:
        """(batch, channels, frequencies, frames) as the arguments have it."""
        if self.expand_dims:
            return outputs.permute(0, 3, 2, 1) if self.data_format == "channels_last" else outputs.mT
        flat = outputs.flatten(1, 2)
        return flat.mT if self.data_format == "channels_last" else flat

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, frames, channels * frequencies), or what ``expand_dims`` and ``data_format`` say."""
        (frames,) = output_sizes(self.sizes_of(input_shape), (self.frame_length,), (self._step,), (1,), self.padding)
        channels = self.channels_of(input_shape)
        frequencies = self.frequencies * (2 if self.mode == "stft" else 1)
        if not self.expand_dims:
            return self.arrange(input_shape[0], [frames], None if channels is None else channels * frequencies)
        if self.data_format == "channels_last":
            return (input_shape[0], frames, frequencies, channels)
        return (input_shape[0], channels, frames, frequencies)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        names = ("mode", "frame_length", "frame_step", "fft_length", "window", "periodic", "scaling", "padding")
        own = {name: getattr(self, name) for name in (*names, "expand_dims", "data_format")}
        return {**super().get_config(), **own}
