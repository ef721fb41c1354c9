"""Keras' activation functions, with the values and gradients that they have on TensorFlow.

All take a floating-point tensor, an array or numbers of any shape and return a tensor of the same shape and type;
``glu`` halves an axis. Names,
argument order and default values are those of ``keras.activations`` 3.15. At a kink the gradient is TensorFlow's, which
differs between functions that look alike: ``relu6`` has slope 0 at its corners, ``hard_tanh`` has 1.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from torch_keras_lstm import logits
from torch_keras_lstm.array_arguments import takes_arrays
from torch_keras_lstm.clipping import at_least, at_most, clip
from torch_keras_lstm.registry import Config, Registry
from torch_keras_lstm.single_precision import to_single

Activation = Callable[[Tensor], Tensor]
_Class = TypeVar("_Class", bound=type[Any])

# Beyond this, softplus(x) and x are the same float64. torch's own threshold of 20 costs nine digits.
_SOFTPLUS_IS_LINEAR_ABOVE = 40.0
_GELU_CUBIC = to_single(0.044715)
_SQRT_HALF = to_single(0.5**0.5)
_SQRT_2_OVER_PI = 0.7978845608028654
_SELU_SCALE = 1.0507009873554804934193349852946


@takes_arrays
def linear(x: Tensor) -> Tensor:
    """``x`` itself."""
    return x


@takes_arrays
def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return torch.tanh(x)


@takes_arrays
def sigmoid(x: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))``."""
    return logits.remember(torch.sigmoid(x), x)


@takes_arrays
def hard_sigmoid(x: Tensor) -> Tensor:
    """``relu6(x + 3) / 6``: Keras 3's hard sigmoid, which reaches 0 and 1 at -3 and 3.

    Models saved by Keras 1, Keras 2 and tf.keras mean :func:`hard_sigmoid_keras2` by this name.
    """
    # torch.nn.functional.hardsigmoid multiplies its gradient by a 1/6 in single precision.
    return F.relu6(x + 3) / 6


@takes_arrays
def hard_sigmoid_keras2(x: Tensor) -> Tensor:
    """``clip(0.2 * x + 0.5, 0, 1)``: what Keras 1, Keras 2 and tf.keras call ``hard_sigmoid``; 0 and 1 at -2.5 and 2.5.

    Keras 3 has no such function; the name is this package's.
    """
    return clip(0.2 * x + 0.5, 0.0, 1.0)


@takes_arrays
def relu(x: Tensor, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """``x`` above ``threshold``, at most ``max_value``; ``negative_slope * (x - threshold)`` below it."""
    if max_value is None and threshold == 0:
        return leaky_relu(x, negative_slope) if negative_slope != 0 else torch.relu(x)
    if threshold != 0:
        positive = torch.where(x > to_single(threshold), x, 0.0)
    else:
        # Keras takes the native relu6 where it can, and its gradient at 6 is not that of a clip at another value.
        positive = relu6(x) if max_value == 6 else torch.relu(x)
    if max_value is not None:
        positive = clip(positive, 0.0, to_single(max_value))
    return positive if negative_slope == 0 else positive - negative_slope * torch.relu(threshold - x)


@takes_arrays
def relu6(x: Tensor) -> Tensor:
    """``clip(x, 0, 6)``, with slope 0 at both corners."""
    return F.relu6(x)


@takes_arrays
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """``x`` where positive, else ``negative_slope * x``; the default slope is Keras' 0.2, not torch's 0.01."""
    return F.leaky_relu(x, to_single(negative_slope))


@takes_arrays
def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``x`` where positive, else ``alpha * (exp(x) - 1)``."""
    return F.elu(x, alpha)


@takes_arrays
def selu(x: Tensor) -> Tensor:
    """Scaled ``elu``, with the two constants of Klambauer et al. (2017)."""
    # At 0 TensorFlow takes the slope from the right, torch from the left.
    return torch.where(x < 0, F.selu(x), _SELU_SCALE * x)


@takes_arrays
def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """``max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)``; at 0 both terms pass the gradient on, which makes it 2."""
    return at_least(x, 0.0) + alpha * torch.expm1(at_most(x, 0.0) / alpha)


@takes_arrays
def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))``."""
    return F.softplus(x, threshold=_SOFTPLUS_IS_LINEAR_ABOVE)


