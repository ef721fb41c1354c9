"""Which layer of a model a runtime's exporter cannot write, where its error does not tell."""

import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.models.export import Call
from torch_keras_lstm.structure import leaves


class _Alone(nn.Module):
    """A layer as it was called, for one argument: all that it was given.

    Args:
        layer: to be called.
        given: by position.
        keywords: by name.
    """

    def __init__(self, layer: Layer, given: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        super().__init__()
        self.layer = layer
        self.names = [name for name, one in keywords.items() if isinstance(one, Tensor)]
        self.constants = {name: one for name, one in keywords.items() if name not in self.names}
        self.example = (*given, *(keywords[name] for name in self.names))

    def forward(self, given: Sequence[Any]) -> Any:
        first = len(given) - len(self.names)
        return self.layer(*given[:first], **dict(zip(self.names, given[first:], strict=True)), **self.constants)


def layer_that_fails(
    model: nn.Module, example: Any, export: Callable[[nn.Module, tuple[Any, ...]], None]
) -> Layer | None:
    """The first layer that cannot be exported by itself, of those that the model calls; ``None`` for none of them.

    Args:
        model: that cannot be exported.
        example: what it is called with, as of :func:`torch_keras_lstm.export`.
        export: tries it with a module and what that is called with.
    """
    call = Call.of(model, example)
    calls: list[tuple[Layer, tuple[Any, ...], dict[str, Any]]] = []
    handles = [
        layer.register_forward_pre_hook(
            lambda layer, given, keywords: calls.append((layer, given, keywords)), with_kwargs=True
        )
        for layer in _called(call.model)
    ]
    try:
        with torch.no_grad():
            call.model(*call.arguments)
    finally:
        for handle in handles:
            handle.remove()
    for layer, given, keywords in calls:
        if not any(True for _ in leaves(Tensor, given)):
            continue
        alone = _Alone(copy.deepcopy(layer), given, keywords)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the exporter has given them
                export(alone, (alone.example,))
        except Exception:
            return layer
    return None


def _called(model: nn.Module) -> list[Layer]:
    """The outermost layers in a model and in the models in it."""
    found: list[Layer] = []
    for child in model.children():
        if isinstance(child, Layer) and not hasattr(child, "layers"):
            found.append(child)
        else:
            found += _called(child)
    return found
