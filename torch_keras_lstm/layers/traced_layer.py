"""A layer among modules that torch traces or scripts: ``torch.jit.trace``, ``torch.fx``, ``torch.jit.script``."""

import warnings
from collections.abc import Mapping
from typing import Any, NoReturn

from torch.fx import Proxy
from torch.jit import TracerWarning  # type: ignore[attr-defined]  # torch documents it, and does not list it

from torch_keras_lstm.layers.symbolic_layer import SymbolicLayer


class TracedLayer(SymbolicLayer):
    """What a layer is to such a tool."""

    def _slow_forward(self, *args: Any, **kwargs: Any) -> Any:
        """What torch calls in the place of ``forward`` in ``torch.jit.trace``.

        It warns of every size that is looked at; here only checks of arguments do, of which nothing remains.
        """
        if self._may_hold_own:
            return super()._slow_forward(*args, **kwargs)  # type: ignore[no-untyped-call]  # torch has not annotated it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", TracerWarning)
            return super()._slow_forward(*args, **kwargs)  # type: ignore[no-untyped-call]  # as above

    def node_of_fx(self, traced: Proxy, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Proxy:
        """The layer as one node of the graph that ``torch.fx`` makes, as each module of torch's is."""
        tracer: Any = traced.tracer
        node: Proxy = tracer.create_proxy("call_module", tracer.path_of_module(self), args, dict(kwargs))
        return node

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse ``torch.jit.script``, which asks for this before it reads the source of a module.

        Raises:
            TypeError: always; it says what to do.
        """
        raise TypeError(
            f"Layer `{self.name}` ({type(self).__name__}) cannot be scripted, but traced: `torch.jit.trace(layer, "
            "example)` takes any batch, length and mask afterwards, and a module around it can be scripted then."
        )


def traced_by_fx(inputs: Any) -> Proxy | None:
    """What stands for a tensor in ``inputs``, one or several, while ``torch.fx`` traces a module around a layer."""
    if isinstance(inputs, list | tuple):
        inputs = next(iter(inputs), None)
    return inputs if isinstance(inputs, Proxy) else None
