"""A call of a layer with other values for its variables, which stay as they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

from torch_keras_lstm.layers.base_layer import BaseLayer
from torch_keras_lstm.layers.variable import Variable
from torch_keras_lstm.layers.weight_view import WeightView


def stateless_call(
    layer: BaseLayer,
    trainable: Sequence[Any],
    others: Sequence[Any],
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    return_losses: bool,
) -> tuple[Any, ...]:
    """As :meth:`Layer.stateless_call`."""
    if not layer.built:
        raise ValueError(f"Layer `{layer.name}` is not built: call it once before `stateless_call`.")
    given: dict[str, Tensor] = {}
    names = {id(tensor): name for name, tensor in [*layer.named_parameters(), *layer.named_buffers()]}
    state = [(layer.trainable_variables, trainable, "trainable"), (layer.non_trainable_variables, others, "other")]
    for variables, values, what in state:
        if len(variables) != len(values):
            raise ValueError(
                f"Layer `{layer.name}` has {len(variables)} {what} variables, but {len(values)} values were given."
            )
        for variable, value in zip(variables, values, strict=True):
            given |= {names[held]: tensor for held, tensor in _parts(variable, value)}
    # Buffers are written in place: what is not given is copied, lest the layer changes.
    buffers = {name: tensor.clone() for name, tensor in layer.named_buffers() if name not in given}
    results: dict[str, Any] = {}
    # Which they are is asked now: the values that stand for the others during the call may take no gradients.
    rows = [(one, row) for one in layer.weighted_layers() for row in one._rows if one._is_made(row)]
    kept = [pair for pair in rows if not (layer.trainable and pair[0]._as_variable(pair[1]).trainable)]

    def call() -> Any:
        outputs = layer(*args, **kwargs)
        results["losses"] = layer.losses
        results["others"] = [tensor.detach().clone() for one, row in kept for _, tensor in one.own_weights([row])]
        return outputs

    outputs = functional_call(
        _Calling(layer, call), {f"layer.{name}": one for name, one in {**buffers, **given}.items()}, ()
    )
    return (outputs, results["others"], results["losses"]) if return_losses else (outputs, results["others"])


class _Calling(torch.nn.Module):
    """A module whose call is any function of a layer inside it."""

    def __init__(self, layer: BaseLayer, call: Any) -> None:
        super().__init__()
        self.layer = layer
        self._call = call

    def forward(self) -> Any:
        return self._call()


def _parts(variable: Variable, value: Any) -> list[tuple[int, Tensor]]:
    """The tensors that hold a variable, by identity, and what each holds of ``value``."""
    tensor = torch.as_tensor(value, dtype=variable.dtype, device=variable.device)
    tensor = tensor if tensor.requires_grad else tensor.clone()
    if not isinstance(variable, WeightView):
        return [(id(variable), tensor)]
    parts = variable._row.to_torch(tensor)
    return [(id(held), part) for held, part in zip(variable.parameters, parts.values(), strict=True)]
