"""``keras.layers.Bidirectional``: a recurrent layer run both ways."""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Self, Unpack

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from torch_keras_lstm.layers import rules_of_files
from torch_keras_lstm.layers.both_ways import lay_out_for_cudnn, run_together, split, why_apart
from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.nested_states import are_states, flat_like
from torch_keras_lstm.layers.packed import call_on_packed
from torch_keras_lstm.layers.recurrent import RecurrentLayer
from torch_keras_lstm.layers.recurrent_cell import TORCH_NAMES
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.layers.torch_rnn import (
    arguments_of,
    check_single,
    check_torch_computes,
    layer_name,
    module_for,
    take_from,
    warn_of_batch_axis,
)
from torch_keras_lstm.recurrence import Path
from torch_keras_lstm.registry import CUSTOM_OBJECTS, with_registered

_MERGE: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda forward, backward: torch.cat((forward, backward), dim=-1),
    "sum": torch.add,
    "ave": lambda forward, backward: (forward + backward) / 2,
    "mul": torch.mul,
}

_BY_NAME: Mapping[str, Any] = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}


@register("keras.layers")
class Bidirectional(Layer):
    """Run a recurrent layer forwards and a copy of it backwards, and merge what they give.

    With ``return_sequences`` the backward outputs are put back into the order of time, and masked steps are zeros in
    both halves, as in Keras 3 and tf.keras.

    Two halves of class :class:`LSTM`, :class:`GRU` or :class:`SimpleRNN` that differ in nothing but direction and
    weights run together where no hook of a half's own asks for the other way: on a CPU in one call of the kernels in C,
    elsewhere, LSTMs without mask and dropout, in one of torch's bidirectional kernel. The numbers are the same. See
    :meth:`path_for`.

    Args:
        layer: the layer to run forwards, an :class:`LSTM` or :class:`RNN`. Its configuration is copied, its weights
            are not.
        merge_mode: "concat", "sum", "ave", "mul", or ``None`` for both outputs side by side.
        weights: forward then backward weights to start with, as ``get_weights`` gives them; needs a known input shape.
        backward_layer: the layer to run backwards, used as it is; by default a copy of ``layer`` with
            ``go_backwards`` turned round.
        zero_output_for_mask: ``None`` for the rule above. ``False`` is the rule of Keras 1 and 2.0 to 2.3, which
            repeated the last output at masked steps; the converter sets it for their files.
        ends_mask: the rule from Keras 3.16 on: the mask ends here. The converter sets it for files of those Kerases.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when the halves do not fit together, or ``merge_mode`` is unknown.

    Example:
        >>> layer = Bidirectional(LSTM(4, return_sequences=True))
        >>> layer(torch.randn(2, 5, 3)).shape
        torch.Size([2, 5, 8])
        >>> layer.forward_layer.units, layer.backward_layer.go_backwards
        (4, True)
    """

    supports_masking = True

    def __init__(
        self,
        layer: RecurrentLayer,
        merge_mode: str | None = "concat",
        weights: Sequence[Any] | None = None,
        backward_layer: RecurrentLayer | None = None,
        *,
        zero_output_for_mask: bool | None = None,
        ends_mask: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        given = {"layer": layer} if backward_layer is None else {"layer": layer, "backward_layer": backward_layer}
        for argument, value in given.items():
            if not isinstance(value, RecurrentLayer):
                raise ValueError(f"`{argument}` must be a recurrent layer such as LSTM(units), got {value!r:.200}.")
        if merge_mode is not None and merge_mode not in _MERGE:
            close = get_close_matches(str(merge_mode), _MERGE, n=1, cutoff=0.5)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"`merge_mode` must be one of {', '.join(_MERGE)} or None, got {merge_mode!r:.200}.{hint}")
        super().__init__(**kwargs)
        self.merge_mode = merge_mode
        self.zero_output_for_mask = zero_output_for_mask
        self.ends_mask = ends_mask or rules_of_files.hold_here()
        if self.ends_mask:
            self.supports_masking = False
        self.forward_layer = _renamed(layer, "forward")
        self.backward_layer = _renamed(layer, "backward") if backward_layer is None else backward_layer
        self._check_halves()
        for half in (self.forward_layer, self.backward_layer):
            half.zero_output_for_mask = half.return_sequences if zero_output_for_mask is None else zero_output_for_mask
            half._warned_of_mask = True  # what becomes of the mask is told of this layer
        if not self.trainable:
            self.requires_grad_(False)
        self.batch_input_shape = self.batch_input_shape or layer.batch_input_shape
        self.register_load_state_dict_post_hook(_on_loaded)  # type: ignore[no-untyped-call]  # torch has not annotated it
        self.build_if_shape_is_known()
        if weights is not None:
            self.set_weights(weights)

    def _check_halves(self) -> None:
        forward, backward = self.forward_layer, self.backward_layer
        if forward.go_backwards == backward.go_backwards:
            raise ValueError(
                "`layer` and `backward_layer` must run in opposite directions, but both have "
                f"go_backwards={forward.go_backwards}."
            )
        for flag in ("stateful", "return_sequences", "return_state"):
            if getattr(forward, flag) != getattr(backward, flag):
                raise ValueError(
                    f"`layer` and `backward_layer` must have the same `{flag}`, got {getattr(forward, flag)} and "
                    f"{getattr(backward, flag)}."
                )
        if self.merge_mode in ("sum", "ave", "mul") and forward.output_size != backward.output_size:
            raise ValueError(
                f"`merge_mode` {self.merge_mode!r} needs outputs of one width, but `layer` gives {forward.output_size} "
                f"and `backward_layer` {backward.output_size}: use 'concat' or None."
            )

    @property
    def stateful(self) -> bool:
        """Whether the halves keep their states."""
        return self.forward_layer.stateful

    @property
    def return_sequences(self) -> bool:
        """Whether the halves return the outputs of all steps."""
        return self.forward_layer.return_sequences

    @property
    def return_state(self) -> bool:
        """Whether the final states are returned."""
        return self.forward_layer.return_state

    @property
    def states(self) -> tuple[Tensor, ...] | None:
        """The kept states, forward then backward; ``None`` when those are zeros."""
        return (self.forward_layer.states or ()) + (self.backward_layer.states or ()) or None

    def reset_state(self) -> None:
        """Forget the kept states of both halves."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self) -> None:
        """Keras' other name of :meth:`reset_state`."""
        self.reset_state()

    @property
    def built(self) -> bool:
        """Whether both halves are built."""
        return self.forward_layer.built and self.backward_layer.built

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build both halves for (batch, time, features)."""
        with self.building():
            self.forward_layer.build(input_shape)
            self.backward_layer.build(input_shape)
        self.on_new_storage()

    def on_new_storage(self) -> None:
        """Lay the weights of both halves out for one call of cuDNN, after each half did for its own."""
        lay_out_for_cudnn(self._halves)

    @property
    def _halves(self) -> tuple[RecurrentLayer, RecurrentLayer]:
        return self.forward_layer, self.backward_layer

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the halves take inputs of ``shape``."""
        self.forward_layer.check_input_shape(shape)

    @property
    def casts_integers(self) -> bool:  # type: ignore[override]  # of its halves, and theirs of their classes
        """Whether the halves do."""
        return self.forward_layer.casts_integers

    def forward(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Sequence[Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run both halves and merge.

        Args:
            inputs: (batch, time, features)
            mask: (batch, time), boolean; as in :meth:`LSTM.forward`.
            initial_state: the forward half's states, then the backward half's: four tensors (batch, units) for an LSTM.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The merged output, or the pair of outputs with ``merge_mode=None``; with ``return_state`` a tuple of that
            and the final states, forward then backward.
        """
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        if initial_state is None and mask is not None and are_states(mask):
            initial_state, mask = mask, None
        given = self._split_states(initial_state)
        outputs: tuple[Tensor, ...]
        if why_apart(self._halves, inputs, mask, training) is None:
            side_by_side, states = run_together(self._halves, inputs, mask, given, training)
            outputs = (side_by_side,) if self.merge_mode == "concat" else split(side_by_side)
        else:
            outputs, states = self._run_apart(inputs, mask, given, training)
        if outputs[0].dtype is not inputs.dtype:
            outputs = tuple(map(self.as_computed, outputs))
        if self.merge_mode is None:
            return (*(output.contiguous() for output in outputs), *states)
        merged = self.finish(_MERGE[self.merge_mode](*outputs) if len(outputs) == 2 else outputs[0])
        return (merged, *states) if states else merged

    def _run_apart(
        self,
        inputs: Tensor,
        mask: Any,
        given: tuple[Sequence[Any] | None, Sequence[Any] | None],
        training: bool,
    ) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, ...]]:
        """The outputs of both halves in the order of time, and the final states with ``return_state``."""
        forward = self.forward_layer(inputs, mask=mask, initial_state=given[0], training=training)
        backward = self.backward_layer(inputs, mask=mask, initial_state=given[1], training=training)
        states: tuple[Tensor, ...] = ()
        if self.return_state:
            forward, backward, states = forward[0], backward[0], (*forward[1:], *backward[1:])
        return (forward, backward.flip(1) if self.return_sequences else backward), states

    def path_for(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Path:
        """Whether a call with these arguments would run the halves "together" or "apart", and why not together.

        Args:
            inputs, mask, training: as in a call.

        Raises:
            ValueError: when a call with these would.
        """
        inputs = self.as_input(inputs)
        self.check_input_shape(inputs.shape)
        reason = why_apart(self._halves, inputs, mask, self.training if training is None else training)
        return Path("together", None) if reason is None else Path("apart", reason)

    def _call_on_packed(self, packed: PackedSequence, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run the padded sequence with its mask; outputs of all steps are packed as the inputs were."""
        return call_on_packed(self, packed, args, kwargs)

    def _split_states(self, initial_state: Sequence[Any] | None) -> tuple[Sequence[Any] | None, Sequence[Any] | None]:
        if initial_state is None:
            return None, None
        nestings = [getattr(half, "nesting", half.state_sizes) for half in self._halves]
        initial_state = flat_like([*nestings[0], *nestings[1]], initial_state)
        forward, backward = len(self.forward_layer.state_sizes), len(self.backward_layer.state_sizes)
        if len(initial_state) != forward + backward:
            raise ValueError(
                f"`initial_state` of layer `{self.name}` must hold {forward + backward} states, {forward} of the "
                f"forward and {backward} of the backward half, got {len(initial_state)}."
            )
        return initial_state[:forward], initial_state[forward:]

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """As Keras: the mask goes on with sequences, once an output; states have none."""
        mask = mask if self.return_sequences else None
        outputs = (mask,) if self.merge_mode is not None else (mask, mask)
        states = (None,) * (2 * len(self.forward_layer.state_sizes)) if self.return_state else ()
        masks = (*outputs, *states)
        return masks if len(masks) > 1 else masks[0]

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """As :meth:`compute_mask`, but ``None`` where the mask ends."""
        return None if self.ends_mask else self.compute_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The merged output's shape, or the pair; with ``return_state`` a tuple of that and the states' shapes."""
        forward: Any = self.forward_layer.compute_output_shape(input_shape)
        backward: Any = self.backward_layer.compute_output_shape(input_shape)
        states: tuple[Shape, ...] = ()
        if self.return_state:
            (forward, *forward_states), (backward, *backward_states) = forward, backward
            states = (*forward_states, *backward_states)
        if self.merge_mode is None:
            return (forward, backward, *states)
        width = forward[-1] + backward[-1] if self.merge_mode == "concat" else forward[-1]
        merged = (*forward[:-1], width)
        return (merged, *states) if states else merged

    # -- torch's modules --------------------------------------------------------------------------------------------

    def to_torch(self) -> Any:
        """A bidirectional ``torch.nn.LSTM``, ``GRU`` or ``RNN`` with copies of these weights and ``batch_first=True``.

        Raises:
            ValueError: when a half is not built, or this computes what torch's module cannot.
        """
        halves = self.halves_for_torch()
        module, state = module_for(halves[0], bidirectional=True), dict[str, Tensor]()
        for half in halves:
            take_from(half, state, backwards=half.go_backwards)
        module.load_state_dict(state)
        return module.train(self.training)

    def halves_for_torch(self) -> tuple[CellLayer, CellLayer]:
        """Both halves, if one bidirectional module of torch's computes what they do; errors as :meth:`to_torch`."""
        forward, backward = self._halves
        reason = None
        if not isinstance(forward, CellLayer) or not isinstance(backward, CellLayer):
            reason = f"its halves are of the class {type(forward).__name__}"
        elif self.merge_mode != "concat":
            reason = f"torch's modules put both outputs side by side, and `merge_mode` is {self.merge_mode!r}"
        elif (type(forward), forward.units, forward.use_bias) != (type(backward), backward.units, backward.use_bias):
            reason = "its halves are not alike"
        if reason is not None:
            raise ValueError(f"Layer `{self.name}` cannot become a module of torch's: {reason}.")
        check_torch_computes(forward)
        check_torch_computes(backward, backwards=True)
        return forward, backward  # type: ignore[return-value]

    @classmethod
    def from_torch(cls, rnn: nn.RNNBase, **kwargs: Any) -> Self:
        """A layer with copies of the weights of a bidirectional ``torch.nn.LSTM``, ``GRU`` or ``RNN`` of one layer.

        Args:
            rnn: see :meth:`LSTM.from_torch`.
            **kwargs: arguments of both halves.

        Raises:
            ValueError: when it has several layers, one direction or a projection.
            TypeError: when it is none of torch's.
        """
        check_single(rnn, 2, cls.__name__)
        warn_of_batch_axis(rnn)
        given = {**arguments_of(rnn), **kwargs}
        with next(rnn.parameters()).device:
            layer = cls(_BY_NAME[layer_name(rnn)](**given), dtype=given["dtype"])
            layer.build((None, None, rnn.input_size))
        layer.load_state_dict(rnn.state_dict())
        return layer.train(rnn.training)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        """Takes torch's names, too: those of one direction end in ``_l0``, of the other in ``_l0_reverse``."""
        for name in TORCH_NAMES:
            for ending, half in (("_l0", "forward_layer."), ("_l0_reverse", "backward_layer.")):
                tensor = state_dict.pop(prefix + name + ending, None)
                if tensor is not None:
                    state_dict[f"{prefix}{half}{name}_l0"] = tensor
        super()._load_from_state_dict(state_dict, prefix, *args)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, both halves' configurations among them."""
        config = {
            **super().get_config(),
            "merge_mode": self.merge_mode,
            "layer": serialize(self.forward_layer),
            "backward_layer": serialize(self.backward_layer),
        }
        if self.zero_output_for_mask is not None:
            config["zero_output_for_mask"] = self.zero_output_for_mask
        if self.ends_mask:
            config["ends_mask"] = True
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with new halves."""
        given = {key: config[key] for key in ("layer", "backward_layer") if config.get(key) is not None}
        halves = {key: deserialize(half) for key, half in given.items()}
        return super().from_config({**config, **halves})

    def extra_repr(self) -> str:
        """The name, and the merge mode if it is not the default."""
        merge = f", merge_mode={self.merge_mode!r}" if self.merge_mode != "concat" else ""
        return super().extra_repr() + merge


def _on_loaded(layer: Bidirectional, _: object) -> None:
    """A ``state_dict`` reaches the halves after the layer, and each half lays its own weights out by itself."""
    layer.on_new_storage()


def _renamed(layer: RecurrentLayer, direction: str) -> RecurrentLayer:
    """A fresh copy of ``layer`` named for its direction, turned round for "backward"."""
    config = layer.get_config()
    config["name"] = f"{direction}_{layer.name.removeprefix(direction + '_')}"
    if direction == "backward":
        config["go_backwards"] = not layer.go_backwards
    # A cell of somebody's own is of a class that no configuration leads to, but the layer to be copied does.
    classes = {type(module).__name__: type(module) for module in layer.modules() if isinstance(module, Layer)}
    token = CUSTOM_OBJECTS.set({**with_registered(None), **classes})
    try:
        copy = type(layer).from_config(config)
    finally:
        CUSTOM_OBJECTS.reset(token)
    for name in ("use_cudnn", "recompute"):  # chosen for a machine, so no part of the configuration
        if hasattr(layer, name):
            setattr(copy, name, getattr(layer, name))
    return copy
