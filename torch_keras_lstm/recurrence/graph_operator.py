"""The whole sequence as one operator, which ``torch.compile`` and ``torch.export`` keep as it is.

Traced as it stands, the step loop would be written out for the number of steps at hand, and torch takes its own
``torch.lstm`` apart in the same way. An operator that neither looks into stays one node for every length of time, and
in it the paths run as they run without a graph, with masks that can be looked at. Its backward is an operator too, so
that a compiled training step is two nodes. Without a graph it would only cost a detour; nothing calls it there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.recurrence.autograd import Record, StepBackend, run_and_keep, run_from
from torch_keras_lstm.recurrence.backends.base import Request, Trace
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS
from torch_keras_lstm.recurrence.backends.torch_kernels import lstm_fused
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS, select
from torch_keras_lstm.recurrence.options import Activation, LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState

# What the operator takes: tensors, those of a state, of weights, and of options, and what else a graph can hold of
# options, activations by their names; then the path, "fused" or "loop", and whether to return what the way back needs,
# or it runs the steps once more. The options' part goes by their fields.
_OPTION_TENSORS = tuple(field.name for field in fields(SequenceOptions) if field.type == Tensor | None)
_OPTION_SETTINGS = {
    field.name: "str" if field.type == Activation else field.type.__name__  # type: ignore[union-attr]
    for field in fields(SequenceOptions)
    if field.name not in _OPTION_TENSORS
}
_TENSORS = ("inputs", *LSTMState._fields, *LSTMWeights._fields, "mask", *_OPTION_TENSORS)
_OPTIONAL = {name for name, default in LSTMWeights._field_defaults.items() if default is None} | {
    "mask",
    *_OPTION_TENSORS,
}
_SETTINGS = {**_OPTION_SETTINGS, "path": "str", "keep": "bool"}

_ARGUMENTS = ", ".join(
    (
        *(f"Tensor{'?' if name in _OPTIONAL else ''} {name}" for name in _TENSORS),
        *(f"{kind} {name}" for name, kind in _SETTINGS.items()),
    )
)
# The final state is two empty tensors without `return_state`, and what is kept are three without `keep`. The backward
# takes the gradients of the three results, whether each tensor needs one, and what was kept, and returns those needed.
_FORWARD = f"lstm({_ARGUMENTS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
_BACKWARD = (
    "lstm_backward(Tensor? d_output, Tensor? d_hidden, Tensor? d_cell, bool[] needed, "
    f"Tensor gates, Tensor cells, Tensor hidden_states, {_ARGUMENTS}) -> Tensor[]"
)
_LIBRARY = torch.library.Library("torch_keras_lstm", "FRAGMENT")
_LIBRARY.define(_FORWARD, tags=(torch.Tag.pt2_compliant_tag,))
_LIBRARY.define(_BACKWARD, tags=(torch.Tag.pt2_compliant_tag,))


class Call(NamedTuple):
    """What the operator was called with.

    Attributes:
        tensors: in the order of the schema.
        settings: by their names.
    """

    tensors: tuple[Tensor | None, ...]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, arguments: Sequence[Any]) -> "Call":
        """As they come."""
        count = len(_TENSORS)
        return cls(tuple(arguments[:count]), dict(zip(_SETTINGS, arguments[count:], strict=True)))

    @property
    def named(self) -> dict[str, Any]:
        """The tensors by their names."""
        return dict(zip(_TENSORS, self.tensors, strict=True))

    def with_tensors(self, chosen: Sequence[bool], others: Sequence[Tensor]) -> "Call":
        """The same with ``others`` in the places of the tensors that are ``chosen``."""
        following = iter(others)
        mixed = (next(following) if here else tensor for tensor, here in zip(self.tensors, chosen, strict=True))
        return self._replace(tensors=tuple(mixed))

    def run(self, record: Record | None = None) -> tuple[Tensor, ...]:
        """The path's results: the output, and the final state if it is asked for.

        Args:
            record: as :meth:`StepBackend.run` takes it, where the path is the loop.
        """
        tensors, settings = self.named, self.settings
        given: dict[str, Any] = {name: tensors[name] for name in _OPTION_TENSORS}
        for name, kind in _OPTION_SETTINGS.items():
            given[name] = activations.get(settings[name]) if kind == "str" else settings[name]
        options = SequenceOptions(**given)
        state = LSTMState(*(tensors[name] for name in LSTMState._fields))
        weights = LSTMWeights(*(tensors[name] for name in LSTMWeights._fields))
        run = (tensors["inputs"], state, weights, tensors["mask"], options)
        if settings["path"] == "fused":
            output, final = lstm_fused(*run)
            return output, *(final or ())
        backend = select(LSTM_BACKENDS, Request.of(*run, use_cudnn=False))
        if record is not None:
            assert isinstance(backend, StepBackend), "`_can_keep` asked for one that keeps what it leaves"
            output, final = backend.run(*run, record)
        else:
            output, final = backend.run(*run)
        return output, *(final or ())


_NAMES: Mapping[Activation, str] = {
    **{function: name for name, function in activations.named().items()},
    torch.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.relu: "relu",
}


def can_be_one_node(options: SequenceOptions) -> bool:
    """Whether the activations are known by name; a graph cannot hold a function of somebody's own."""
    return options.activation in _NAMES and options.recurrent_activation in _NAMES


