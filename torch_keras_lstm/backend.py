"""``keras.backend``: the settings, and the functions of tensors that scripts of Keras 1 and 2 call on it.

They take torch's tensors and the symbolic tensors of the functional API. Names and arguments are those of
``tf.keras.backend``; what is computed is :mod:`torch_keras_lstm.ops`.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm import activations, ops
from torch_keras_lstm.layers import Dot, dtypes, naming
from torch_keras_lstm.losses.targets import EPSILON
from torch_keras_lstm.operations import tensors
from torch_keras_lstm.registry import close_match

# of `ops` under the same name, with the same arguments
_OPERATIONS = (
    "abs", "all", "any", "cast", "cos", "cumprod", "cumsum", "dot", "elu", "equal",
    "exp", "greater", "greater_equal", "less", "less_equal", "log", "max", "maximum", "mean", "min",
    "minimum", "not_equal", "ones_like", "prod", "reshape", "round", "shape", "sigmoid", "sign", "sin", "softmax",
    "softplus", "softsign", "sqrt", "square", "squeeze", "stack", "std", "stop_gradient", "sum", "tanh", "tile",
    "transpose", "var", "zeros_like",
)  # fmt: skip
_Axis = int | Sequence[int] | None


clear_session = naming.clear_session


def backend() -> str:
    """Which library computes."""
    return "torch"


def floatx() -> str:
    """The type of layers that are given none: torch's default type."""
    return dtypes.name(torch.get_default_dtype())


def set_floatx(value: str) -> None:
    """Make ``value`` torch's default type.

    Raises:
        ValueError: unless it is "float16", "bfloat16", "float32" or "float64".
    """
    torch.set_default_dtype(dtypes.get(value))


def epsilon() -> float:
    """The small number that Keras adds lest something is 0."""
    return EPSILON


def image_data_format() -> str:
    """Where the channels of images are."""
    return "channels_last"


def is_float_dtype(dtype: Any) -> bool:
    """Whether a type is one of floating-point numbers."""
    return dtypes.any_type(dtype).is_floating_point


def is_int_dtype(dtype: Any) -> bool:
    """Whether a type is one of integers."""
    kind = dtypes.any_type(dtype)
    return not (kind.is_floating_point or kind.is_complex or kind is torch.bool)


def result_type(*given: Any) -> str:
    """The type in which Keras computes with tensors and numbers of these types."""
    python = {"int": int, "float": float}
    kinds = [python.get(one) or dtypes.any_type(one) if isinstance(one, str) else one for one in given]
    return str(tensors.result_type(*kinds)).removeprefix("torch.")


def get_uid(prefix: str = "") -> int:
    """How many times this was asked of ``prefix`` since ``clear_session()``, from 1."""
    return naming.uid(prefix)


def cast_to_floatx(x: Any) -> np.ndarray[Any, Any] | Tensor:
    """``x`` in the type of :func:`floatx`, as an array unless it is a tensor."""
    return x.to(torch.get_default_dtype()) if isinstance(x, Tensor) else np.asarray(x, floatx())


def get_value(x: Any) -> Any:
    """The numbers of a tensor or parameter as an array."""
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else x


def set_value(x: Any, value: Any) -> None:
    """Put other numbers into a tensor or parameter.

    Raises:
        AttributeError: for a learning rate, which is a number: set ``optimizer.learning_rate``.
    """
    if not isinstance(x, Tensor):
        raise AttributeError(
            f"`set_value` changes tensors, not {x!r}: write `model.optimizer.learning_rate = {value!r}` for a rate."
        )
    with torch.no_grad():
        x.copy_(torch.as_tensor(value))