@takes_arrays
def softsign(x: Tensor) -> Tensor:
    """``x / (1 + |x|)``."""
    return F.softsign(x)


@takes_arrays
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """``(x + sqrt(x**2 + b)) / 2``."""
    return (x + torch.sqrt(torch.square(x) + b)) / 2


@takes_arrays
def exponential(x: Tensor) -> Tensor:
    """``exp(x)``."""
    return torch.exp(x)


@takes_arrays
def silu(x: Tensor) -> Tensor:
    """``x * sigmoid(x)``, also named ``swish``."""
    return F.silu(x)


@takes_arrays
def hard_silu(x: Tensor) -> Tensor:
    """``x * hard_sigmoid(x)``, also named ``hard_swish``."""
    return x * hard_sigmoid(x)


@takes_arrays
def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """``x`` times the normal distribution function at ``x``, or with ``approximate`` the usual formula with tanh."""
    # Written out because TensorFlow rounds the constants to single precision, and torch does not.
    if approximate:
        return 0.5 * x * (1.0 + torch.tanh(_SQRT_2_OVER_PI * (x + _GELU_CUBIC * x**3)))
    return 0.5 * x * torch.erfc(-x * _SQRT_HALF)


@takes_arrays
def mish(x: Tensor) -> Tensor:
    """``x * tanh(softplus(x))``."""
    return F.mish(x)


@takes_arrays
def glu(x: Tensor, axis: int = -1) -> Tensor:
    """The first half of ``axis`` times the sigmoid of the second half.

    Raises:
        ValueError: when the size of ``axis`` is odd.
    """
    if x.shape[axis] % 2:
        raise ValueError(f"`glu` halves axis {axis} of its input: expected an even size, got shape {tuple(x.shape)}.")
    return F.glu(x, dim=axis)


@takes_arrays
def hard_tanh(x: Tensor) -> Tensor:
    """``clip(x, -1, 1)``, with slope 1 at both corners."""
    return clip(x, -1.0, 1.0)


@takes_arrays
def tanh_shrink(x: Tensor) -> Tensor:
    """``x - tanh(x)``."""
    return F.tanhshrink(x)


@takes_arrays
def soft_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """``x`` moved towards 0 by ``threshold``, and 0 where that would change its sign."""
    return F.softshrink(x, threshold)


@takes_arrays
def hard_shrink(x: Tensor, threshold: float = 0.5) -> Tensor:
    """``x`` where ``|x| > threshold``, else 0."""
    return F.hardshrink(x, threshold)


@takes_arrays
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """``x`` where ``x > threshold``, else ``default_value``."""
    return F.threshold(x, threshold, default_value)


@takes_arrays
def sparse_plus(x: Tensor) -> Tensor:
    """0 up to -1, ``x`` from 1 on, ``(x + 1)**2 / 4`` between."""
    return torch.where(x <= -1, 0.0, torch.where(x < 1, 0.25 * torch.square(x + 1), x))


@takes_arrays
def sparse_sigmoid(x: Tensor) -> Tensor:
    """``clip((x + 1) / 2, 0, 1)``, with slope 0 at both corners."""
    return torch.where(x <= -1, 0.0, torch.where(x >= 1, 1.0, 0.5 * (x + 1)))


@takes_arrays
def log_sigmoid(x: Tensor) -> Tensor:
    """``log(sigmoid(x))``."""
    return F.logsigmoid(x)


