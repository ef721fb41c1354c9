"""torch's functions, and in the place of each what TensorFlow's kernels for a CPU give in half precision."""

import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from torch_keras_lstm.half_precision import elementwise, products, sums
from torch_keras_lstm.half_precision.rule import HALF, Rule, constant
from torch_keras_lstm.sliding_windows import pad

_Function = Callable[..., Any]
_thread = threading.local()


@contextmanager
def keras_half() -> Iterator[None]:
    """Inside, torch's functions round float16 and bfloat16 where Keras on TensorFlow does, in this thread.

    Tensors of other types are computed as ever.
    """
    if getattr(_thread, "entered", False):
        yield
        return
    _thread.entered = True
    try:
        with _KerasHalf():
            yield
    finally:
        _thread.entered = False


def is_keras_half() -> bool:
    """Whether :func:`keras_half` is entered."""
    return getattr(_thread, "entered", False)


class _KerasHalf(TorchFunctionMode):
    def __torch_function__(
        self, func: _Function, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        instead = _INSTEAD.get(func)
        if instead is None or not any(isinstance(one, Tensor) and one.dtype in HALF for one in args):
            return func(*args, **(kwargs or {}))
        return instead(*args, **(kwargs or {}))


# -- products ---------------------------------------------------------------------------------------------------------


def _in_float32(function: _Function) -> _Function:
    """The function, whose sums are float32, and whose result is rounded once."""

    def rounded(*args: Any, **kwargs: Any) -> Tensor:
        dtype = next(one.dtype for one in args if isinstance(one, Tensor) and one.dtype in HALF)
        single = [one.float() if isinstance(one, Tensor) and one.dtype in HALF else one for one in args]
        result: Tensor = function(*single, **kwargs)
        return result.to(dtype)

    return rounded


def _linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    product: Tensor = _in_float32(F.linear)(inputs, weight)
    return product if bias is None else product + bias


def _convolution(function: _Function, *, transposed: bool = False) -> _Function:
    names = ("padding", "output_padding", "groups", "dilation") if transposed else ("padding", "dilation", "groups")

    def convolve(
        inputs: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, *args: Any, **kwargs: Any
    ) -> Tensor:
        rest = {**dict(zip(names, args, strict=False)), **kwargs}
        product = _rounded_convolution(inputs, weight, stride, rest, transposed)
        if product is None:
            product = _in_float32(function)(inputs, weight, None, stride, **rest)
        return product if bias is None else product + bias.reshape(-1, *(1,) * (weight.ndim - 2))

    return convolve


def _rounded_convolution(
    inputs: Tensor, weight: Tensor, stride: Any, rest: Mapping[str, Any], transposed: bool
) -> Tensor | None:
    """What the kernels give that have float16 sums; ``None`` for the others."""
    rank, groups = weight.ndim - 2, rest.get("groups", 1)
    strides, amounts, dilations = (
        _each_axis(one, rank) for one in (stride, rest.get("padding", 0), rest.get("dilation", 1))
    )
    if inputs.dtype is not torch.float16:
        return None
    plain = groups == 1 and set(dilations) == {1}
    if transposed:
        return products.transposed_convolution(inputs, weight, strides) if plain and not any(amounts) else None
    padded = pad(inputs, [(amount, amount) for amount in amounts])
    if groups > 1 == weight.shape[1]:
        return products.depthwise(padded, weight, strides, dilations)
    return products.convolution_in_space(padded, weight, strides) if plain and rank == 3 else None


def _each_axis(given: Any, rank: int) -> tuple[int, ...]:
    return (given,) * rank if isinstance(given, int) else tuple(given)


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    **_: Any,
) -> Tensor:
    return products.attention(query, key, value, attn_mask, 1 / math.sqrt(key.shape[-1]) if scale is None else scale)


# -- arithmetic with numbers -------------------------------------------------------------------------------------------


