"""Several callbacks as one."""

from collections.abc import Callable, Iterable
from typing import Any

from torch_keras_lstm.callbacks.callback import Callback, Logs
from torch_keras_lstm.callbacks.history import History
from torch_keras_lstm.callbacks.progbar_logger import ProgbarLogger
from torch_keras_lstm.callbacks.trained_model import TrainedModel


class CallbackList:
    """Calls callbacks in turn: the user's, then the history, then the progress line, as in Keras.

    Args:
        callbacks: the user's: one, or any number of them.
        model: what they get as ``model``.
        add_history: put a ``History`` behind them, unless there is one.
        add_progbar: put a ``ProgbarLogger`` behind them, unless there is one.
        params: what they get as ``params``.

    Raises:
        TypeError: when one of ``callbacks`` is not a callback.

    Example:
        >>> callbacks = CallbackList(LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)))
        >>> callbacks.at_epoch("epoch_end", 0, {"loss": 0.5})
        0 {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        model: TrainedModel | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        **params: Any,
    ) -> None:
        given = [callbacks] if isinstance(callbacks, Callback) else list(callbacks or [])
        for callback in given:
            if not isinstance(callback, Callback):
                raise TypeError(f"`callbacks` takes objects derived from `Callback`, got {callback!r}.")
        if add_history and not any(isinstance(callback, History) for callback in given):
            given.append(History())
        if add_progbar and not any(isinstance(callback, ProgbarLogger) for callback in given):
            given.append(ProgbarLogger())
        self.callbacks: list[Callback] = given
        self.params = params
        for callback in given:
            if model is not None:
                callback.set_model(model)
            callback.set_params(params)
        self._at_batch: dict[str, list[Callback]] = {}

    @property
    def history(self) -> History | None:
        """The ``History`` among the callbacks."""
        return next((callback for callback in self.callbacks if isinstance(callback, History)), None)

    def at(self, hook: str, logs: Logs | None = None) -> None:
        """Call ``on_{hook}`` of each: ``train_begin``, ``test_end`` and the like."""
        for callback in self.callbacks:
            getattr(callback, f"on_{hook}")(logs)

    def at_epoch(self, hook: str, epoch: int, logs: Logs) -> None:
        """Call ``on_epoch_begin`` or ``on_epoch_end``; the callbacks share ``logs``."""
        for callback in self.callbacks:
            getattr(callback, f"on_{hook}")(epoch, logs)

    def at_batch(self, hook: str, batch: int, logs: Callable[[], Logs] | None = None) -> None:
        """Call ``on_{hook}`` of those that define it; ``logs`` is called when one of them reads what it gives."""
        if hook not in self._at_batch:
            self._at_batch[hook] = [callback for callback in self.callbacks if _defines(callback, hook)]
        computed: Logs | None = None if logs else {}
        for callback in self._at_batch[hook]:
            if logs is None or callback.needs_batch_logs(batch):
                if computed is None and logs is not None:
                    computed = logs()
                getattr(callback, f"on_{hook}")(batch, logs=computed)


def _defines(callback: Callback, hook: str) -> bool:
    """Whether the method is more than that of the base class, be it in the class or on the object."""
    names = [f"on_{hook}"]
    if hook.startswith("train_"):
        names.append(f"on_{hook.removeprefix('train_')}")
    return any(getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name) for name in names)