def lstm_as_one_node(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions, path: str
) -> tuple[Tensor, LSTMState | None]:
    """Put the run into the graph that is being traced.

    Args and returns: as :meth:`Backend.run`, where :func:`can_be_one_node`.

    Args:
        path: "fused" or "loop".
    """
    if path == "loop":
        weights = LSTMWeights(weights.weight_ih, weights.weight_hh, weights.bias)
    settings = {name: getattr(options, name) for name in _OPTION_SETTINGS}
    output, hidden, cell, *_ = torch.ops.torch_keras_lstm.lstm(
        inputs,
        *state,
        *weights,
        mask,
        *(getattr(options, name) for name in _OPTION_TENSORS),
        *(_NAMES[value] if _OPTION_SETTINGS[name] == "str" else value for name, value in settings.items()),
        path,
        path == "loop" and _can_keep(inputs, state, weights, options),
    )
    return output, LSTMState(hidden, cell) if options.return_state else None


def _can_keep(inputs: Tensor, state: LSTMState, weights: LSTMWeights, options: SequenceOptions) -> bool:
    """Whether there will be a way back, and what it needs has a shape that is known before the mask is looked at."""
    if not torch.is_grad_enabled() or inputs.shape[1] == 1:
        return False
    if C_KERNELS.why_never(Request.of(inputs, state, weights, None, options)) is not None:
        return False
    return any(tensor is not None and tensor.requires_grad for tensor in (inputs, *state, *weights))


def _forward(*arguments: Any) -> tuple[Tensor, ...]:
    call, kept = Call.of(arguments), list[Tensor]()
    keep = call.settings["keep"]
    with torch.no_grad():  # what the way back needs is returned, or computed again
        output, *final = call.run(run_and_keep(kept) if keep else None)
    new = output.new_empty
    hidden, cell = final or (new(0), new(0))
    if hidden.untyped_storage().data_ptr() == output.untyped_storage().data_ptr():
        hidden = hidden.clone()
    if keep and output.untyped_storage().data_ptr() == kept[-1].untyped_storage().data_ptr():
        output = output.clone(memory_format=torch.contiguous_format)
    return _whole(output), _whole(hidden), _whole(cell), *(kept or (new(0), new(0), new(0)))


def _whole(tensor: Tensor) -> Tensor:
    """``tensor`` as a graph was told it would be: contiguous, and no view of more."""
    is_all = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor.contiguous() if is_all else tensor.clone(memory_format=torch.contiguous_format)


def _fake_forward(*arguments: Any) -> tuple[Tensor, ...]:
    call = Call.of(arguments)
    inputs, weight_hh = call.named["inputs"], call.named["weight_hh"]
    (batch, time, _), units = inputs.shape, weight_hh.shape[1]
    new = inputs.new_empty
    output = new(batch, time, units) if call.settings["return_sequences"] else new(batch, units)
    sizes: list[tuple[int, ...]] = [(batch, units)] * 2 if call.settings["return_state"] else [(0,)] * 2
    sizes += [(time, batch, width * units) for width in (4, 1, 1)] if call.settings["keep"] else [(0,)] * 3
    return output, *(new(size) for size in sizes)


def _backward(
    d_output: Tensor | None, d_hidden: Tensor | None, d_cell: Tensor | None, needed: Sequence[bool], *arguments: Any
) -> list[Tensor]:
    trace, call = Trace(*arguments[:3]), Call.of(arguments[3:])
    given = [
        tensor.detach().requires_grad_()
        for tensor, wanted in zip(call.tensors, needed, strict=True)
        if wanted and tensor is not None
    ]
    with torch_internals.autograd_at_work():
        results = call.with_tensors(needed, given).run(run_from(trace) if call.settings["keep"] else None)
        pairs = [
            (result, gradient)
            for result, gradient in zip(results, (d_output, d_hidden, d_cell), strict=False)
            if gradient is not None
        ]
        gradients = torch.autograd.grad(
            [result for result, _ in pairs],
            given,
            [gradient for _, gradient in pairs],
            allow_unused=True,
            materialize_grads=True,
        )
    return [gradient.clone(memory_format=torch.contiguous_format) for gradient in gradients]


def _fake_backward(
    d_output: Tensor | None, d_hidden: Tensor | None, d_cell: Tensor | None, needed: Sequence[bool], *arguments: Any
) -> list[Tensor]:
    return [
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        for tensor, wanted in zip(Call.of(arguments[3:]).tensors, needed, strict=True)
        if wanted and tensor is not None
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    call = Call.of(inputs)
    ctx.settings = call.settings
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[3:], *call.tensors)


def _differentiate(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
    needed, settings = list(ctx.needs_input_grad[: len(_TENSORS)]), ctx.settings.values()
    found = iter(torch.ops.torch_keras_lstm.lstm_backward(*gradients[:3], needed, *ctx.saved_tensors, *settings))
    return (*(next(found) if wanted else None for wanted in needed), *(None for _ in settings))


def _refuse(ctx: Any, *gradients: Any) -> Any:
    raise RuntimeError(
        "In a compiled graph an LSTM can be differentiated once. Compute derivatives of derivatives without "
        "torch.compile."
    )


for _name, _real, _fake in (("lstm", _forward, _fake_forward), ("lstm_backward", _backward, _fake_backward)):
    _LIBRARY.impl(_name, _real, "CompositeExplicitAutograd")
    torch.library.register_fake(f"torch_keras_lstm::{_name}", _fake, lib=_LIBRARY)
torch.library.register_autograd("torch_keras_lstm::lstm", _differentiate, setup_context=_keep, lib=_LIBRARY)
torch.library.register_autograd("torch_keras_lstm::lstm_backward", _refuse, lib=_LIBRARY)