def _with_constants(function: _Function) -> _Function:
    """The function, with Python's numbers among its arguments rounded to the type of the tensor beside them."""

    def computed(*args: Any, **kwargs: Any) -> Any:
        dtype = next(one.dtype for one in args if isinstance(one, Tensor) and one.dtype in HALF)
        rounded = [constant(one, dtype) if type(one) is float else one for one in args]
        return function(*rounded, **kwargs)

    return computed


def _leaky_relu(x: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    return F.leaky_relu(x, constant(negative_slope, x.dtype))


def _elu(x: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    found = elementwise.ELU(x)
    return found if alpha == 1 else torch.where(x > 0, found, constant(alpha, x.dtype) * found)


# -- functions of one tensor -------------------------------------------------------------------------------------------


def _plain(rule: Rule) -> _Function:
    def computed(x: Tensor, *_: Any, **__: Any) -> Tensor:
        return rule(x)

    return computed


def _mish(x: Tensor, inplace: bool = False) -> Tensor:
    return x * elementwise.TANH(elementwise.SOFTPLUS(x))


def _glu(x: Tensor, dim: int = -1) -> Tensor:
    first, second = x.chunk(2, dim)
    return first * elementwise.SIGMOID(second)


def _softmax(x: Tensor, dim: int, *_: Any, **__: Any) -> Tensor:
    return sums.softmax(x, dim)


def _log_softmax(x: Tensor, dim: int, *_: Any, **__: Any) -> Tensor:
    return sums.log_softmax(x, dim)


def _reduction(function: _Function, rule: _Function) -> _Function:
    def reduce(x: Tensor, dim: Any = None, keepdim: bool = False, *, axis: Any = None, dtype: Any = None) -> Any:
        dim = dim if axis is None else axis
        return rule(x, dim, keepdim) if dtype in (None, x.dtype) else function(x, dim, keepdim, dtype=dtype)

    return reduce


_INSTEAD: dict[_Function, _Function] = {
    F.linear: _linear,
    torch.einsum: lambda equation, *tensors: _in_float32(partial(torch.einsum, equation))(*tensors),
    F.scaled_dot_product_attention: _attention,
    F.silu: _plain(elementwise.SILU),
    F.softsign: _plain(elementwise.SOFTSIGN),
    F.softplus: _plain(elementwise.SOFTPLUS),
    F.selu: _plain(elementwise.SELU),
    F.elu: _elu,
    F.leaky_relu: _leaky_relu,
    F.mish: _mish,
    F.glu: _glu,
    F.logsigmoid: lambda x: -elementwise.SOFTPLUS(-x),
    F.tanhshrink: lambda x: x - elementwise.TANH(x),
}
for _product in (torch.matmul, torch.bmm, Tensor.matmul, Tensor.bmm, Tensor.__matmul__, torch.mm, Tensor.mm):
    _INSTEAD[_product] = _in_float32(_product)
_INSTEAD |= {one: _convolution(one) for one in (F.conv1d, F.conv2d, F.conv3d)}
_TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
_INSTEAD |= {one: _convolution(one, transposed=True) for one in _TRANSPOSED}
for _owner in (torch, Tensor):
    _INSTEAD |= {
        _owner.sigmoid: _plain(elementwise.SIGMOID),
        _owner.tanh: _plain(elementwise.TANH),
        _owner.erfc: _plain(elementwise.ERFC),
        _owner.rsqrt: _plain(elementwise.RSQRT),
        _owner.softmax: _softmax,
        _owner.log_softmax: _log_softmax,
        _owner.sum: _reduction(torch.sum, sums.sum_along),
        _owner.mean: _reduction(torch.mean, sums.mean_along),
    }
    for _name in ("add", "sub", "mul", "div", "true_divide", "multiply", "subtract", "divide"):
        _INSTEAD[getattr(_owner, _name)] = _with_constants(getattr(_owner, _name))
for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv"):
    _INSTEAD[getattr(Tensor, f"__{_name}__")] = _with_constants(getattr(Tensor, f"__{_name}__"))
