"""What a model computes, as a program that runs without this package.

:func:`export` gives the program, for whoever reads those of ``torch.export``; ``model.export`` writes a runtime's file.
"""

import copy
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.states_as_arguments import StatesAsArguments
from torch_keras_lstm.recurrence.lowering import Lowering, lowered
from torch_keras_lstm.structure import leaves, map_leaves

# A size, of which there is no other in the model, that stands for a free one; torch takes 0 and 1 for fixed.
_SIZE = 3


class _Target(NamedTuple):
    """What runs a program.

    Attributes:
        loops: whether it knows loops over time.
        kernels: whether it has ``aten.lstm`` and its kind, which torch exports for a fixed number of steps alone.
        free: whether sizes may be free.
    """

    loops: bool = True
    kernels: bool = False
    free: bool = True


_TARGETS = {
    "torch": _Target(kernels=True),
    "aotinductor": _Target(),
    "executorch": _Target(free=False),
    "litert": _Target(loops=False, free=False),
}


class FreeSizeError(ValueError):
    """A size counts that neither the model nor an example tells."""


class RefusalError(RuntimeError):
    """A model cannot be exported; the message names the layer."""


class Free(NamedTuple):
    """The axes of a tensor whose sizes are free."""

    axes: tuple[int, ...]


class Call(NamedTuple):
    """A model as it is called once, to be traced.

    Attributes:
        model: in inference, with its states among its arguments if it has any.
        arguments: of the call.
        free: :class:`Free` in the place of each tensor among the arguments.
        names: those of the tensors among the arguments, for a model that has names for them.
    """

    model: nn.Module
    arguments: tuple[Any, ...]
    free: tuple[Any, ...]
    names: list[str]

    @classmethod
    def of(cls, model: nn.Module, example: Any = None) -> "Call":
        """The call of a model.

        Args:
            example: what a call takes, several arguments in a tuple; by default ones of the shape of its inputs.

        Raises:
            ValueError: without an example, when the shape of the inputs is not known.
        """
        symbolic = getattr(model, "input", None)
        if example is None and symbolic is None:
            raise FreeSizeError(
                f"The input shape of model `{_name(model)}` is not known: call it, or `build(input_shape)`, first, or "
                "give an `example` of what it is called with."
            )
        device = getattr(model, "device", torch.device("cpu"))
        if example is None:
            arguments: tuple[Any, ...] = (map_leaves(KerasTensor, lambda one: _ones(one, device), symbolic),)
        else:
            arguments = example if isinstance(example, tuple) else (example,)
        if symbolic is not None and len(arguments) == 1:
            free: tuple[Any, ...] = (map_leaves(KerasTensor, _free_axes, symbolic),)
            names = [tensor.name for tensor in leaves(KerasTensor, symbolic)]
            names = ["inputs"] if len(names) == 1 else names
        else:  # torch finds out which of them may be free
            free, names = map_leaves(Tensor, lambda one: Free(tuple(range(min(one.ndim, 2)))), arguments), []
        still = copy.deepcopy(model).eval()
        if not any(isinstance(module, RecurrentLayer) and module.stateful for module in still.modules()):
            return cls(still, arguments, free, names)
        wrapped = StatesAsArguments(still)
        states = wrapped.states_of(*arguments)
        names += [f"state_{index}" for index in range(len(states))] if names else []
        rows = Free((0,)) if any(0 in one.axes for one in leaves(Free, free)) else Free(())
        return cls(wrapped, (*arguments, states), (*free, [rows] * len(states)), names)

    @property
    def has_free_time(self) -> bool:
        """Whether more than the number of rows may be free."""
        return any(axis > 0 for one in leaves(Free, self.free) for axis in one.axes)

    def with_fixed_sizes(self) -> "Call":
        """The same with no size free but those of the example."""
        return self._replace(free=map_leaves(Free, lambda _: Free(()), self.free))

    def shapes(self) -> tuple[Any, ...]:
        """The free axes as ``torch.export`` takes them."""
        shapes: tuple[Any, ...] = map_leaves(Free, lambda one: dict.fromkeys(one.axes, Dim.AUTO), self.free)
        return shapes


