"""What a model computes, as a program that runs without this package.

:func:`export` gives the program, for whoever reads those of ``torch.export``; ``model.export`` writes a runtime's file.
"""

import contextlib
import copy
import warnings
from collections.abc import Container, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.jit import TracerWarning  # type: ignore[attr-defined]  # torch documents it, and does not list it

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.states_as_arguments import StatesAsArguments
from torch_keras_lstm.recurrence.lowering import KERNELS, Lowering, lowered
from torch_keras_lstm.structure import flatten, leaves, map_leaves

# A size, of which there is no other in the model, that stands for a free one; torch takes 0 and 1 for fixed.
_SIZE = 3


class _Target(NamedTuple):
    """What runs a program.

    Attributes:
        lowering: what a graph may hold for it; ``aten.lstm`` and its kind torch exports for a fixed number of steps
            alone.
        sizes: that a program runs: "free"; "example", those; or "most", of a recurrent model those rows and at most so
            many steps, of another at most so many of both.
    """

    lowering: Lowering = Lowering()
    sizes: str = "free"


_TARGETS = {
    "torch": _Target(Lowering(kernels=KERNELS)),
    "aotinductor": _Target(Lowering(images=False)),
    "executorch": _Target(sizes="most"),
    "litert": _Target(Lowering(loops=False), sizes="example"),
}


class FreeSizeError(ValueError):
    """A size counts that neither the model nor an example tells."""


class RefusalError(RuntimeError):
    """A model cannot be exported; the message names the layer.

    Args:
        model: that cannot.
        reason: why.
        layer: because of which; ``None`` where that is not known.
    """

    def __init__(self, model: nn.Module, reason: str, layer: Layer | None = None) -> None:
        where = "a layer" if layer is None else f"layer `{layer.name}` ({type(layer).__name__})"
        super().__init__(f"Model `{_name(model)}` cannot be exported, because of {where}: {reason}")
        self.model, self.reason, self.layer = model, reason, layer


class Free(NamedTuple):
    """The axes of a tensor whose sizes are free.

    Attributes:
        axes: these.
        most: the largest size of each, where there is one.
    """

    axes: tuple[int, ...]
    most: tuple[int, ...] = ()

    def up_to(self, shape: Sequence[int], axes: Container[int]) -> "Free":
        """Those of ``axes`` alone, up to the sizes that they have in ``shape``."""
        kept = tuple(axis for axis in self.axes if axis in axes)
        return Free(kept, tuple(shape[axis] for axis in kept))

    def of_torch(self) -> dict[int, Any]:
        """The same as ``torch.export`` takes it."""
        if not self.most:
            return dict.fromkeys(self.axes, Dim.AUTO)
        return {axis: Dim.AUTO(min=1, max=most) for axis, most in zip(self.axes, self.most, strict=True)}


class Flat(nn.Module):
    """``module`` called with the tensors in ``arguments`` one after the other, for who knows no lists."""

    def __init__(self, module: nn.Module, arguments: Any) -> None:
        super().__init__()
        self.module, self.arguments = module, arguments
        self.training = False  # by `eval` it could not become, around a program

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """The module's results, one after the other."""
        rest = iter(tensors)
        return tuple(flatten(self.module(*map_leaves(Tensor, lambda _: next(rest), self.arguments))))


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
        if any(_is_text(tensor) for tensor in leaves(KerasTensor, symbolic)):
            raise RefusalError(model, "a file takes numbers, not texts: apply it to the data before", _reader(model))
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

    def flat(self) -> "Call":
        """The same with tensors alone among the arguments, and as results."""
        tensors = tuple(leaves(Tensor, self.arguments))
        return self._replace(
            model=Flat(self.model, self.arguments), arguments=tensors, free=tuple(leaves(Free, self.free))
        )

    def up_to_example(self) -> "Call":
        """The same with sizes up to those of the example, where a loop over time allows it: it carries so many rows."""
        is_recurrent = any(isinstance(module, RecurrentLayer) for module in self.model.modules())
        tensors, axes = leaves(Tensor, self.arguments), (1,) if is_recurrent else (0, 1)
        return self._replace(free=map_leaves(Free, lambda one: one.up_to(next(tensors).shape, axes), self.free))

    def shapes(self) -> tuple[Any, ...]:
        """The free axes as ``torch.export`` takes them."""
        shapes: tuple[Any, ...] = map_leaves(Free, Free.of_torch, self.free)
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
            loop in any case; "executorch": the loop, for the rows of the example and at most its steps; "litert", which
            has no loop: every step is written out, for the sizes of the example.

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
    call, (lowering, sizes) = Call.of(model, example), _TARGETS[target]
    if sizes == "most":
        refuse_free_sizes(call, example, target, "plans its memory for so many rows and steps")
        call = call.up_to_example()
    elif sizes == "example":
        refuse_free_sizes(call, example, target)
        call = call.with_fixed_sizes()
    return traced(call, lowering._replace(kernels=frozenset()) if call.has_free_time else lowering)


