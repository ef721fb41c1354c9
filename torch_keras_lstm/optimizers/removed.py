"""``keras.optimizers.legacy``: names of Keras 2 that Keras 3 has to say that they are gone."""

from typing import Any


class _Gone:
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise ImportError(
            f"`optimizers.legacy.{type(self).__name__}` went with Keras 2, in Keras 3 as here: write "
            f"`optimizers.{type(self).__name__}`."
        )


class Adagrad(_Gone):
    """See :class:`torch_keras_lstm.optimizers.Adagrad`."""


class Adam(_Gone):
    """See :class:`torch_keras_lstm.optimizers.Adam`."""


class Ftrl(_Gone):
    """See :class:`torch_keras_lstm.optimizers.Ftrl`."""


class Optimizer(_Gone):
    """See :class:`torch_keras_lstm.optimizers.Optimizer`."""


class RMSprop(_Gone):
    """See :class:`torch_keras_lstm.optimizers.RMSprop`."""


class SGD(_Gone):
    """See :class:`torch_keras_lstm.optimizers.SGD`."""
