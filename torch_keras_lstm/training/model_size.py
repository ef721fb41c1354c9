"""How many weights a model has, and how much memory they take."""

from typing import Any, NamedTuple

from torch import Tensor

from torch_keras_lstm.structure import flatten


class Size(NamedTuple):
    """Entries, and the bytes that they take."""

    entries: int
    bytes: int

    def __add__(self, other: Any) -> "Size":
        return Size(self.entries + other.entries, self.bytes + other.bytes)


def sizes(model: Any) -> dict[str, Size]:
    """Total, trainable and other weights, counted as Keras counts them, and the optimizer's state once there is one."""
    trainable, other = Size(0, 0), Size(0, 0)
    for layer in model.weighted_layers():
        for row, tensor in layer.own_weights() if layer.has_weights() else ():
            if row.trainable and tensor.requires_grad:
                trainable += _size(tensor)
            else:
                other += _size(tensor)
    parts = {"Trainable": trainable, "Non-trainable": other}
    if model.optimizer is not None and model.optimizer.built:
        parts["Optimizer"] = _optimizer_size(model.optimizer)
    return {"Total": sum(parts.values(), start=Size(0, 0)), **parts}


def _size(tensor: Tensor) -> Size:
    return Size(tensor.numel(), tensor.numel() * tensor.element_size())


def _optimizer_size(optimizer: Any) -> Size:
    """Its tensors, and the counter of the steps and the learning rate, which Keras keeps as variables too."""
    state = optimizer.state_dict()
    numbers = [
        Size(1, 8 if isinstance(value, int) else 4) for value in state.values() if isinstance(value, int | float)
    ]
    tensors = [_size(leaf) for leaf in flatten(state) if isinstance(leaf, Tensor)]
    return sum([*numbers, *tensors], start=Size(0, 0))