def refuse_free_sizes(
    call: Call, example: Any, target: str, because: str = "runs one number of rows and steps"
) -> None:
    """Raise a ``ValueError`` unless ``example`` tells the sizes that the input shape leaves free."""
    if example is None and any(one.axes for one in leaves(Free, call.free)):
        raise FreeSizeError(
            f"{target!r} {because}, which the input shape of model `{_name(call.model)}` leaves free: give an "
            "`example` of that size."
        )


def traced(call: Call, lowering: Lowering) -> ExportedProgram:
    """The program of a call; raises a ``RuntimeError`` that names the layer that cannot stand in one."""
    try:
        with lowered(lowering), torch.no_grad():
            return torch.export.export(call.model, call.arguments, dynamic_shapes=call.shapes(), strict=False)
    except Exception as error:
        raise refusal(call.model, error) from error


def trace(call: Call, lowering: Lowering | None = None) -> Any:
    """The call as ``torch.jit.trace`` has it; raises as :func:`traced`.

    Args:
        lowering: what the trace may hold; ``None`` for what torch's own runtime runs.
    """
    try:
        with (
            contextlib.nullcontext() if lowering is None else lowered(lowering),
            torch.no_grad(),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
            warnings.simplefilter("ignore", FutureWarning)
            return torch.jit.trace(call.model, call.arguments, check_trace=False)
    except Exception as error:
        raise refusal(call.model, error) from error


def trace_of_fixed_sizes(call: Call, lowering: Lowering) -> Any:
    """The trace of a call of flat arguments, in which sizes are numbers: of a model it has arithmetic of sizes."""
    program: Any = traced(call.with_fixed_sizes(), lowering).module(check_guards=False)
    for view in (torch.ops.aten.view_as.default, torch.ops.aten.alias.default):
        for node in program.graph.find_nodes(op="call_function", target=view):
            node.replace_all_uses_with(node.args[0])  # masks hang on views of all, for which readers have no operator
    program.recompile()
    flat = call.flat()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TracerWarning)  # of sizes that it takes for fixed
        return trace(flat._replace(model=Flat(program, call.arguments)))


def refusal(model: nn.Module, error: Exception) -> RefusalError:
    """The error of an exporter in words that name the layer at which it happened."""
    reason: BaseException = error
    while (before := reason.__cause__ or reason.__context__) is not None:  # exporters say more, and less, on top of it
        reason = before
    layer = _layer_of(reason.__traceback__) or _layer_of(error.__traceback__)
    lines = [line for line in str(reason).splitlines() if line.strip()] or [type(reason).__name__]
    return RefusalError(model, lines[0], layer)


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
    inner = model.module if isinstance(model, Flat) else model
    inner = inner.model if isinstance(inner, StatesAsArguments) else inner
    return str(getattr(inner, "name", type(inner).__name__))


def _is_text(tensor: KerasTensor) -> bool:
    return not isinstance(tensor.dtype, torch.dtype)


def _reader(model: nn.Module) -> Layer | None:
    """The first layer that reads texts in a model of layers."""
    layers = (module for module in model.modules() if isinstance(module, Layer) and not hasattr(module, "layers"))
    texts = (layer for layer in layers if any(map(_is_text, leaves(KerasTensor, getattr(layer, "input", None)))))
    return next(texts, None)


def _ones(tensor: KerasTensor, device: torch.device) -> Tensor:
    return torch.ones([_SIZE if size is None else size for size in tensor.shape], dtype=tensor.dtype, device=device)


def _free_axes(tensor: KerasTensor) -> Free:
    return Free(tuple(axis for axis, size in enumerate(tensor.shape) if size is None))
