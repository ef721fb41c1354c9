"""``keras.layers.RNN``: any cell, run over time."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.recurrent import RecurrentLayer, as_states
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.single_step import SingleStep
from torch_keras_lstm.layers.stacked_rnn_cells import StackedRNNCells, flat_states
from torch_keras_lstm.recurrence.masks import zero_masked
from torch_keras_lstm.recurrence.scan import States, Stepped, scan


@register("keras.layers")
class RNN(RecurrentLayer):
    """Run ``cell`` over (batch, time, features), with the arguments and the mask rule of ``keras.layers.RNN``.

    Args:
        cell: a cell, or a list of them, which becomes :class:`torch_keras_lstm.layers.StackedRNNCells`. A cell is a
            module whose call takes (batch, features) and a tuple of states and returns the output and the new states.
            It has Keras' ``state_size`` (an integer, or a list of them) and, if the output is not as wide as
            the first state, ``output_size``. It may have ``get_initial_state(batch_size)``, where sequences start
            instead of at zeros, as in Keras, and ``step_for(inputs, training)``, which returns such a function for the
            whole sequence, dropout masks drawn once; :class:`torch_keras_lstm.layers.LSTMCell` has both.
        return_sequences, return_state, go_backwards, stateful, unroll, zero_output_for_mask: as in
            :class:`torch_keras_lstm.layers.LSTM`.
        **kwargs: the arguments of every layer; see :class:`Layer`. ``dtype`` is by default the cell's.

    Raises:
        ValueError: when the cell has no ``state_size``.
    """

    def __init__(
        self,
        cell: nn.Module | Sequence[SingleStep],
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        if not isinstance(cell, nn.Module):
            raise ValueError(
                f"`cell` must be a torch module with a `state_size`, such as LSTMCell(units), got {cell!r}."
            )
        if not hasattr(cell, "state_size"):
            raise ValueError(
                f"`cell` {type(cell).__name__} has no `state_size`: give it one, an integer or a list of integers, "
                "the width of each state."
            )
        if isinstance(cell, Layer):
            kwargs.setdefault("dtype", cell._dtype)
        super().__init__(
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            zero_output_for_mask=zero_output_for_mask,
            **kwargs,
        )
        self.cell = cell
        if not self.trainable:
            self.requires_grad_(False)
        self.build_if_shape_is_known()

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The widths of the cell's states; those of stacked cells one after the other."""
        return tuple(flat_states(self.cell.state_size))

    @property
    def output_size(self) -> int:
        """The cell's ``output_size``, by default the width of its first state."""
        return int(getattr(self.cell, "output_size", self.state_sizes[0]))

    @property
    def built(self) -> bool:
        """Whether the cell is built; a cell that is no Keras layer always is."""
        return self.cell.built if isinstance(self.cell, Layer) else True

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build the cell for one step of ``input_shape``, (batch, time, features)."""
        self.check_input_shape(tuple(input_shape))
        if isinstance(self.cell, Layer):
            self.cell.build((input_shape[0], *input_shape[2:]))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, features) as the cell takes them."""
        super().check_input_shape(shape)
        if isinstance(self.cell, Layer):
            self.cell.check_input_shape((shape[0], *shape[2:]))

    def _one_after_the_other(self, states: Any) -> Any:
        return flat_states(states) if states is not None and isinstance(self.cell, StackedRNNCells) else states

    def first_states(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """What the cell's ``get_initial_state`` gives, if it has one; otherwise zeros."""
        initial_state = getattr(self.cell, "get_initial_state", None)
        if initial_state is None:
            return super().first_states(inputs)
        states = self._one_after_the_other(initial_state(batch_size=inputs.shape[0]))
        return as_states(states, self.state_sizes, inputs, "get_initial_state", f"the cell of layer `{self.name}`")

    @property
    def casts_integers(self) -> bool:  # type: ignore[override]  # of the cell, and its of its class
        """Whether the cell does; one of somebody's own gets integers as they are, as in Keras."""
        return isinstance(self.cell, Layer) and self.cell.casts_integers

    def forward(
        self,
        inputs: Any,
        mask: Any = None,
        initial_state: Sequence[Any] | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run the sequence; arguments, result and errors as :meth:`torch_keras_lstm.layers.LSTM.forward`."""
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        mask = self.check_mask(mask, inputs)
        states = self.starting_states(inputs, self._one_after_the_other(initial_state))
        step_for = getattr(self.cell, "step_for", None)
        output, states = scan(
            _call_cell(self.cell) if step_for is None else step_for(inputs, training),
            inputs if mask is None else zero_masked(inputs, mask),
            states,
            mask,
            go_backwards=self.go_backwards,
            return_sequences=self.return_sequences,
            zero_output_for_mask=self.zero_output_for_mask,
            first_output=states[0] if self.hold_initial_state else None,
        )
        if self.stateful:  # a cell of somebody's own may keep a hold of what it returned, and change it
            states = tuple(state.clone() for state in states)
        delivered = self.deliver(output, states)
        if self.return_state and isinstance(self.cell, StackedRNNCells):
            return (delivered[0], *self.cell.nest(delivered[1:]))
        return delivered

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, the cell's configuration among them."""
        if not isinstance(self.cell, Layer):
            raise ValueError(
                f"Layer `{self.name}` has no configuration: its cell {type(self.cell).__name__} is no layer."
            )
        return {**super().get_config(), "cell": serialize(self.cell)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with a new cell."""
        return super().from_config({**config, "cell": deserialize(config["cell"])})


def _call_cell(cell: nn.Module) -> Any:
    """The cell as ``scan`` calls it: a single state may come without a list around it, as Keras allows."""

    def step(inputs: Tensor, states: States) -> Stepped:
        output, new_states = cell(inputs, states)
        return output, (new_states,) if isinstance(new_states, Tensor) else tuple(new_states)

    return step