def export(model: nn.Module, example: Any = None, *, target: str = "torch") -> ExportedProgram:
    """What a model computes in inference, as a program of torch's own operators, which needs nothing of this package.

    Args:
        model: a model, a layer, or any torch module with layers of this package in it.
        example: what it is called with, several arguments in a tuple; a model whose input shape is known needs none.
            Every size is free that the input shape leaves free; of a module without one the first two axes, where that
            can be.
        target: what is to run it. "torch", for whatever reads programs of ``torch.export``: a loop over time is its
            operator ``scan``, and a layer that is torch's for a fixed number of steps ``aten.lstm``; "aotinductor": the
            loop in any case; "executorch": the same, for the sizes of the example; "litert", which has no loop: every
            step is written out, for these.

    Returns:
        The program. Of a model with stateful layers it takes a list of their states after the inputs, and gives the
        new ones after the outputs, as :class:`torch_keras_lstm.layers.StatesAsArguments` does.

    Raises:
        ValueError: for another target; when the input shape is not known, or a size where it must not be free.
        RuntimeError: when a layer cannot stand in a program; it names the layer.

    Example:
        >>> model = Sequential([Input((None, 3)), LSTM(4), Dense(1)])
        >>> program = torch_keras_lstm.export(model).module()
        >>> program(torch.randn(6, 9, 3)).shape
        torch.Size([6, 1])
    """
    check_choice("target", target, tuple(_TARGETS))
    call, wanted = Call.of(model, example), _TARGETS[target]
    if not wanted.free:
        refuse_free_sizes(call, example, target)
        call = call.with_fixed_sizes()
    return traced(call, Lowering(loops=wanted.loops, kernels=wanted.kernels and not call.has_free_time))


def refuse_free_sizes(call: Call, example: Any, target: str) -> None:
    """Raise a ``ValueError`` unless ``example`` tells the sizes that the input shape leaves free."""
    if example is None and any(one.axes for one in leaves(Free, call.free)):
        raise FreeSizeError(
            f"{target!r} runs one number of rows and steps, which the input shape of model `{_name(call.model)}` "
            "leaves free: give an `example` of that size."
        )


def traced(call: Call, lowering: Lowering) -> ExportedProgram:
    """The program of a call; raises a ``RuntimeError`` that names the layer that cannot stand in one."""
    try:
        with lowered(lowering), torch.no_grad():
            return torch.export.export(call.model, call.arguments, dynamic_shapes=call.shapes(), strict=False)
    except Exception as error:
        raise refusal(call.model, error) from error


def refusal(model: nn.Module, error: Exception) -> RefusalError:
    """The error of an exporter in words that name the layer at which it happened."""
    reason: BaseException = error
    while (before := reason.__cause__ or reason.__context__) is not None:  # exporters say more, and less, on top of it
        reason = before
    layer = _layer_of(reason.__traceback__) or _layer_of(error.__traceback__)
    where = "a layer" if layer is None else f"layer `{layer.name}` ({type(layer).__name__})"
    lines = [line for line in str(reason).splitlines() if line.strip()] or [type(reason).__name__]
    return RefusalError(f"Model `{_name(model)}` cannot be exported, because of {where}: {lines[0]}")


def _layer_of(trace: TracebackType | None) -> Layer | None:
    """The innermost layer in whose code an error happened."""
    found = None
    while trace is not None:
        held = trace.tb_frame.f_locals.get("self")
        if isinstance(held, Layer):
            found = held
        trace = trace.tb_next
    return found


def _name(model: nn.Module) -> str:
    inner = model.model if isinstance(model, StatesAsArguments) else model
    return str(getattr(inner, "name", type(inner).__name__))


def _ones(tensor: KerasTensor, device: torch.device) -> Tensor:
    return torch.ones([_SIZE if size is None else size for size in tensor.shape], dtype=tensor.dtype, device=device)


def _free_axes(tensor: KerasTensor) -> Free:
    return Free(tuple(axis for axis, size in enumerate(tensor.shape) if size is None))
