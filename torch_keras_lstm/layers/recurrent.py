"""What every layer over time shares: which outputs are returned, where states come from and where they are kept."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.nn.utils.rnn import PackedSequence

from torch_keras_lstm.layers import rules_of_files
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.mixed import follows_keras
from torch_keras_lstm.layers.packed import call_on_packed
from torch_keras_lstm.recomputation import noted
from torch_keras_lstm.torch_internals import is_jit_traced


class LiveStates(list[Tensor]):
    """Kept states that the next call may write over: whoever asks for them gets copies."""


class RecurrentLayer(Layer):
    """A layer that maps (batch, time, features) to outputs and final states.

    Args:
        return_sequences: return all outputs, (batch, time, units), instead of the last one, (batch, units).
        return_state: return the final states after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final states of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        hold_initial_state: the rule of Keras 1 and 2.0 to 2.2 for masked steps before the first other one: their output
            is the hidden state that was given, not zeros. The converter sets it for their files.
        ends_mask: the rule from Keras 3.16 on: the layer heeds its mask and hands it to none behind it. The converter
            sets it for files of those Kerases.
    """

    @property
    def computes_in_float32(self) -> bool:  # type: ignore[override]  # a property here, for a value there
        """Under a policy of mixed precision on a CPU in a traced graph: a node of it has no recurrence in half."""
        return self.device.type == "cpu" and not follows_keras(self)

    supports_masking = True

    def __init__(
        self,
        *,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        hold_initial_state: bool = False,
        ends_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.hold_initial_state = hold_initial_state
        self.ends_mask = ends_mask or rules_of_files.hold_here()
        if self.ends_mask:
            self.supports_masking = False
        # A list, and no buffers: DistributedDataParallel would overwrite those with another process' at each call, and
        # AveragedModel would take one for another.
        self._kept: list[Tensor] = []
        self._registered: tuple[str, ...] = ()  # the names of the states that are buffers, for an export
        self._repeats = False  # whether this is a call that a checkpoint makes once more
        self._is_handed = False  # whether somebody hands the states to each call and takes them after it

    def _shape_of_features(self, features: int) -> Shape:
        return None, None, features

    @property
    @abstractmethod
    def state_sizes(self) -> tuple[int, ...]:
        """The width of each state: (batch, width)."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """The width of the output: (batch, width)."""

    @property
    def input_layout(self) -> tuple[str, ...]:
        """The axes of an input in words."""
        return "batch", "time", "features"

    @property
    def state_layout(self) -> tuple[str, ...]:
        """The axes of a state in words."""
        return "batch", "units"

    def state_shapes(self, input_shape: Shape) -> tuple[Shape, ...]:
        """The shape of each state for inputs of ``input_shape``."""
        batch = input_shape[0]
        return tuple([(batch, size) for size in self.state_sizes])

    def step_output_shape(self, input_shape: Shape) -> Shape:
        """The shape of one step's output for inputs of ``input_shape``."""
        return (input_shape[0], self.output_size)

    # -- states ---------------------------------------------------------------------------------------------------

    @property
    def states(self) -> tuple[Tensor, ...] | None:
        """What a stateful layer starts its next call from, detached; ``None`` when that is zeros."""
        return self.kept_states()

    def kept_states(self) -> tuple[Tensor, ...] | None:
        """As ``states``, and not a property, which ``torch.compile`` does not find in a base class."""
        if self._registered and torch.compiler.is_exporting():
            return tuple(getattr(self, name) for name in self._registered)
        kept = self._kept
        if (
            not torch.compiler.is_compiling()
            and kept
            and (type(kept) is LiveStates or (kept[0].is_inference() and not torch.is_inference_mode_enabled()))
        ):
            kept = [state.clone() for state in kept]  # a call that is to be differentiated may go on from these
        return tuple(kept) or None

    def reset_state(self) -> None:
        """Forget the kept states: the next call starts from zeros, with any batch size."""
        self._kept = []
        for name in self._registered:
            delattr(self, name)
        self._registered = ()

    def _begin_anew(self) -> None:
        super()._begin_anew()
        self.reset_state()

    def reset_states(self, states: Any = None) -> None:
        """Keras 2's name of :meth:`reset_state`; with ``states`` the next call starts from these.

        Args:
            states: one array for each state, in a list where there are several, for the whole batch.

        Raises:
            ValueError: when the layer is not stateful, or their number does not fit.
        """
        self.reset_state()
        if states is None:
            return
        if not self.stateful:
            raise ValueError(f"Layer `{self.name}` keeps no states: it is not `stateful=True`.")
        given = [*states] if isinstance(states, list | tuple) else [states]
        layout = self.state_layout
        if len(given) != len(layout):
            raise ValueError(f"Layer `{self.name}` has {len(layout)} states, got {len(given)}.")
        self.keep_states([torch.as_tensor(one).to(self.device, self._dtype, copy=True) for one in given])

    def keep_states(self, states: Sequence[Tensor], seen: Sequence[Tensor] | None = None) -> None:
        """Keep ``states`` for the next call: they move with the module, but stay out of its ``state_dict``.

        Args:
            states: those after the last step.
            seen: what else has a hold of them, and may change them by an operation in place; ``None`` if that is not
                known.

        Raises:
            RuntimeError: in a graph that would go on from the same states at each call; it says what to do.
        """
        if self._repeats:
            return None
        if not self._is_handed and (torch.compiler.is_exporting() or is_jit_traced()):
            return self._write_states(states)
        dtype = self._dtype
        kept = []
        for state in states:
            # Of the layer's own type, because autocast makes states of another that the next call could not take
            # without it.
            mine = state.detach() if state.requires_grad and not self._is_handed else state
            if seen is None or _may_be_seen(state, seen):
                mine = mine.clone()
            kept.append(mine if mine.dtype is dtype else mine.to(dtype))
        self._kept[:] = kept
        if self._registered:
            self._buffers.update(zip(self._registered, kept, strict=False))
        return None

    def register_states(self) -> None:
        """Make buffers of the kept states: an exported program can change nothing else, and goes on from them.

        ``torch_keras_lstm.layers.StatesAsArguments`` is the other way: there each call is handed its states.

        Raises:
            RuntimeError: when there are none: call the layer once, with a batch of the size to export for.
        """
        if not self._kept:
            raise RuntimeError(
                f"Stateful layer `{self.name}` has no states that an exported program could go on from. Call it once, "
                "with a batch of the size to export for, before `register_states()`."
            )
        self._kept = list(self.kept_states() or ())
        self._registered = tuple(f"_state_{index}" for index in range(len(self._kept)))
        for name, state in zip(self._registered, self._kept, strict=True):
            self.register_buffer(name, state, persistent=False)

    def hand_over(self, states: list[Tensor]) -> list[Tensor]:
        """Start the next call from ``states``, and keep those after it as they are; what was kept is returned."""
        kept, self._kept, self._is_handed = self._kept, states, True
        return kept

    def handed_over(self) -> list[Tensor]:
        """The states after a call that began with :meth:`hand_over`."""
        return list(self._kept)

    def take_back(self, kept: list[Tensor]) -> None:
        """Undo :meth:`hand_over`, which returned ``kept``."""
        self._kept, self._is_handed = kept, False

    def _write_states(self, states: Sequence[Tensor]) -> None:
        """Keep ``states`` in the buffers that there are, all that an exported program can change."""
        if not torch.compiler.is_exporting() or torch.onnx.is_in_onnx_export():
            raise RuntimeError(
                f"Stateful layer `{self.name}` would start every call of this file or trace from the same states. Let "
                "them go in and come out: export or trace `torch_keras_lstm.layers.StatesAsArguments(model)`."
            )
        if not self._registered:
            raise RuntimeError(
                f"Stateful layer `{self.name}` has no states that an exported program could go on from. Call it once, "
                "with a batch of the size to export for, and then `register_states()`, before it is exported; or "
                "export `torch_keras_lstm.layers.StatesAsArguments(model)`, whose states go in and come out."
            )
        for name, state in zip(self._registered, states, strict=True):
            getattr(self, name).copy_(state)

    def _apply(self, fn: Any, recurse: bool = True) -> Self:
        self._kept = [fn(state) for state in self.kept_states() or ()]
        return super()._apply(fn, recurse)

    def starting_states(self, inputs: Tensor, initial_state: Sequence[Any] | None) -> tuple[Tensor, ...]:
        """The states before the first step: ``initial_state``, else those kept by a stateful layer, else zeros.

        Raises:
            ValueError: when their number or a shape does not fit.
        """
        again = self._again() if self.stateful else None
        if initial_state is not None:
            return self.given_states(inputs, initial_state)
        kept = self.kept_states() if self.stateful and again is None else again
        if not kept:
            return self.first_states(inputs)
        if kept[0].shape[0] != inputs.shape[0]:
            raise ValueError(
                f"Stateful layer `{self.name}` keeps states of batch size {kept[0].shape[0]}, got a batch of "
                f"{inputs.shape[0]}. Call `reset_state()` before sequences of another batch size."
            )
        return kept

    def given_states(self, inputs: Tensor, initial_state: Sequence[Any]) -> tuple[Tensor, ...]:
        """``initial_state`` as tensors beside ``inputs``; errors as :meth:`starting_states`."""
        shapes, layout = self.state_shapes(inputs.shape), self.state_layout
        return as_shaped_states(initial_state, shapes, inputs, "initial_state", f"layer `{self.name}`", layout)

    def _again(self) -> tuple[Tensor, ...] | None:
        """What the call started from that a checkpoint makes once more, empty for zeros; ``None`` for a first call."""
        if self._repeats:  # setting an attribute of a module takes a while
            self._repeats = False
        if not (torch.is_grad_enabled() or self.training):  # as in inference step by step, where time counts
            return None
        again = noted(self, lambda: self.kept_states() or (), f"Stateful layer `{self.name}`")
        if again is not None:
            self._repeats = True
        return again

    def first_states(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """What a sequence starts from when no state is given or kept: zeros."""
        shapes: Any = self.state_shapes(inputs.shape)
        try:
            return tuple([inputs.new_zeros(shape) for shape in shapes])
        except RuntimeError:
            refuse_nested(inputs, self.name)
            raise

    def _call_on_packed(self, packed: PackedSequence, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run the padded sequence with its mask; outputs of all steps are packed as the inputs were."""
        return call_on_packed(self, packed, args, kwargs)

    # -- inputs, masks, outputs -----------------------------------------------------------------------------------

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, features) with at least one step."""
        if len(shape) != len(self.input_layout):
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape ({', '.join(self.input_layout)}), got {len(shape)} axes: "
                f"{tuple(shape)}."
            )
        if shape[1] == 0:
            raise ValueError(f"Layer `{self.name}` needs at least one time step, got an input of shape {tuple(shape)}.")

    def check_mask(self, mask: Any, inputs: Tensor) -> Tensor | None:
        """The mask as a tensor beside ``inputs``.

        Raises:
            ValueError: when it is not (batch, time) or not boolean.
        """
        if mask is None:
            return None
        mask = mask if isinstance(mask, Tensor) else torch.as_tensor(mask, device=inputs.device)
        if mask.dtype is not torch.bool:
            raise ValueError(
                f"`mask` of layer `{self.name}` must be boolean (True where a step counts), got "
                f"{str(mask.dtype).removeprefix('torch.')}: pass `mask.bool()` or `values != 0`. States are "
                "`initial_state=`."
            )
        if mask.shape != inputs.shape[:2]:
            raise ValueError(
                f"`mask` of layer `{self.name}` must have shape (batch, time) = {tuple(inputs.shape[:2])}, "
                f"got {tuple(mask.shape)}."
            )
        checked: Tensor = mask
        return checked

    def deliver(self, output: Tensor, states: Sequence[Tensor] | None) -> Any:
        """What a call returns, ``output`` or ``(output, *states)``; a stateful layer keeps the states."""
        returned = states if states is not None and self.return_state else ()
        output = self.finish(output, *returned)
        if states is not None and self.stateful:
            self.keep_states(states, (output, *returned))
        return (output, *returned) if self.return_state else output

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask goes on with sequences and ends with a last output; states have none."""
        mask = mask if self.return_sequences else None
        return [mask, *(None for _ in self.state_sizes)] if self.return_state else mask

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """As :meth:`compute_mask`, but ``None`` where the mask ends."""
        return None if self.ends_mask else self.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, time, units) or (batch, units); with ``return_state`` a tuple of that and the states' shapes."""
        batch, *rest = self.step_output_shape(input_shape)
        output: Shape = (batch, input_shape[1], *rest) if self.return_sequences else (batch, *rest)
        return (output, *self.state_shapes(input_shape)) if self.return_state else output

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "zero_output_for_mask": self.zero_output_for_mask,
        }
        if self.hold_initial_state:
            config["hold_initial_state"] = True  # which no Keras has a name for
        if self.ends_mask:
            config["ends_mask"] = True  # nor for this
        return config

    def extra_repr(self) -> str:
        """The flags that are set."""
        flags = ("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")
        return ", ".join([super().extra_repr(), *(f"{flag}=True" for flag in flags if getattr(self, flag))])


