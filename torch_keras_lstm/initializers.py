"""Keras' initializers: the same distributions, drawn by torch.

An initializer is called with a shape in Keras' layout, (in, out) for a kernel and (..., in, out) for a convolution, and
returns a tensor of that shape. Numbers are drawn in float64 on the CPU, some at a time, and then moved, so that a seed
gives the same weights, up to rounding, in every precision and on every device. They are not the numbers that Keras
would draw.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, overload

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_axes, check_choice, check_integer, check_non_negative, check_number
from torch_keras_lstm.array_arguments import dtype_of
from torch_keras_lstm.registry import Config, Configured, Registry, both_spellings

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")
# The standard deviation of a standard normal variable that is cut off at -2 and 2, as many digits as Keras has.
_STDDEV_OF_TRUNCATED_NORMAL = 0.87962566103423978
# How many numbers are drawn at once: 8 MiB of them. torch draws fewer than 16 normal ones in another order.
_PIECE, _LEAST = 2**20, 16


class Initializer(Configured):
    """Base of all initializers; one of your own overrides the call."""

    #: tf.keras of TensorFlow 1 wrote the type of the variable beside the arguments.
    void_keys: ClassVar[frozenset[str]] = frozenset({"dtype"})

    def __call__(
        self, shape: Sequence[int], dtype: Any = torch.float32, device: torch.device | str | None = None
    ) -> Tensor:
        """A new tensor of ``shape``, which is in Keras' layout.

        Args:
            dtype: a type or its name; ``None`` is torch's default type.
            device: ``None`` is torch's default device.

        Raises:
            ValueError: when the initializer has no tensor of that shape.
        """
        dtype = getattr(torch, dtype) if isinstance(dtype, str) else dtype  # Keras' name of it
        device = torch.get_default_device() if device is None else torch.device(device)
        dtype = dtype_of(dtype)
        if device.type == "meta":
            # There are no values to draw, and arithmetic on this device makes torch import its compiler, for seconds.
            return torch.empty(tuple(shape), dtype=dtype, device=device)
        return self._made(tuple(shape), dtype, device)

    def _made(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        """The initial values where and as they are asked for."""
        return self._values(shape).to(device=device, dtype=dtype)

    def _values(self, shape: tuple[int, ...]) -> Tensor:
        """The initial values, in float64 on the CPU."""
        raise NotImplementedError


class Zeros(Initializer):
    """All 0."""

    def _made(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.zeros(shape, dtype=dtype, device=device)


class Ones(Initializer):
    """All 1."""

    def _made(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        return torch.ones(shape, dtype=dtype, device=device)


class Constant(Initializer):
    """A given number everywhere, or given values.

    Args:
        value: a number, or an array (tensor, NumPy array, nested list) that broadcasts to the shape asked for.
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value
        # TensorFlow makes float32 tensors of Python numbers, whatever type is wanted in the end.
        self._array = _numbers(value, torch.float64 if isinstance(value, np.ndarray | Tensor) else torch.float32)

    def _values(self, shape: tuple[int, ...]) -> Tensor:
        try:
            return self._array.broadcast_to(shape).clone()
        except RuntimeError:
            raise ValueError(
                f"Constant holds values of shape {tuple(self._array.shape)}: expected one that broadcasts to {shape}."
            ) from None

    def get_config(self) -> Config:
        """Keras' form of the value: a number or list as it is, an array marked as one."""
        if not isinstance(self.value, np.ndarray | Tensor):
            return {"value": self.value}
        array = self._array.numpy()
        return {"value": {"class_name": "__numpy__", "config": {"value": array.tolist(), "dtype": str(array.dtype)}}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Constant":
        """The object that :meth:`get_config` described; arrays and tensors as Keras 3 marks them are unwrapped."""
        value = config.get("value")
        if isinstance(value, Mapping) and value.get("class_name") in ("__numpy__", "__tensor__"):
            inner = value.get("config")
            array = _numbers(inner.get("value") if isinstance(inner, Mapping) else inner, torch.float64)
            config = {**config, "value": array}
        return super().from_config(config)


class Identity(Initializer):
    """The identity matrix times ``gain``, cut or padded with zeros to the shape; matrices only."""

    def __init__(self, gain: float = 1.0) -> None:
        check_number("gain", gain)
        self.gain = gain

    def _values(self, shape: tuple[int, ...]) -> Tensor:
        if len(shape) != 2:
            raise ValueError(f"Identity makes matrices: expected a shape of 2 axes, got {shape}.")
        return self.gain * torch.eye(*shape, dtype=torch.float64, device="cpu")


class RandomInitializer(Initializer):
    """Base of the initializers that draw random numbers.

    Args:
        seed: an integer makes every call return the same values, as in Keras 3; ``None`` draws from torch's global
            generator, so that ``torch.manual_seed`` reproduces a run.
    """

    def __init__(self, seed: int | None = None) -> None:
        if seed is not None:
            check_integer("seed", seed)
        self.seed = seed

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "RandomInitializer":
        """The object that :meth:`get_config` described; of a Keras ``SeedGenerator`` the integer seed is kept."""
        seed = config.get("seed")
        if isinstance(seed, Mapping) and isinstance(seed.get("config"), Mapping):
            config = {**config, "seed": seed["config"].get("seed")}
        return super().from_config(config)

    def _generator(self) -> torch.Generator | None:
        """A generator at its start, or ``None`` for torch's global one."""
        # torch takes 64 bits; Keras' seeds have no bound.
        return None if self.seed is None else torch.Generator("cpu").manual_seed(self.seed % 2**64)


class _Elementwise(RandomInitializer):
    """Base of those that draw each number by itself: some at a time, so that a large weight takes little more memory
    while it is made than it does then.
    """

    def _made(self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
        made = torch.empty(shape, dtype=dtype, device=device)
        flat, generator = made.view(-1), self._generator()
        memory = torch.empty(min(flat.numel(), _PIECE + _LEAST), dtype=torch.float64, device="cpu")
        for piece in _pieces(flat.numel()):
            flat[piece] = self._drawn(memory[: piece.stop - piece.start], shape, generator)
        return made

    def _drawn(self, numbers: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        """Some of the values of a weight of that shape, as many as ``numbers`` holds, which may be written over."""
        raise NotImplementedError


def _pieces(count: int) -> Iterator[slice]:
    starts = [*range(0, count, _PIECE)]
    if len(starts) > 1 and count - starts[-1] < _LEAST:
        del starts[-1]
    return map(slice, starts, [*starts[1:], count])


def _normal(numbers: Tensor, mean: float, stddev: float, generator: torch.Generator | None) -> Tensor:
    """Numbers of a normal distribution."""
    return numbers.normal_(generator=generator).mul_(stddev).add_(mean)


def _truncated_normal(numbers: Tensor, mean: float, stddev: float, generator: torch.Generator | None) -> Tensor:
    """Numbers of a normal distribution without what lies more than two ``stddev`` from ``mean``."""
    return torch.nn.init.trunc_normal_(numbers, a=-2.0, b=2.0, generator=generator).mul_(stddev).add_(mean)


def _uniform(numbers: Tensor, minval: float, maxval: float, generator: torch.Generator | None) -> Tensor:
    """Numbers of a uniform distribution between ``minval`` and ``maxval``."""
    return numbers.uniform_(generator=generator).mul_(maxval - minval).add_(minval)


class RandomNormal(_Elementwise):
    """Normal distribution of the given ``mean`` and standard deviation ``stddev``; ``seed`` as for all random ones."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        check_number("mean", mean)
        check_non_negative("stddev", stddev)
        self.mean = mean
        self.stddev = stddev

    def _drawn(self, numbers: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return _normal(numbers, self.mean, self.stddev, generator)


class TruncatedNormal(RandomNormal):
    """Normal distribution without what lies more than two ``stddev`` from ``mean``.

    ``stddev`` is that of the distribution before it is cut; what is drawn has 0.88 times it.
    """

    def _drawn(self, numbers: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return _truncated_normal(numbers, self.mean, self.stddev, generator)


class RandomUniform(_Elementwise):
    """Uniform distribution between ``minval`` and ``maxval``; ``seed`` as for all random ones."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None) -> None:
        super().__init__(seed)
        check_number("minval", minval)
        check_number("maxval", maxval)
        self.minval = minval
        self.maxval = maxval

    def _drawn(self, numbers: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        return _uniform(numbers, self.minval, self.maxval, generator)


class VarianceScaling(_Elementwise):
    """A distribution of mean 0 and variance ``scale / n``, where n is a number of units.

    Args:
        scale: positive.
        mode: n is the number of inputs ("fan_in"), of outputs ("fan_out") or the mean of both ("fan_avg"). For a kernel
            these are the two axes, for a convolution (..., in, out) both times the size of its window, for a vector
            its length twice.
        distribution: "truncated_normal" (cut at two standard deviations and then scaled up to the variance; also named
            "normal"), "untruncated_normal" or "uniform".
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        check_number("scale", scale)
        if scale <= 0:
            raise ValueError(
                f"Received an invalid value for argument `scale`: expected a positive number, got {scale!r}."
            )
        check_choice("mode", mode, _MODES)
        if isinstance(distribution, str):
            distribution = distribution.lower()
            distribution = "truncated_normal" if distribution == "normal" else distribution
        check_choice("distribution", distribution, _DISTRIBUTIONS)
        for name, axes in (("input_axes", input_axes), ("output_axes", output_axes)):
            if axes is not None:
                check_axes(name, axes)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.input_axes = input_axes
        self.output_axes = output_axes

    def _drawn(self, numbers: Tensor, shape: tuple[int, ...], generator: torch.Generator | None) -> Tensor:
        fan_in, fan_out = self.fans(shape)
        units = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, units))
        if self.distribution == "truncated_normal":
            return _truncated_normal(numbers, 0.0, stddev / _STDDEV_OF_TRUNCATED_NORMAL, generator)
        if self.distribution == "untruncated_normal":
            return _normal(numbers, 0.0, stddev, generator)
        limit = math.sqrt(3.0) * stddev
        return _uniform(numbers, -limit, limit, generator)

    def fans(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """The number of inputs and of outputs of a weight of ``shape``."""
        if self.input_axes is not None and self.output_axes is not None:
            return _size(shape, self.input_axes), _size(shape, self.output_axes)
        if len(shape) < 2:
            return math.prod(shape), math.prod(shape)
        window = math.prod(shape[:-2])
        return window * shape[-2], window * shape[-1]


class _NamedScaling(VarianceScaling):
    """A :class:`VarianceScaling` that has a name of its own in the literature and in Keras."""

    scaling: ClassVar[tuple[float, str, str]]

    def __init__(
        self,
        seed: int | None = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.scaling, seed, input_axes, output_axes)


class GlorotUniform(_NamedScaling):
    """Uniform within ``sqrt(6 / (fan_in + fan_out))``, kernels' default.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_NamedScaling):
    """Truncated normal of variance ``2 / (fan_in + fan_out)``.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_NamedScaling):
    """Uniform within ``sqrt(6 / fan_in)``.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (2.0, "fan_in", "uniform")


class HeNormal(_NamedScaling):
    """Truncated normal of variance ``2 / fan_in``.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_NamedScaling):
    """Uniform within ``sqrt(3 / fan_in)``.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (1.0, "fan_in", "uniform")


class LecunNormal(_NamedScaling):
    """Truncated normal of variance ``1 / fan_in``.

    Args:
        seed: an integer makes every call return the same values; ``None`` draws from torch's global generator.
        input_axes, output_axes: the axes that make the numbers of inputs and of outputs, when both are given.
    """

    scaling = (1.0, "fan_in", "truncated_normal")


class Orthogonal(RandomInitializer):
    """``gain`` times a matrix with orthonormal rows or columns, whichever are fewer.

    More than two axes are taken as a matrix with all but the last in one. The same ``seed``, an
    integer, gives the same values; ``None`` draws from torch's global generator.
    """

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(seed)
        check_number("gain", gain)
        self.gain = gain

    def _values(self, shape: tuple[int, ...]) -> Tensor:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal makes matrices: expected a shape of at least 2 axes, got {shape}.")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        numbers = torch.empty((max(rows, columns), min(rows, columns)), dtype=torch.float64, device="cpu")
        q, r = torch.linalg.qr(numbers.normal_(generator=self._generator()))
        # QR leaves the sign of each column open; fixing R's diagonal to be positive makes Q uniformly distributed.
        q = q * torch.sign(torch.diagonal(r))
        matrix: Tensor = self.gain * (q if rows >= columns else q.T)
        return matrix.reshape(shape)


class STFT(Initializer):
    """The real or the imaginary part of a short-time Fourier transform, as a kernel (window, 1, frequencies).

    Args:
        side: "real" or "imag".
        window: what every stretch of the signal is multiplied by: a name that ``scipy.signal.get_window`` knows, the
            numbers themselves, or ``None``.
        scaling: the window is divided by its norm ("density") or by its sum ("spectrum"); ``None`` for neither.
        periodic: whether a window that has a name goes on periodically; otherwise it is symmetric.

    Raises:
        ValueError: for another side, scaling or name.
        ImportError: when a name other than "hann" and "hamming" is given and SciPy is not installed.
    """

    def __init__(
        self, side: str = "real", window: Any = "hann", scaling: str | None = "density", periodic: bool = False
    ) -> None:
        check_choice("side", side, ("real", "imag"))
        check_choice("scaling", scaling, ("density", "spectrum", None))
        if isinstance(window, str):
            _window(window, 1, periodic)
        self.side = side
        self.window = window
        self.scaling = scaling
        self.periodic = periodic

    def _values(self, shape: tuple[int, ...]) -> Tensor:
        if len(shape) != 3:
            raise ValueError(f"STFT makes kernels (window, 1, frequencies): expected 3 axes, got shape {shape}.")
        length, _, frequencies = shape
        time = torch.arange(length, dtype=torch.float64).reshape(-1, 1, 1)
        angle = -2 * math.pi * time * torch.arange(frequencies, dtype=torch.float64) / (2 * (frequencies - 1))
        kernel = torch.cos(angle) if self.side == "real" else torch.sin(angle)
        if self.window is None:
            return kernel
        window = _window(self.window, length, self.periodic) if isinstance(self.window, str) else self.window
        weights = _numbers(window, torch.float64)
        if weights.shape != (length,):
            raise ValueError(f"STFT has a window of shape {tuple(weights.shape)} for stretches of {length} numbers.")
        if self.scaling is not None:
            weights = weights / (weights.square().sum().sqrt() if self.scaling == "density" else weights.abs().sum())
        return kernel * weights.reshape(-1, 1, 1)


def _window(name: str, length: int, periodic: bool) -> Any:
    if name in ("hann", "hamming"):
        make = torch.hann_window if name == "hann" else torch.hamming_window
        return make(length, periodic=periodic, dtype=torch.float64, device="cpu")
    try:
        from scipy.signal import get_window
    except ImportError:
        raise ImportError("A window by its name takes SciPy: `pip install scipy`, or give its numbers.") from None
    return get_window(name, length, periodic)


def _numbers(value: Any, precision: torch.dtype) -> Tensor:
    try:
        own = value.copy() if isinstance(value, np.ndarray) else value  # torch warns of an array that is read-only
        return torch.as_tensor(own, dtype=precision, device="cpu").detach().double().clone()
    except (TypeError, ValueError, OverflowError):
        raise ValueError(
            f"Received an invalid value for argument `value`: expected a number or an array of them, got {value!r}."
        ) from None


def _size(shape: tuple[int, ...], axes: Sequence[int]) -> int:
    if not all(-len(shape) <= axis < len(shape) for axis in axes):
        raise ValueError(f"`input_axes` and `output_axes`: expected axes of the shape {shape}, got {list(axes)}.")
    return math.prod(shape[axis] for axis in axes)


# Keras exports each class under a function's name too.
zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, random_uniform, truncated_normal = RandomNormal, RandomUniform, TruncatedNormal
glorot_normal, glorot_uniform, he_normal, he_uniform = GlorotNormal, GlorotUniform, HeNormal, HeUniform
lecun_normal, lecun_uniform, variance_scaling = LecunNormal, LecunUniform, VarianceScaling
orthogonal = OrthogonalInitializer = Orthogonal
stft = STFTInitializer = STFT
IdentityInitializer = Identity

_BUILDERS = both_spellings(
    Zeros, Ones, Constant, Identity, RandomNormal, RandomUniform, TruncatedNormal, VarianceScaling, GlorotNormal,
    GlorotUniform, HeNormal, HeUniform, LecunNormal, LecunUniform, Orthogonal, STFT,
)  # fmt: skip
_ALIASES = {
    "zero": Zeros.from_config,
    "one": Ones.from_config,
    "normal": RandomNormal.from_config,
    "uniform": RandomUniform.from_config,
    "OrthogonalInitializer": Orthogonal.from_config,
    "IdentityInitializer": Identity.from_config,
    "STFTInitializer": STFT.from_config,
}
# tf.keras wrote some of them with a V2 behind the name for a while.
_V2 = {f"{name}V2": build for name, build in _BUILDERS.items()}
_REGISTRY: Registry[Callable[..., Tensor]] = Registry("initializer", __name__, {**_BUILDERS, **_ALIASES, **_V2})


@overload
def get(identifier: None) -> None: ...
@overload
def get(identifier: object, argument: str = ...) -> Callable[..., Tensor]: ...
def get(identifier: object, argument: str = "") -> Callable[..., Tensor] | None:
    """The initializer that ``identifier`` means: a Keras name, a configuration, an array, a class or a callable.

    Args:
        argument: of a layer, whose ``None`` is glorot_uniform; otherwise ``None`` stays ``None``. An error gives its
            name to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its initializer.
        TypeError: for an identifier of any other type.
    """
    if identifier is None:
        return GlorotUniform() if argument else None
    if isinstance(identifier, np.ndarray | Tensor):
        return Constant(identifier)
    return _REGISTRY.get(identifier, argument or "initializer")


def serialize(initializer: object) -> Config | str | None:
    """The configuration of ``initializer`` as Keras 3 writes it."""
    return _REGISTRY.serialize(initializer)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Callable[..., Tensor]:
    """The initializer that :func:`serialize` described.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.
    """
    return GlorotUniform() if config is None else _REGISTRY.deserialize(config, custom_objects, "initializer")


def is_known(config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> bool:
    """Whether :func:`deserialize` knows the name of an initializer; its configuration is not looked at."""
    return _REGISTRY.knows(config, custom_objects)
