"""From ``torch.nn.LSTM``, ``GRU`` and ``RNN`` to layers, and back: one layer and direction of theirs is one of ours."""

import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from torch_keras_lstm.recurrence.backends.base import Backend
from torch_keras_lstm.recurrence.dispatch import torch_kernels_of


class _RunsCell(Protocol):
    """What of an LSTM, GRU or SimpleRNN layer says which module of torch's it is, and with which weights."""

    name: str
    units: int
    use_bias: bool
    go_backwards: bool

    @property
    def backends(self) -> Sequence[Backend]: ...
    @property
    def parameter_names(self) -> Sequence[str]: ...
    @property
    def built(self) -> bool: ...
    @property
    def input_size(self) -> int | None: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def _dtype(self) -> torch.dtype: ...
    def why_not_fused(self, training: bool) -> str | None: ...
    def sequence_options(self) -> Any: ...


# torch's class by the name of the layer's
TORCH_CLASSES: dict[str, Any] = {"LSTM": nn.LSTM, "GRU": nn.GRU, "SimpleRNN": nn.RNN}


def layer_name(rnn: nn.RNNBase) -> str:
    """The name of the layer's class that computes what a module of torch's does.

    Raises:
        TypeError: when there is none.
    """
    for name, torch_class in TORCH_CLASSES.items():
        if isinstance(rnn, torch_class):
            return name
    known = ", ".join(f"torch.nn.{one.__name__}" for one in TORCH_CLASSES.values())
    raise TypeError(f"`from_torch` takes a {known}, got {rnn!r:.100}.")


def check_single(rnn: nn.RNNBase, directions: int, caller: str) -> None:
    """Raise a ``ValueError`` that says what to call unless ``rnn`` has one layer, ``directions`` and no projection."""
    if rnn.num_layers == 1 and rnn.bidirectional == (directions == 2) and not rnn.proj_size:
        return
    kind = "one layer and one direction" if directions == 1 else "one layer and two directions"
    hint = ""
    if not rnn.proj_size:
        whole = "Sequential" if rnn.num_layers > 1 else "Bidirectional" if rnn.bidirectional else layer_name(rnn)
        hint = f" `{whole}.from_torch(...)` takes this one."
    raise ValueError(
        f"`{caller}.from_torch` takes a torch.nn.{type(rnn).__name__} of {kind} without projection, got "
        f"num_layers={rnn.num_layers}, bidirectional={rnn.bidirectional}, proj_size={rnn.proj_size}.{hint}"
    )


def warn_of_batch_axis(rnn: nn.RNNBase) -> None:
    """Say what changes for a module whose inputs are (time, batch, features)."""
    if not rnn.batch_first:
        warnings.warn(
            f"The torch.nn.{type(rnn).__name__} is `batch_first=False` and takes (time, batch, features): what "
            "`from_torch` makes of it takes and returns (batch, time, features), so pass `inputs.transpose(0, 1)`. Its "
            "states are (batch, units), without torch's first axis.",
            stacklevel=3,
        )


def arguments_of(rnn: nn.RNNBase, layer: int = 0) -> dict[str, Any]:
    """The arguments of a layer that computes one layer and direction of ``rnn``."""
    directions = 2 if rnn.bidirectional else 1
    given: dict[str, Any] = {
        "units": rnn.hidden_size,
        "input_size": rnn.hidden_size * directions if layer else rnn.input_size,
        "use_bias": rnn.bias,
        "return_sequences": True,
        "dtype": next(rnn.parameters()).dtype,
    }
    if isinstance(rnn, nn.RNN):
        given["activation"] = rnn.nonlinearity
    return given


def state_of(rnn: nn.RNNBase, layer: int = 0, *, backwards: bool = False) -> dict[str, Tensor]:
    """The part of the module's ``state_dict`` that is a single layer's and direction's, under that layer's names."""
    ending = f"_l{layer}" + ("_reverse" if backwards else "")
    return {
        name.removesuffix(ending) + "_l0": tensor for name, tensor in rnn.state_dict().items() if name.endswith(ending)
    }


def take_from(layer: _RunsCell, state: dict[str, Tensor], number: int = 0, *, backwards: bool = False) -> None:
    """Put a layer's weights into the ``state`` of a module of torch's, as those of its layer of that ``number``."""
    ending = f"_l{number}" + ("_reverse" if backwards else "")
    for name in layer.parameter_names if layer.use_bias else layer.parameter_names[:2]:
        state[name.removesuffix("_l0") + ending] = getattr(layer, name)


def check_torch_computes(layer: _RunsCell, *, backwards: bool = False) -> None:
    """Raise a ``ValueError`` unless the layer is built and a module of torch's computes the same.

    Args:
        backwards: whether it is the half that runs backwards.
    """
    if not layer.built:
        raise ValueError(f"Layer `{layer.name}` has no weights yet: call it once, or `build(input_shape)`, first.")
    theirs = f"torch.nn.{TORCH_CLASSES[_kind(layer)].__name__}"
    reason = layer.why_not_fused(training=False)
    if layer.go_backwards != backwards:
        reason = f"{theirs} has no `go_backwards`: flip the inputs in time"
    if reason is not None:
        raise ValueError(f"Layer `{layer.name}` cannot become a {theirs}: {reason}.")


def _kind(layer: _RunsCell) -> str:
    return next(one.__name__ for one in type(layer).__mro__ if one.__name__ in TORCH_CLASSES)


def module_for(layer: _RunsCell, **arguments: Any) -> Any:
    """A module of torch's of the sizes of ``layer``, whose weights are still to be put in."""
    if _kind(layer) == "SimpleRNN":
        mode = torch_kernels_of(layer.backends).mode(layer.sequence_options())
        arguments["nonlinearity"] = "relu" if mode == "RNN_RELU" else "tanh"
    return TORCH_CLASSES[_kind(layer)](
        layer.input_size,
        layer.units,
        bias=layer.use_bias,
        batch_first=True,
        dtype=layer._dtype,
        device=layer.device,
        **arguments,
    )
