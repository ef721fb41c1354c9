"""The whole sequence as one operator, which ``torch.compile`` and ``torch.export`` keep as it is.

Traced as it stands, the step loop would be written out for the number of steps at hand, and torch takes its own
``torch.lstm`` apart in the same way. An operator that neither looks into stays one node for every length of time, and
in it the paths run as they run without a graph, with masks that can be looked at. Its backward is an operator too, so
that a compiled training step is two nodes. Without a graph it would only cost a detour; nothing calls it there.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.compiled import why_not_compiled
from torch_keras_lstm.recurrence.fused import lstm_fused
from torch_keras_lstm.recurrence.loop import Kept, Run, lstm_loop, run_and_keep, run_from
from torch_keras_lstm.recurrence.options import Activation, LSTMOptions, LSTMWeights
from torch_keras_lstm.recurrence.state import LSTMState

PathRun = Callable[[Tensor, LSTMState, LSTMWeights, Tensor | None, LSTMOptions], tuple[Tensor, LSTMState | None]]

# The name of a path: what runs it.
PATHS: Mapping[str, PathRun] = {"fused": lstm_fused, "loop": lstm_loop}


class Tensors(NamedTuple):
    """What the operator takes of tensors, shaped as :func:`torch_keras_lstm.recurrence.fused.lstm_fused` has them."""

    inputs: Tensor
    hidden: Tensor
    cell: Tensor
    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None
    mask: Tensor | None
    input_dropout: Tensor | None
    recurrent_dropout: Tensor | None


class Settings(NamedTuple):
    """What else it takes: what a graph can hold of :class:`LSTMOptions`, the name of a path, and whether to return what
    the way back needs, or it runs the steps once more.
    """

    activation: str
    recurrent_activation: str
    go_backwards: bool
    return_sequences: bool
    return_state: bool
    zero_output_for_mask: bool
    hold_initial_state: bool
    path: str
    keep: bool


_TENSORS = ", ".join(
    f"Tensor{'?' if name in ('bias_ih', 'bias_hh', 'mask', 'input_dropout', 'recurrent_dropout') else ''} {name}"
    for name in Tensors._fields
)
_SETTINGS = (
    "str activation, str recurrent_activation, bool go_backwards, bool return_sequences, bool return_state, "
    "bool zero_output_for_mask, bool hold_initial_state, str path, bool keep"
)
# The final state is two empty tensors without `return_state`, and what is kept are three without `keep`. The backward
# takes the gradients of the three results, whether each tensor needs one, and what was kept, and returns those needed.
_FORWARD = f"lstm({_TENSORS}, {_SETTINGS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
_BACKWARD = (
    "lstm_backward(Tensor? d_output, Tensor? d_hidden, Tensor? d_cell, bool[] needed, "
    f"Tensor gates, Tensor cells, Tensor hidden_states, {_TENSORS}, {_SETTINGS}) -> Tensor[]"
)
_LIBRARY = torch.library.Library("torch_keras_lstm", "FRAGMENT")
_LIBRARY.define(_FORWARD, tags=(torch.Tag.pt2_compliant_tag,))
_LIBRARY.define(_BACKWARD, tags=(torch.Tag.pt2_compliant_tag,))

_NAMES: Mapping[Activation, str] = {
    **{function: name for name, function in activations.named().items()},
    torch.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.relu: "relu",
}


def can_be_one_node(options: LSTMOptions) -> bool:
    """Whether the activations are known by name; a graph cannot hold a function of somebody's own."""
    return options.activation in _NAMES and options.recurrent_activation in _NAMES


def lstm_as_one_node(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: LSTMOptions, path: str
) -> tuple[Tensor, LSTMState | None]:
    """Put the run into the graph that is being traced.

    Args and returns: as :func:`torch_keras_lstm.recurrence.fused.lstm_fused`, where :func:`can_be_one_node`.

    Args:
        path: a key of :data:`PATHS`.
    """
    output, hidden, cell, *_ = torch.ops.torch_keras_lstm.lstm(
        inputs,
        state.hidden,
        state.cell,
        weights.weight_ih,
        weights.weight_hh,
        weights.bias_ih,
        weights.bias_hh,
        mask,
        options.input_dropout,
        options.recurrent_dropout,
        _NAMES[options.activation],
        _NAMES[options.recurrent_activation],
        options.go_backwards,
        options.return_sequences,
        options.return_state,
        options.zero_output_for_mask,
        options.hold_initial_state,
        path,
        path == "loop" and _can_keep(inputs, state, weights, options),
    )
    return output, LSTMState(hidden, cell) if options.return_state else None


def _can_keep(inputs: Tensor, state: LSTMState, weights: LSTMWeights, options: LSTMOptions) -> bool:
    """Whether there will be a way back, and what it needs has a shape that is known before the mask is looked at."""
    if not torch.is_grad_enabled() or inputs.shape[1] == 1:
        return False
    if why_not_compiled(inputs.device, inputs.dtype, options.activation, options.recurrent_activation) is not None:
        return False
    return any(tensor is not None and tensor.requires_grad for tensor in (inputs, *state, *weights))