@takes_arrays
def softmax(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """``exp(x)``, scaled so that it sums to 1 along ``axis``, or over several axes together."""
    return logits.remember(_along(torch.softmax, x, axis), x)


@takes_arrays
def log_softmax(x: Tensor, axis: int | Sequence[int] = -1) -> Tensor:
    """``log(softmax(x))`` along ``axis``, or over several axes together."""
    return _along(torch.log_softmax, x, axis)


@takes_arrays
def sparsemax(x: Tensor, axis: int = -1) -> Tensor:
    """Keras' sparse counterpart of ``softmax`` along ``axis``.

    This is what Keras 3.15 computes. Martins et al. (2016) take the last cumulative sum of the support where Keras adds
    up all of them, so that here the result sums to 1 only where a single entry is left.
    """
    descending = torch.sort(x, dim=axis, descending=True).values
    cumulative = torch.cumsum(descending, dim=axis)
    rank = torch.arange(1, x.shape[axis] + 1, dtype=x.dtype, device=x.device)
    rank = rank.reshape([-1 if dim == axis % x.dim() else 1 for dim in range(x.dim())])
    support = descending > (cumulative - 1) / rank
    supported_sum = torch.where(support, cumulative, 0.0).sum(axis, keepdim=True)
    tau = (supported_sum - 1) / support.sum(axis, keepdim=True)
    return at_least(x - tau, 0.0)


_OF_AN_AXIS = frozenset((glu, softmax, log_softmax, sparsemax))


def takes_each_number(function: Activation) -> bool:
    """Whether it is one of Keras' that make of each number another, whatever the axes are."""
    return function in _FUNCTIONS and function not in _OF_AN_AXIS


def _along(function: Callable[..., Tensor], x: Tensor, axis: int | Sequence[int]) -> Tensor:
    """``function``, which takes one axis, along one or over several."""
    if isinstance(axis, int):
        return function(x, dim=axis)
    last = tuple(range(-len(axis), 0))
    moved = x.movedim(tuple(axis), last)
    return function(moved.flatten(-len(axis)), dim=-1).reshape(moved.shape).movedim(last, tuple(axis))


def _named(function: Activation) -> Callable[[Mapping[str, Any]], Activation]:
    def build(arguments: Mapping[str, Any]) -> Activation:
        if arguments:
            raise ValueError(f"Activation '{function.__name__}' takes no 'config', got {arguments!r:.200}.")
        return function

    return build


_FUNCTIONS: tuple[Callable[..., Tensor], ...] = (
    celu, elu, exponential, gelu, glu, hard_shrink, hard_sigmoid, hard_sigmoid_keras2, hard_silu, hard_tanh, leaky_relu,
    linear, log_sigmoid, log_softmax, mish, relu, relu6, selu, sigmoid, silu, soft_shrink, softmax, softplus, softsign,
    sparse_plus, sparse_sigmoid, sparsemax, squareplus, tanh, tanh_shrink, threshold,
)  # fmt: skip
# Keras exports these under both names.
swish, hard_swish = silu, hard_silu
_ALIASES = {"swish": silu, "hard_swish": hard_silu}
_NAMES: dict[str, Activation] = {function.__name__: function for function in _FUNCTIONS} | _ALIASES
_REGISTRY: Registry[Activation] = Registry(
    "activation", __name__, {name: _named(function) for name, function in _NAMES.items()}
)


def named() -> dict[str, Activation]:
    """This module's functions by the names that :func:`get` takes."""
    return dict(_NAMES)


def register(keras_module: str) -> Callable[[_Class], _Class]:
    """Class decorator for a layer without weights that may stand for an activation: ``Dense(5, LeakyReLU())``.

    Args:
        keras_module: where Keras has the layer.
    """

    def add(layer_class: _Class) -> _Class:
        _REGISTRY.add(layer_class, keras_module)
        return layer_class

    return add


def get(identifier: object, argument: str = "activation") -> Activation:
    """The function that ``identifier`` means: ``None`` (linear), a Keras name, a configuration or a callable.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know.
        TypeError: for an identifier of any other type.
    """
    if isinstance(identifier, int):
        raise TypeError(
            f"`{argument}`: expected the name of an activation or a function, got {identifier}. The number of input "
            "features is no argument: torch's `LSTM(input_size, hidden_size)` is `LSTM(hidden_size)` here."
        )
    return linear if identifier is None else _REGISTRY.get(identifier, argument)


def serialize(activation: object) -> Config | str | None:
    """What a Keras file holds for ``activation``: the name of one of this module's, a configuration of any other."""
    return _REGISTRY.serialize(activation)


def deserialize(config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None) -> Activation:
    """The function that :func:`serialize` described.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit.
    """
    return linear if config is None else _REGISTRY.deserialize(config, custom_objects, "activation")
