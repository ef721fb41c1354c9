"""What an optimizer trains: the parameters by the names and in the order of Keras' weights."""

from collections.abc import Iterator

from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.weight import UnbuiltParameter
from torch_keras_lstm.optimizers.trained_weight import TrainedWeight, of_row


def trainable_weights(model: nn.Module) -> list[TrainedWeight]:
    """Each weight that takes a gradient, once; of one of which parts are frozen, the other parts."""
    found = {id(one.parameters[0]): one for one in reversed([*_weights(model)])}
    return [*reversed(found.values())]


def _is_trained(tensor: Tensor) -> bool:
    """Whether a parameter takes gradients; one of a layer that was never called has no shape yet."""
    return tensor.requires_grad and not isinstance(tensor, UnbuiltParameter)


def _weights(model: nn.Module) -> Iterator[TrainedWeight]:
    for path, module in model.named_modules():
        own = dict(module.named_parameters(recurse=False))
        for row in module._rows if isinstance(module, Layer) else ():
            held = [own.pop(attribute) for attribute in row.parameters if attribute in own]
            name = f"{path}.{row.name}".lstrip(".")
            if len(held) == len(row.parameters) and all(map(_is_trained, held)):
                yield of_row(name, row, tuple(held), module._weight_path(row.name))
            else:
                yield from (TrainedWeight(name, (tensor,)) for tensor in held if _is_trained(tensor))
        for attribute, tensor in own.items():
            if _is_trained(tensor):
                yield TrainedWeight(f"{path}.{attribute}".lstrip("."), (tensor,))
