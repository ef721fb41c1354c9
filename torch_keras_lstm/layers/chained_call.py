"""Calls of one kind through several layers, in one call of C.

A word through an embedding, two recurrent layers and a projection takes the kernels in C ten microseconds, and the
calls of the layers around them another forty. A :class:`Chain` is what such a call comes to: the steps that C takes
between tensors of its own, and all that they depend on, which C compares before. What a layer contributes is in
``chain_parts.py``. A call of another kind takes the way of every call, and a second one in a row has a chain made
for it.

Chains are for little work: the interpreter's lock is held while they run, so that threads cannot disturb each other's.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.modules import module as torch_module

from torch_keras_lstm import torch_internals
from torch_keras_lstm.layers import own_layer, planned_call
from torch_keras_lstm.layers.call_context import CALL_CONTEXT
from torch_keras_lstm.layers.few_rows import has_memory
from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.recurrence import dispatch
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module

MOST_WORK = 2**22  # multiplications, 0.2 ms of them: the longest that the interpreter's lock is held

# As in csrc/chain.h.
_ENTRY, _EMPTY, _ATTRIBUTE, _CLASS, _ANSWER, _ANSWER_ABOUT, _TENSOR = range(7)
RUN, LOOK_UP, DENSE, MASK_ROWS, COPY, ZERO_MASKED, ZERO_LAST = range(7)

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Value(NamedTuple):
    """What goes from one part of a chain to the next.

    Attributes:
        place: its address; 0 for the inputs of the call.
        shape: of the tensor, which lies in one piece.
        dtype: its type.
        mask: the address of its mask, (batch, time), one byte each; 0 for none.
    """

    place: int
    shape: tuple[int, ...]
    dtype: torch.dtype
    mask: int = 0


class CannotChainError(Exception):
    """A layer that a chain has to end before."""


class Links:
    """A chain that is being made: parts add to it what they depend on, and what they do.

    Args:
        dtype: that the layers compute in.
        recorded: whether the calls are those that autograd records.
    """

    def __init__(self, dtype: torch.dtype, recorded: bool = False) -> None:
        self.recorded = recorded
        self.dtype = dtype
        self.size = dtype.itemsize
        self.facts: list[tuple[Any, ...]] = []
        self.steps: list[tuple[int, ...]] = []
        self.states: list[tuple[Any, list[Tensor], tuple[Tensor, ...]]] = []
        self.held: list[Any] = []
        self.then: Callable[[Tensor], Tensor] | None = None  # what is done to the outputs before the layers behind
        self.work = 0
        self.wants_threads = False

    # -- what it depends on -----------------------------------------------------------------------------------------

    def entry(self, owner: dict[str, Any], *keys: str) -> None:
        """What a dictionary has under ``keys`` stays."""
        self.facts += [(_ENTRY, owner, key, owner[key]) if key in owner else (_ENTRY, owner, key) for key in keys]

    def attributes(self, layer: Layer, *names: str) -> None:
        """The attributes of these names stay; they can be set at any time."""
        self.entry(layer.__dict__, *names)

    def weight(self, layer: Layer, name: str) -> int:
        """The address of a parameter, 0 for one that there is not. It stays there; its numbers may change.

        Raises:
            CannotChainError: when there is no memory to read.
        """
        found: Any = layer._parameters.get(name)
        if found is None:
            self.entry(layer._parameters, name)
            return 0
        if not has_memory(found, self.dtype):
            raise CannotChainError(name)
        with torch.inference_mode(False):
            self.facts.append((_TENSOR, layer._parameters, name, (found, found.detach())))
        return int(found.data_ptr())

    def module(self, module: Layer) -> None:
        """The module is called as its class says, in inference unless the calls are recorded.

        Raises:
            CannotChainError: when something waits for its call, or it computes in several types.
        """
        own = module.__dict__
        is_more = module._policy.is_mixed or module.activity_regularizer is not None
        if not self.recorded:
            is_more |= module.training
            self.entry(own, "training")
        if is_more or torch_internals.is_called_through_more(module):
            raise CannotChainError(module.name)
        self.facts.append((_CLASS, module, "", type(module)))
        self.facts.append((_ATTRIBUTE, type(module), "forward", type(module).forward))
        self.facts += [(_EMPTY, own, name) for name in _HOOKS]
        self.entry(own, "forward", "_compiled_call_impl", "supports_masking", "_policy")
        self.entry(own, "activity_regularizer")

    def surroundings(self) -> None:
        """Nobody looks at operations, or asks for other backends. Where the calls are not recorded, nobody records
        them, or trains the calls around; where they are, nobody asks for what is kept for the way back.
        """
        for function, answer in ((torch.is_grad_enabled, self.recorded), *torch_internals.CALLS_UNWATCHED):
            self.facts.append((_ANSWER, function, "", answer))
        self.facts.append((_ANSWER_ABOUT, torch.is_autocast_enabled, "cpu", False))
        self.entry(torch_internals.FORWARD_MODE, "_current_level")
        self.entry(planned_call.__dict__, "_wanted")
        self.entry(dispatch.__dict__, "_asked")
        if self.recorded:
            self.facts.append((_ANSWER_ABOUT, torch_internals.saved_tensors_hooks, True, None))
        else:
            self.facts.append((_ATTRIBUTE, CALL_CONTEXT, "training", None))
            self.facts.append((_ATTRIBUTE, own_layer.LossAdders, "exist", False))
        self.facts += [(_EMPTY, torch_module.__dict__, name) for name in torch_internals.GLOBAL_HOOKS]

    def listed(self, model: Any) -> None:
        """A model's list of layers stays what it is."""
        listed = model._modules["layers"]
        self.entry(model._modules, "layers")
        self.entry(listed._modules, *map(str, range(len(listed) + 1)))

    # -- what it does -----------------------------------------------------------------------------------------------

    def room(self, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Memory that is the chain's own, with zeros in it."""
        with torch.inference_mode(False):
            made = torch.zeros(shape, dtype=dtype or self.dtype, device="cpu")
        self.held.append(made)
        return made

    def step(self, kind: int, *numbers: int) -> None:
        """Add a step."""
        self.steps.append((kind, *map(int, numbers)))

    def state(self, layer: Any, kept: list[Tensor], tensors: tuple[Tensor, ...]) -> None:
        """The steps go on from the states ``tensors`` and leave the new ones there; ``kept`` is what the layer has."""
        self.states.append((layer, kept, tensors))

    def chain(
        self,
        inputs: Tensor,
        outputs: tuple[Any, Any, int, int] = (None, None, 0, 0),
        mask: tuple[Any, int, int] = (None, 0, 0),
        rest: Any = None,
    ) -> Any:
        """What checks all of that, and takes the steps.

        Args:
            inputs: such as each call will have.
            outputs: what makes them of a tensor like them, this, where the steps leave them, and their bytes.
            mask: a tensor like that of the outputs, where the steps leave it, and its bytes.
            rest: what is done to the outputs, or ``None``.
        """
        return compiled_module.Chain(
            C_KERNELS.kernel,
            self.dtype is torch.float64,
            tuple(self.facts),
            (Tensor, inputs.shape, inputs.dtype),
            tuple(self.steps),
            tuple((layer.__dict__, kept, tensors) for layer, kept, tensors in self.states),
            self.adopt,
            outputs,
            mask,
            rest,
            torch.get_num_threads if self.wants_threads else None,
            self.held,
        )

    def adopt(self) -> bool:
        """Have the steps go on from the states that the layers have; whether they can."""
        for layer, _, tensors in self.states:
            given = layer._kept
            if given and any(a.shape != b.shape or not a.is_cpu for a, b in zip(given, tensors, strict=False)):
                return False
        for layer, kept, tensors in self.states:
            given = [*layer._kept]
            with torch.no_grad():
                for place, tensor in enumerate(tensors):
                    if not given:
                        tensor.zero_()
                    elif given[place] is not tensor:
                        tensor.copy_(given[place])
            kept[:] = tensors
            layer.__dict__["_kept"] = kept
        return True


# (links, layer, value) -> what the layer gives
Part = Callable[[Links, Any, Value], Value]
PARTS: dict[type, Part] = {}
"""What makes a part of a chain of a layer, by its very class: a subclass may compute anything."""


def part_of(*classes: type) -> Callable[[Part], Part]:
    """Decorator for what makes parts of layers of these classes."""

    def add(part: Part) -> Part:
        PARTS.update(dict.fromkeys(classes, part))
        return part

    return add


def add_part(links: Links, layer: Any, value: Value) -> Value:
    """Add a layer to a chain.

    Raises:
        CannotChainError: when it cannot be a part of one.
    """
    part = PARTS.get(type(layer))
    if part is None or layer._dtype is not links.dtype or (value.mask and not layer.supports_masking):
        raise CannotChainError(layer.name)
    links.module(layer)
    return part(links, layer, value)


# (layer, inputs) -> what computes the outputs of calls like this one, which autograd recorded; or ``None``
Planner = Callable[[Any, Tensor], Callable[[Tensor], Tensor | None] | None]
PLANNERS: dict[type, Planner] = {}
"""What plans steps of training of a layer, by its very class."""


class Chains:
    """What a layer or a model knows of its calls: the chains for those like the last ones.

    There are several, because the last batch of an epoch may be a smaller one.

    Attributes:
        chains: for inference, those made last first.
        recorded: for calls that autograd records: each takes the inputs, and gives ``None`` for a call of another kind.
    """

    def __init__(self) -> None:
        self.chains: tuple[Any, ...] = ()
        self.recorded: tuple[Callable[[Tensor], Tensor | None], ...] = ()
        self._calls: dict[object, int] = {}  # of each kind that took the long way

    def after(self, module: Any, layers: Sequence[Any], inputs: Any) -> None:
        """Make a chain for calls such as the one for inference that was just made, from the second of a kind on.

        Where none can be made it is tried again after twice as many calls.

        Args:
            module: that was called.
            layers: that it called in turn; itself, if it is a layer.
            inputs: what it was called with.
        """
        if self._is_time(inputs):
            self.chains = _before(_chain_of(module, layers, inputs), self.chains)

    def after_recorded(self, layer: Any, inputs: Any) -> None:
        """As :meth:`after`, of a call that autograd recorded."""
        planner = PLANNERS.get(type(layer))
        if planner is not None and self._is_time(inputs):
            self.recorded = _before(planner(layer, inputs), self.recorded)

    def _is_time(self, inputs: Any) -> bool:
        """Note a call; whether there were so many of its kind that a chain may be worth making."""
        if type(inputs) is not Tensor or torch_internals.calls_are_watched():
            return False
        kind = (inputs.shape, inputs.dtype, torch.is_grad_enabled())
        calls = self._calls.pop(kind, 0) + 1
        if len(self._calls) >= _MOST_KINDS:
            del self._calls[next(iter(self._calls))]  # the one that was met longest ago
        self._calls[kind] = calls
        return calls > 1 and not calls & (calls - 1)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # A chain holds addresses: a copy of the layer, or one that comes out of a pickle, makes its own.
        return type(self), ()


_MOST_KINDS, _MOST_CHAINS = 32, 4


def _before(made: Any, others: tuple[Any, ...]) -> tuple[Any, ...]:
    """What was made, if anything was, before the others, which may fit again."""
    return others if made is None else (made, *others[: _MOST_CHAINS - 1])


class ChainedCall(Layer):
    """A layer, or a model, whose calls may be chains."""

    _chains: Chains

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As of every layer."""
        if len(args) == 1 and not torch.compiler.is_dynamo_compiling():
            chains: Chains | None = self.__dict__.get("_chains")  # an attribute of a module takes longer
            if chains is not None:
                if chains.chains and (not kwargs or kwargs == _IN_INFERENCE):
                    for chain in chains.chains:
                        outputs = chain.run(args[0])
                        if outputs is not None:
                            return outputs
                if chains.recorded and (not kwargs or kwargs.keys() == _ONLY_TRAINING):
                    for planned in chains.recorded:
                        outputs = planned(args[0])
                        if outputs is not None:
                            return outputs
        return super().__call__(*args, **kwargs)


_IN_INFERENCE, _ONLY_TRAINING = {"training": False}, {"training"}


def _chain_of(module: Any, layers: Sequence[Any], inputs: Tensor) -> Any:
    """The chain of as many of ``layers`` as can be parts of it, with the calls of the others behind; or ``None``."""
    if (
        C_KERNELS.off is not None
        or not planned_call.plans_are_used()
        or not inputs.is_cpu
        or torch_internals.calls_are_watched()
        or torch.is_autocast_enabled("cpu")
        or module._is_own
        or CALL_CONTEXT.training is not None
        or own_layer.LossAdders.exist
    ):
        return None
    dtype = next((layer._dtype for layer in layers if layer._rows), None)
    if dtype not in (torch.float32, torch.float64):
        return None
    links, value = Links(dtype), Value(0, tuple(inputs.shape), inputs.dtype)
    links.surroundings()
    is_model = layers[0] is not module
    done = 0
    try:
        if is_model:
            links.module(module)
            module.chain_facts(links, inputs)
        for layer in layers:
            marks = len(links.facts), len(links.steps), len(links.states), links.work, links.wants_threads
            try:
                value = add_part(links, layer, value)
            except CannotChainError:
                del links.facts[marks[0] :], links.steps[marks[1] :], links.states[marks[2] :]
                links.work, links.wants_threads = marks[3:]
                break
            done += 1
            if links.then is not None:
                break
    except CannotChainError:
        return None
    if not value.place or links.work == 0 or links.work > MOST_WORK:
        return None
    rest = layers[done:]
    for layer in rest:
        links.entry(layer.__dict__, "training")
        if layer.training:
            return None
    with torch.inference_mode(False):
        like = torch.empty(value.shape, dtype=dtype, device="cpu")
        mask_like = torch.empty(value.shape[:2], dtype=torch.bool, device="cpu")
    return links.chain(
        inputs,
        (torch.empty_like, like, value.place, prod(value.shape) * links.size),
        (mask_like, value.mask, mask_like.numel()),
        _calls_of([*([] if links.then is None else [links.then]), *rest]),
    )


def _calls_of(layers: Sequence[Any]) -> Callable[[Tensor], Any] | None:
    """A call of each in turn; ``None`` for nothing."""
    if len(layers) < 2:
        return layers[0] if layers else None

    def call(outputs: Any) -> Any:
        for layer in layers:
            outputs = layer(outputs)
        return outputs

    return call
