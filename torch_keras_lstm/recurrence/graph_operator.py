"""A whole sequence as one operator, which ``torch.compile`` and ``torch.export`` keep as it is.

Traced as it stands, the step loop would be written out for the number of steps at hand, and torch takes its own
``torch.lstm`` apart in the same way. An operator that neither looks into stays one node for every length of time, and
in it the paths run as they run without a graph, with masks that can be looked at. Its backward is an operator too, so
that a compiled training step is two nodes. Without a graph it would only cost a detour; nothing calls it there.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.recurrence.autograd import Record, SequenceBackend, run_and_keep, run_from
from torch_keras_lstm.recurrence.backends.base import Backend, Request, Trace
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS, select, torch_kernels_of
from torch_keras_lstm.recurrence.options import Activation, LSTMWeights, SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.state import LSTMState

_OPTION_TENSORS = tuple(field.name for field in fields(SequenceOptions) if field.type == Tensor | None)
_LIBRARY = torch.library.Library("torch_keras_lstm", "FRAGMENT")
_NAMES: Mapping[Activation, str] = {
    **{function: name for name, function in activations.named().items()},
    torch.tanh: "tanh",
    torch.sigmoid: "sigmoid",
    torch.relu: "relu",
}


def can_be_one_node(options: SequenceOptions) -> bool:
    """Whether a graph can hold the run: a function of somebody's own it cannot, nor can its way back be transformed.

    An export, which has no way back, may be made inside a transform.
    """
    if torch_internals.transforms_are_active() and not torch.compiler.is_exporting():
        return False
    return options.activation in _NAMES and options.recurrent_activation in _NAMES


class Operator:
    """The operator of one kind of cell, and that of its way back.

    It takes tensors, those of a state, of weights, and of options, and what else a graph can hold of options,
    activations by their names; then the path, "fused" or "loop", and whether to return what the way back needs, or it
    runs the steps once more. The options' part goes by their fields.

    It returns the output, the final state, empty tensors without ``return_state``, and what is kept, empty without
    ``keep``. The way back takes the gradients of output and state, whether each tensor needs one, and what was kept,
    and returns those needed.

    Args:
        name: of the operator.
        called: what an error calls the cell.
        backends: that run it.
        state: the names of what it carries from step to step.
        make_state: the state of these, as the backends take it.
        weights: as the backends take them.
        options: of a run.
    """

    def __init__(
        self,
        name: str,
        called: str,
        backends: Sequence[Backend],
        state: tuple[str, ...],
        make_state: Callable[[Iterable[Tensor]], Any],
        weights: type[LSTMWeights] | type[SingleStateWeights],
        options: type[SequenceOptions],
    ) -> None:
        self.name, self.called, self.backends, self.options = name, called, backends, options
        self.state, self.make_state, self.weights = state, make_state, weights
        self.option_settings = {
            field.name: "str" if field.type == Activation else field.type.__name__  # type: ignore[union-attr]
            for field in fields(options)
            if field.name not in _OPTION_TENSORS
        }
        self.tensors = ("inputs", *state, *weights._fields, "mask", *_OPTION_TENSORS)
        self.settings = {**self.option_settings, "path": "str", "keep": "bool"}
        self.kept = ("gates", "cells", "hidden_states") if "cell" in state else ("gates", "hidden_states")
        self._define()

    def _define(self) -> None:
        optional = {name for name, default in self.weights._field_defaults.items() if default is None}
        optional |= {"mask", *_OPTION_TENSORS}
        arguments = ", ".join(
            (
                *(f"Tensor{'?' if name in optional else ''} {name}" for name in self.tensors),
                *(f"{kind} {name}" for name, kind in self.settings.items()),
            )
        )
        results = ", ".join(["Tensor"] * (1 + len(self.state) + len(self.kept)))
        gradients = ", ".join(f"Tensor? d_{one}" for one in ("output", *self.state))
        kept = ", ".join(f"Tensor {one}" for one in self.kept)
        backward = f"{self.name}_backward"
        for schema in (
            f"{self.name}({arguments}) -> ({results})",
            f"{backward}({gradients}, bool[] needed, {kept}, {arguments}) -> Tensor[]",
        ):
            _LIBRARY.define(schema, tags=(torch.Tag.pt2_compliant_tag,))
        for name, real, fake in (
            (self.name, self._forward, self._fake_forward),
            (backward, self._backward, self._fake_backward),
        ):
            _LIBRARY.impl(name, real, "CompositeExplicitAutograd")
            torch.library.register_fake(f"torch_keras_lstm::{name}", fake, lib=_LIBRARY)
        torch.library.register_autograd(
            f"torch_keras_lstm::{self.name}", self._differentiate, setup_context=self._save, lib=_LIBRARY
        )
        torch.library.register_autograd(f"torch_keras_lstm::{backward}", self._refuse, lib=_LIBRARY)

    def as_one_node(
        self, inputs: Tensor, state: Any, weights: Any, mask: Tensor | None, options: SequenceOptions, path: str
    ) -> tuple[Tensor, Any]:
        """Put the run into the graph that is being traced.

        Args and returns: as :meth:`Backend.run`, where :func:`can_be_one_node`.

        Args:
            path: "fused" or "loop".
        """
        if path == "loop" and self.weights is LSTMWeights:  # whose two biases are one but to torch's kernels
            weights = LSTMWeights(weights.weight_ih, weights.weight_hh, weights.bias)
        output, *rest = getattr(torch.ops.torch_keras_lstm, self.name)(
            inputs,
            *state,
            *weights,
            mask,
            *(getattr(options, name) for name in _OPTION_TENSORS),
            *(
                _NAMES[getattr(options, name)] if kind == "str" else getattr(options, name)
                for name, kind in self.option_settings.items()
            ),
            path,
            path == "loop" and self._can_keep(inputs, state, weights, options),
        )
        return output, self.make_state(rest[: len(self.state)]) if options.return_state else None

    @property
    def _kernels(self) -> CKernels:
        """The backend in C: what it keeps for the way back has a shape that is known before the mask is looked at."""
        return next(backend for backend in self.backends if isinstance(backend, CKernels))

    def _can_keep(self, inputs: Tensor, state: Any, weights: Any, options: SequenceOptions) -> bool:
        """Whether there will be a way back, on that backend.

        Not of an exported program, which the sizes of what is kept would tie to the steps of its example.
        """
        if not torch.is_grad_enabled() or inputs.shape[1] == 1 or torch.compiler.is_exporting():
            return False
        if self._kernels.why_never(Request.of(inputs, state, weights, None, options)) is not None:
            return False
        return any(tensor is not None and tensor.requires_grad for tensor in (inputs, *state, *weights))

    def _call(self, arguments: Sequence[Any]) -> "Call":
        """The arguments as they come."""
        count = len(self.tensors)
        return Call(self, tuple(arguments[:count]), dict(zip(self.settings, arguments[count:], strict=True)))

    def _forward(self, *arguments: Any) -> tuple[Tensor, ...]:
        call, kept = self._call(arguments), list[Tensor]()
        keep = call.settings["keep"]
        with torch.no_grad():  # what the way back needs is returned, or computed again
            output, *final = call.run(run_and_keep(kept) if keep else None)
        new = output.new_empty
        states = final or [new(0) for _ in self.state]
        if _is_part_of(states[0], output):
            states[0] = states[0].clone()
        if keep and _is_part_of(output, kept[-1]):
            output = output.clone(memory_format=torch.contiguous_format)
        if kept and "cells" in self.kept:
            kept[1] = kept[1].flatten()
        elif kept:
            del kept[1]
        return _whole(output), *map(_whole, states), *(kept or [new(0) for _ in self.kept])

    def _fake_forward(self, *arguments: Any) -> tuple[Tensor, ...]:
        call = self._call(arguments)
        inputs, weight_hh = call.named["inputs"], call.named["weight_hh"]
        (batch, time, _), units = inputs.shape, weight_hh.shape[1]
        new = inputs.new_empty
        output = new(batch, time, units) if call.settings["return_sequences"] else new(batch, units)
        sizes: list[tuple[int, ...]] = [(batch, units) if call.settings["return_state"] else (0,)] * len(self.state)
        kernels = self._kernels
        shapes: dict[str, tuple[int, ...]] = {
            "gates": (0,) if call.settings["recompute"] else (time, batch, kernels.kept_width(units)),
            # in one row: there may be one step of them alone, and a graph would ask whether there is
            "cells": (-(-time // kernels.cells_every) * batch * units,),
            "hidden_states": (time, batch, units),
        }
        sizes += [shapes[one] if call.settings["keep"] else (0,) for one in self.kept]
        return output, *(new(size) for size in sizes)

    def _backward(self, *arguments: Any) -> list[Tensor]:
        gradients, needed, (first, *kept), call = self._of_backward(arguments)
        gates = None if call.settings["recompute"] else first
        *cells, hidden = kept
        if not cells:
            trace = Trace(gates, hidden.new_empty(0), hidden)
        elif call.settings["keep"]:
            trace = Trace(gates, cells[0].unflatten(0, (-1, *hidden.shape[1:])), hidden)
        else:
            trace = Trace(gates, cells[0], hidden)
        given = [
            tensor.detach().requires_grad_()
            for tensor, wanted in zip(call.tensors, needed, strict=True)
            if wanted and tensor is not None
        ]
        with torch_internals.autograd_at_work():
            results = call.with_tensors(needed, given).run(run_from(trace) if call.settings["keep"] else None)
            pairs = [
                (result, gradient) for result, gradient in zip(results, gradients, strict=False) if gradient is not None
            ]
            found = torch.autograd.grad(
                [result for result, _ in pairs],
                given,
                [gradient for _, gradient in pairs],
                allow_unused=True,
                materialize_grads=True,
            )
        return [gradient.clone(memory_format=torch.contiguous_format) for gradient in found]

    def _fake_backward(self, *arguments: Any) -> list[Tensor]:
        _, needed, _, call = self._of_backward(arguments)
        return [
            torch.empty_like(tensor, memory_format=torch.contiguous_format)
            for tensor, wanted in zip(call.tensors, needed, strict=True)
            if wanted and tensor is not None
        ]

    def _of_backward(
        self, arguments: Sequence[Any]
    ) -> tuple[Sequence[Tensor | None], Sequence[bool], Sequence[Tensor], "Call"]:
        """The gradients, which of the tensors need one, what was kept, and the call."""
        first = 1 + len(self.state)
        last = first + 1 + len(self.kept)
        return arguments[:first], arguments[first], arguments[first + 1 : last], self._call(arguments[last:])

    def _save(self, ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        call = self._call(inputs)
        ctx.settings = call.settings
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*output[1 + len(self.state) :], *call.tensors)

    def _differentiate(self, ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        needed, settings = list(ctx.needs_input_grad[: len(self.tensors)]), ctx.settings.values()
        backward = getattr(torch.ops.torch_keras_lstm, f"{self.name}_backward")
        found = iter(backward(*gradients[: 1 + len(self.state)], needed, *ctx.saved_tensors, *settings))
        return (*(next(found) if wanted else None for wanted in needed), *(None for _ in settings))

    def _refuse(self, ctx: Any, *gradients: Any) -> Any:
        raise RuntimeError(
            f"In a compiled graph {self.called} can be differentiated once. Compute derivatives of derivatives without "
            "torch.compile."
        )


class Call(NamedTuple):
    """What an operator was called with.

    Attributes:
        tensors: in the order of the schema.
        settings: by their names.
    """

    operator: Operator
    tensors: tuple[Tensor | None, ...]
    settings: Mapping[str, Any]

    @property
    def named(self) -> dict[str, Any]:
        """The tensors by their names."""
        return dict(zip(self.operator.tensors, self.tensors, strict=True))

    def with_tensors(self, chosen: Sequence[bool], others: Sequence[Tensor]) -> "Call":
        """The same with ``others`` in the places of the tensors that are ``chosen``."""
        following = iter(others)
        mixed = (next(following) if here else tensor for tensor, here in zip(self.tensors, chosen, strict=True))
        return self._replace(tensors=tuple(mixed))

    def run(self, record: Record | None = None) -> tuple[Tensor, ...]:
        """The path's results: the output, and the final state if it is asked for.

        Args:
            record: as :meth:`SequenceBackend.run` takes it, where the path is the loop.
        """
        operator, tensors, settings = self.operator, self.named, self.settings
        given: dict[str, Any] = {name: tensors[name] for name in _OPTION_TENSORS}
        for name, kind in operator.option_settings.items():
            given[name] = activations.get(settings[name]) if kind == "str" else settings[name]
        options = operator.options(**given)
        state = operator.make_state(tensors[name] for name in operator.state)
        weights = operator.weights(*(tensors[name] for name in operator.weights._fields))
        run: tuple[Any, Any, Any, Any, Any] = (tensors["inputs"], state, weights, tensors["mask"], options)
        if settings["path"] == "fused":
            output, final = torch_kernels_of(operator.backends).run(*run)
            return output, *(final or ())
        backend = select(operator.backends, Request.of(*run, use_cudnn=False))
        if record is not None:
            assert isinstance(backend, SequenceBackend), "`_can_keep` asked for one that keeps what it leaves"
            output, final = backend.run(*run, record)
        else:
            output, final = backend.run(*run)
        return output, *(final or ())


def _is_part_of(one: Tensor, other: Tensor) -> bool:
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _whole(tensor: Tensor) -> Tensor:
    """``tensor`` as a graph was told it would be: contiguous, and no view of more."""
    is_all = tensor.untyped_storage().nbytes() == tensor.nbytes
    return tensor.contiguous() if is_all else tensor.clone(memory_format=torch.contiguous_format)


LSTM_OPERATOR = Operator(
    "lstm", "an LSTM", LSTM_BACKENDS, LSTMState._fields, lambda state: LSTMState(*state), LSTMWeights, SequenceOptions
)
lstm_as_one_node = LSTM_OPERATOR.as_one_node