def _run(tensors: Tensors, settings: Settings, run: Run | None = None) -> tuple[Tensor, ...]:
    """The path's results: the output, and the final state if it is asked for.

    Args:
        run: as :func:`lstm_loop` takes it, where that is the path.
    """
    options = LSTMOptions(
        activation=activations.get(settings.activation),
        recurrent_activation=activations.get(settings.recurrent_activation),
        go_backwards=settings.go_backwards,
        return_sequences=settings.return_sequences,
        return_state=settings.return_state,
        zero_output_for_mask=settings.zero_output_for_mask,
        hold_initial_state=settings.hold_initial_state,
        input_dropout=tensors.input_dropout,
        recurrent_dropout=tensors.recurrent_dropout,
    )
    weights = LSTMWeights(tensors.weight_ih, tensors.weight_hh, tensors.bias_ih, tensors.bias_hh)
    state = LSTMState(tensors.hidden, tensors.cell)
    if run is not None:
        output, final = lstm_loop(tensors.inputs, state, weights, tensors.mask, options, run)
    else:
        output, final = PATHS[settings.path](tensors.inputs, state, weights, tensors.mask, options)
    return output, *(final or ())


def _forward(*arguments: Any) -> tuple[Tensor, ...]:
    tensors, settings = _told_apart(arguments)
    kept: list[Tensor] = []
    with torch.no_grad():  # what the way back needs is returned, or computed again
        output, *final = _run(tensors, settings, run_and_keep(kept) if settings.keep else None)
    new = output.new_empty
    hidden, cell = final or (new(0), new(0))
    if hidden.untyped_storage().data_ptr() == output.untyped_storage().data_ptr():
        hidden = hidden.clone()
    if settings.keep and output.untyped_storage().data_ptr() == kept[-1].untyped_storage().data_ptr():
        output = output.clone(memory_format=torch.contiguous_format)
    return _whole(output), _whole(hidden), _whole(cell), *(kept or (new(0), new(0), new(0)))


def _whole(tensor: Tensor) -> Tensor:
    """``tensor`` as a graph was told it would be: contiguous, and no view of more."""
    is_all = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor.contiguous() if is_all else tensor.clone(memory_format=torch.contiguous_format)


def _fake_forward(*arguments: Any) -> tuple[Tensor, ...]:
    tensors, settings = _told_apart(arguments)
    (batch, time, _), units = tensors.inputs.shape, tensors.weight_hh.shape[1]
    new = tensors.inputs.new_empty
    output = new(batch, time, units) if settings.return_sequences else new(batch, units)
    sizes: list[tuple[int, ...]] = [(batch, units)] * 2 if settings.return_state else [(0,)] * 2
    sizes += [(time, batch, width * units) for width in (4, 1, 1)] if settings.keep else [(0,)] * 3
    return output, *(new(size) for size in sizes)


def _backward(
    d_output: Tensor | None, d_hidden: Tensor | None, d_cell: Tensor | None, needed: Sequence[bool], *arguments: Any
) -> list[Tensor]:
    kept, (tensors, settings) = Kept(*arguments[:3]), _told_apart(arguments[3:])
    given = [
        tensor.detach().requires_grad_()
        for tensor, wanted in zip(tensors, needed, strict=True)
        if wanted and tensor is not None
    ]
    with _autograd_at_work():
        results = _run(_with(tensors, needed, given), settings, run_from(kept) if settings.keep else None)
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


@contextmanager
def _autograd_at_work() -> Iterator[None]:
    """Have autograd record what is run, although an operator runs below it."""
    excluded = torch._C._dispatch_tls_local_exclude_set()
    for key in (torch._C.DispatchKey.AutogradFunctionality, torch._C.DispatchKey.ADInplaceOrView):
        excluded = excluded.remove(key)
    with torch._C._ForceDispatchKeyGuard(torch._C._dispatch_tls_local_include_set(), excluded), torch.enable_grad():
        yield


def _fake_backward(
    d_output: Tensor | None, d_hidden: Tensor | None, d_cell: Tensor | None, needed: Sequence[bool], *arguments: Any
) -> list[Tensor]:
    tensors, _ = _told_apart(arguments[3:])
    return [
        torch.empty_like(tensor, memory_format=torch.contiguous_format)
        for tensor, wanted in zip(tensors, needed, strict=True)
        if wanted and tensor is not None
    ]


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    tensors, ctx.settings = _told_apart(inputs)
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(*output[3:], *tensors)


def _differentiate(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
    needed = list(ctx.needs_input_grad[: len(Tensors._fields)])
    found = iter(torch.ops.torch_keras_lstm.lstm_backward(*gradients[:3], needed, *ctx.saved_tensors, *ctx.settings))
    return (*(next(found) if wanted else None for wanted in needed), *(None for _ in Settings._fields))


def _refuse(ctx: Any, *gradients: Any) -> Any:
    raise RuntimeError(
        "In a compiled graph an LSTM can be differentiated once. Compute derivatives of derivatives without "
        "torch.compile."
    )


def _told_apart(arguments: Sequence[Any]) -> tuple[Tensors, Settings]:
    count = len(Tensors._fields)
    return Tensors(*arguments[:count]), Settings(*arguments[count:])


def _with(tensors: Tensors, chosen: Sequence[bool], others: Sequence[Tensor]) -> Tensors:
    """``tensors`` with ``others`` in the places that are ``chosen``."""
    following = iter(others)
    mixed: Any = (next(following) if here else tensor for tensor, here in zip(tensors, chosen, strict=True))
    return Tensors(*mixed)


for _name, _real, _fake in (("lstm", _forward, _fake_forward), ("lstm_backward", _backward, _fake_backward)):
    _LIBRARY.impl(_name, _real, "CompositeExplicitAutograd")
    torch.library.register_fake(f"torch_keras_lstm::{_name}", _fake, lib=_LIBRARY)
torch.library.register_autograd("torch_keras_lstm::lstm", _differentiate, setup_context=_keep, lib=_LIBRARY)
torch.library.register_autograd("torch_keras_lstm::lstm_backward", _refuse, lib=_LIBRARY)
