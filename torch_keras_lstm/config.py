"""``keras.config``: settings of the whole session. Where there is one way only, another one is refused in words."""

from torch_keras_lstm import backend as _backend
from torch_keras_lstm.console import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from torch_keras_lstm.dtype_policies import DTypePolicy, dtype_policy, set_dtype_policy
from torch_keras_lstm.lazily import lazily

__all__ = [
    "DTypePolicy",
    "backend",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_interactive_logging_enabled",
    "is_traceback_filtering_enabled",
    "set_backend",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]

_FLASH = "`torch.backends.cuda.enable_flash_sdp` switches it, and `is_flash_attention_available` tells"
_LESS = "pass `epochs` and `steps_per_epoch` to `fit`"

__getattr__ = lazily(
    __name__,
    {},
    {
        **dict.fromkeys(("disable_flash_attention", "enable_flash_attention", "is_flash_attention_enabled"), _FLASH),
        **dict.fromkeys(("max_epochs", "max_steps_per_epoch", "set_max_epochs", "set_max_steps_per_epoch"), _LESS),
        "is_nnx_enabled": "it is about JAX",
    },
)

backend = _backend.backend
epsilon = _backend.epsilon
floatx = _backend.floatx
image_data_format = _backend.image_data_format
set_floatx = _backend.set_floatx


def set_backend(backend: str) -> None:
    """Nothing for "torch".

    Raises:
        ValueError: for any other.
    """
    if backend != "torch":
        raise ValueError(f"torch_keras_lstm computes by torch: there is no backend {backend!r}.")


def set_epsilon(value: float) -> None:
    """Nothing for the value that it has.

    Raises:
        ValueError: for any other: it is part of the numbers of losses, metrics and layers.
    """
    if value != epsilon():
        raise ValueError(
            f"The small number that losses and layers add is {epsilon()}, as in Keras, and cannot be {value!r}: pass "
            "`epsilon=` to the layers that take it."
        )


def set_image_data_format(data_format: str) -> None:
    """Nothing for "channels_last".

    Raises:
        ValueError: for any other: layers are given ``data_format="channels_first"`` each.
    """
    if data_format != "channels_last":
        raise ValueError(
            f"Layers take images as 'channels_last' unless they are told otherwise, got {data_format!r}: pass "
            "`data_format='channels_first'` to each of them."
        )


def enable_unsafe_deserialization() -> None:
    """There is no such thing.

    Raises:
        ValueError: always: the code in a file is never run.
    """
    raise ValueError(
        "torch_keras_lstm never runs code that a file holds: give the functions of Lambdas as `custom_objects`, by the "
        "names of their layers."
    )


def enable_traceback_filtering() -> None:
    """Nothing: tracebacks are as Python makes them, without a filter."""


def disable_traceback_filtering() -> None:
    """Nothing, as there is no filter."""


def is_traceback_filtering_enabled() -> bool:
    """Never."""
    return False