def variable(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A parameter; ``name`` is taken for Keras' sake."""
    return torch.nn.Parameter(constant(value, dtype))


def constant(value: Any, dtype: Any = None, shape: Sequence[int] | None = None, name: str | None = None) -> Tensor:
    """A tensor of :func:`floatx`; with ``shape`` one that is full of the number ``value``."""
    tensor = torch.as_tensor(value).to(dtypes.get(dtype))
    return tensor if shape is None else tensor.expand(*shape).clone()


def int_shape(x: Any) -> tuple[int | None, ...]:
    """The shape, with ``None`` where it is free."""
    return tuple(x.shape)


def ndim(x: Any) -> int:
    """The number of axes."""
    return len(x.shape)


def batch_dot(x: Any, y: Any, axes: int | Sequence[int] | None = None) -> Any:
    """The products of each sample: sums over an axis of ``x`` and one of ``y``, counted with that of the batch.

    Without ``axes`` they are the last of ``x`` and the last but one of ``y``.
    """
    if axes is None:
        axes = (ndim(x) - 1, max(ndim(y) - 2, 1))
    return Dot(axes if isinstance(axes, int) else tuple(axes), dtype=dtypes.name(x.dtype))([x, y])


def argmax(x: Any, axis: int = -1) -> Any:
    """Where along ``axis`` the largest number is."""
    return ops.argmax(x, axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Where along ``axis`` the smallest number is."""
    return ops.argmin(x, axis=axis)


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Any:
    """Tensors behind one another."""
    return ops.concatenate(tensors, axis=axis)


def hard_sigmoid(x: Any) -> Any:
    """``0.2 * x + 0.5`` from 0 to 1, as before Keras 3, which has another one in ``activations``."""
    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Any:
    """The axes in the order of ``pattern``."""
    return ops.transpose(x, axes=tuple(pattern))


def reverse(x: Any, axes: _Axis) -> Any:
    """Backwards along some axes."""
    return ops.flip(x, axis=axes)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """With another axis of size 1."""
    return ops.expand_dims(x, axis=axis)


def flatten(x: Any) -> Any:
    """With one axis."""
    return ops.reshape(x, (-1,))


def repeat(x: Any, n: int) -> Any:
    """(batch, features) -> (batch, n, features)."""
    return ops.repeat(ops.expand_dims(x, axis=1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Every entry along ``axis`` ``rep`` times."""
    return ops.repeat(x, rep, axis=axis)


def clip(x: Any, min_value: float, max_value: float) -> Any:
    """Numbers moved into the interval."""
    return ops.clip(x, min_value, max_value)


def pow(x: Any, a: float) -> Any:  # Keras' name
    """``x ** a``."""
    return ops.power(x, a)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """``x`` above ``threshold``, up to ``max_value``, and ``alpha * (x - threshold)`` below."""
    return activations.relu(x, negative_slope=alpha, max_value=max_value, threshold=threshold)


def l2_normalize(x: Any, axis: _Axis = None) -> Any:
    """``x`` over its norm, whose square is at least 1e-12."""
    squared = ops.sum(ops.square(x), axis=axis, keepdims=True)
    return x / ops.sqrt(ops.maximum(squared, 1e-12))


def one_hot(indices: Any, num_classes: int) -> Any:
    """0 and 1 (*shape, ``num_classes``)."""
    return ops.one_hot(indices, num_classes)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """The first where the condition holds, otherwise the second; both are computed, or called if they can be."""
    then, otherwise = (one() if callable(one) else one for one in (then_expression, else_expression))
    missing = ndim(then) - ndim(condition)
    return ops.where(ops.reshape(condition, (*int_shape(condition), *(1,) * missing)), then, otherwise)


# where names of Keras' backend stand that are not operations
_ELSEWHERE = {
    "is_keras_tensor": "torch_keras_lstm.utils",
    "set_epsilon": "torch_keras_lstm.config",
    "set_image_data_format": "torch_keras_lstm.config",
    "standardize_dtype": "torch_keras_lstm.utils",
}


def __getattr__(name: str) -> Callable[..., Any]:
    if name in _ELSEWHERE:
        elsewhere: Callable[..., Any] = getattr(importlib.import_module(_ELSEWHERE[name]), name)
        return elsewhere
    if name not in _OPERATIONS:
        raise AttributeError(f"`torch_keras_lstm.backend` has no {name!r}. {close_match(name, __dir__())}")
    function: Callable[..., Any] = getattr(ops, name)
    return function


def __dir__() -> list[str]:
    own = [name for name, value in globals().items() if callable(value) and value.__module__ == __name__]
    return sorted({*own, *_OPERATIONS, *_ELSEWHERE} - {"__getattr__", "__dir__"})
