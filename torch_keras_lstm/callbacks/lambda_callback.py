"""A callback of functions."""

from collections.abc import Callable
from typing import Any

from torch_keras_lstm.callbacks.callback import Callback
from torch_keras_lstm.registry import close_match


class LambdaCallback(Callback):
    """Calls the functions given: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``.

    Args:
        hooks: functions by the names of the methods of ``Callback``, with the arguments of these; what has another name
            becomes an attribute, as in Keras.

    Raises:
        TypeError: for a name in ``on_`` that is no such method.

    Example:
        >>> model = Sequential([Input((1,)), layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x = y = np.ones((8, 1))
        >>> say = LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
        >>> history = model.fit(x, y, epochs=2, callbacks=[say], verbose=0)
        epoch 0
        epoch 1
    """

    def __init__(self, **hooks: Callable[..., Any] | None) -> None:
        super().__init__()
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in hooks.items():
            if name.startswith("on_") and name not in known:
                raise TypeError(f"`LambdaCallback` has no argument {name!r}. {close_match(name, known)}")
            if function is not None:
                setattr(self, name, function)