def refuse_nested(inputs: Tensor, name: str) -> None:
    """Raise a ``TypeError`` that says what to write if ``inputs`` is a nested tensor.

    Raises:
        TypeError: for one with ``layout=torch.jagged``, or one without.
    """
    if inputs.is_nested:
        raise TypeError(
            f"Layer `{name}` takes no nested tensor. Pad it, and pass the mask: `layer(inputs.to_padded_tensor(0.0), "
            "mask=torch.arange(steps) < lengths[:, None])`."
        )


def as_states(given: Any, sizes: Sequence[int], inputs: Tensor, argument: str, owner: str) -> tuple[Tensor, ...]:
    """States (batch, width) that a user passed; ``sizes`` are the widths, the rest as in :func:`as_shaped_states`."""
    shapes = [(inputs.shape[0], size) for size in sizes]
    return as_shaped_states(given, shapes, inputs, argument, owner, ("batch", "units"))


def as_shaped_states(
    given: Any, shapes: Sequence[Shape], inputs: Tensor, argument: str, owner: str, layout: Sequence[str]
) -> tuple[Tensor, ...]:
    """States that a user passed, a list of them or one alone, as tensors of the type and on the device of ``inputs``.

    Args:
        shapes: of each state, batch axis included.
        argument, owner: what an error calls the states and the layer.
        layout: what it calls the axes of a state.

    Raises:
        ValueError: when their number or a shape does not fit.
    """
    listed = given if isinstance(given, (list, tuple)) else [given]
    if len(listed) != len(shapes):
        raise ValueError(f"`{argument}` of {owner} must hold {len(shapes)} states, got {len(listed)}.")
    # `torch.jit.trace` takes what `as_tensor` gives for a constant.
    states = tuple(
        state.to(inputs)
        if isinstance(state, Tensor)
        else torch.as_tensor(state, dtype=inputs.dtype, device=inputs.device)
        for state in listed
    )
    if any(state.shape == (1, *shape) for state, shape in zip(states, shapes, strict=True)):
        states = tuple(state.squeeze(0) if state.dim() == len(layout) + 1 else state for state in states)  # as torch's
    for index, (state, shape) in enumerate(zip(states, shapes, strict=True)):
        if state.shape != shape:
            raise ValueError(
                f"`{argument}[{index}]` of {owner} must have shape ({', '.join(layout)}) = {shape}, "
                f"got {tuple(state.shape)}."
            )
    return states


def _may_be_seen(state: Tensor, others: Sequence[Tensor]) -> bool:
    """Whether one of the others is the same tensor, or may be a part of it."""
    if torch.compiler.is_compiling():
        return True
    for other in others:
        if other is state or other._is_view():
            return True
    return state._is_view()
