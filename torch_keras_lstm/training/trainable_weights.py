"""What an optimizer trains: the parameters by the names and in the order of Keras' weights."""

from collections.abc import Iterator

from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.weight import UnbuiltParameter


def trainable_weights(model: nn.Module) -> list[tuple[str, Tensor]]:
    """Each parameter that takes a gradient, once; the parts of one weight of Keras' have one name."""
    found = {id(tensor): (name, tensor) for name, tensor in reversed([*_named(model)]) if _is_trained(tensor)}
    return [*reversed(found.values())]


def _is_trained(tensor: Tensor) -> bool:
    """Whether a parameter takes gradients; one of a layer that was never called has no shape yet."""
    return tensor.requires_grad and not isinstance(tensor, UnbuiltParameter)


def _named(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        for row in module._rows if isinstance(module, Layer) else ():
            for attribute in row.parameters:
                if attribute in own:
                    yield f"{path}.{row.name}".lstrip("."), own.pop(attribute)
        for attribute, tensor in own.items():
            yield f"{path}.{attribute}".lstrip("."), tensor
