"""``keras.layers.RNN``: any cell, run over time."""

from collections.abc import Mapping, Sequence
from typing import Any, Self, Unpack

from torch import Tensor, nn

from torch_keras_lstm.layers.cell_call import (
    check_cell,
    initial_states_of,
    output_size_of,
    same_dropout_at_each_step,
    step_of,
)
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.nested_states import as_list, flat_like, flat_states, nested_like, nesting_of
from torch_keras_lstm.layers.recurrent import RecurrentLayer, as_shaped_states
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.single_step import SingleStep
from torch_keras_lstm.layers.stacked_rnn_cells import StackedRNNCells
from torch_keras_lstm.recurrence.graph_loops import loop_of_graph
from torch_keras_lstm.recurrence.scan import Constants, States, Step, Stepped, beside, scan
from torch_keras_lstm.torch_internals import weights_replaced


class _Step(nn.Module):
    """A step of ``cell`` in inference, as a module whose weights can be replaced."""

    def __init__(self, cell: nn.Module, nesting: Any) -> None:
        super().__init__()
        self.cell, self.nesting = cell, nesting
        self.train(cell.training)

    def forward(self, now: Tensor, states: States) -> Stepped:
        return step_of(self.cell, now, False, self.nesting)(now, states)


@register("keras.layers")
class RNN(RecurrentLayer):
    """Run ``cell`` over (batch, time, features), with the arguments and the mask rule of ``keras.layers.RNN``.

    Args:
        cell: a cell, or a list of them, which becomes :class:`torch_keras_lstm.layers.StackedRNNCells`. A cell is a
            layer or torch module whose call takes the inputs of a step, (batch, features), and the list of states,
            and ``training`` if it likes, and returns the output and the new states. It has Keras' ``state_size`` (an
            integer, or a list of them) and, if the output is not as wide as the first state, ``output_size``. It may
            have ``get_initial_state(batch_size)``, where sequences start instead of at zeros and which says how states
            are nested and shaped, as in Keras; and ``step_for(inputs, training)``, which returns a function of the
            inputs and the states for the whole sequence: :class:`torch_keras_lstm.layers.LSTMCell` has both. A class
            derived from such a cell that has a call of its own, and a cell with hooks, are called at each step.
        return_sequences: return the outputs of all steps instead of the last one.
        return_state: return the final states after the output.
        go_backwards: run from the last step to the first; the outputs stay in the order of processing.
        stateful: start each call from the final states of the one before, until ``reset_state()``.
        unroll: accepted for Keras' sake; it changes no number.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        **kwargs: the arguments of every layer; see :class:`Layer`. ``dtype`` is by default the cell's.

    Raises:
        ValueError: when the cell has no ``state_size``.

    Example:
        >>> class Running(Layer):
        ...     state_size = 3
        ...     def call(self, inputs, states):
        ...         total = states[0] + inputs
        ...         return total, [total]
        >>> RNN(Running(), return_sequences=True)(torch.ones(1, 4, 3))[0, :, 0]
        tensor([1., 2., 3., 4.])
        >>> RNN([LSTMCell(8), GRUCell(6)])(torch.randn(5, 10, 4)).shape
        torch.Size([5, 6])
    """

    def __init__(
        self,
        cell: Any,
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
        check_cell(cell)
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
        self._nesting: Any = None
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
        return output_size_of(self.cell)

    @property
    def built(self) -> bool:
        """Whether the cell is built; a cell that is no Keras layer always is."""
        return self.cell.built if isinstance(self.cell, Layer) else True

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build the cell for one step of ``input_shape``, (batch, time, features)."""
        self.check_input_shape(tuple(input_shape))
        if isinstance(self.cell, Layer):
            with self.building():
                self.cell.build((input_shape[0], *input_shape[2:]))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, time, features), or what else the cell takes at a step."""
        # A cell of somebody's own may take steps of any shape.
        counted = shape if self._has_our_cell else (*shape, None)[: len(self.input_layout)]
        super().check_input_shape(counted if len(shape) > 2 else shape)
        if isinstance(self.cell, Layer):
            self.cell.check_input_shape((shape[0], *shape[2:]))

    @property
    def _has_our_cell(self) -> bool:
        return isinstance(self.cell, (SingleStep, StackedRNNCells))

    @property
    def nesting(self) -> list[Any]:
        """How the cell nests its states."""
        if self._nesting is None:
            self._nesting = nesting_of(as_list(initial_states_of(self.cell, 1, self._example)))
        nesting: list[Any] = self._nesting
        return nesting

    def first_states(self, inputs: Tensor) -> tuple[Tensor, ...]:
        """What the cell's ``get_initial_state`` gives, if it has one; otherwise zeros."""
        states = flat_states(initial_states_of(self.cell, inputs.shape[0], inputs))
        shapes = [tuple(state.shape) for state in states]
        if self._has_our_cell or all(len(shape) == 2 for shape in shapes):
            shapes = [(inputs.shape[0], size) for size in self.state_sizes]
        owner = f"the cell of layer `{self.name}`"
        return as_shaped_states(states, shapes, inputs, "get_initial_state", owner, self.state_layout)

    def given_states(self, inputs: Tensor, initial_state: Sequence[Any]) -> tuple[Tensor, ...]:
        """As :meth:`RecurrentLayer.given_states`, for states of whatever shapes and nesting the cell starts from."""
        shapes = [tuple(state.shape) for state in self.first_states(inputs)]
        given, owner = flat_like(self.nesting, initial_state), f"layer `{self.name}`"
        return as_shaped_states(given, shapes, inputs, "initial_state", owner, self.state_layout)

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
        """Run the sequence.

        Args:
            inputs: (batch, time, ...), floating; cast to the layer's dtype.
            mask: (batch, time), boolean, ``True`` where a step counts. Any pattern. A masked step leaves the states
                as they are and repeats the output before it, zeros before the first unmasked one.
            initial_state: the states before the first step, as the cell has them; zeros by default, or what the cell's
                ``get_initial_state`` gives.
            training: for the cell, if its call takes it; ``None`` means ``self.training``.

        Returns:
            The last output (batch, ...), or all outputs (batch, time, ...) with ``return_sequences``; with
            ``return_state`` a tuple of that and the final states, nested as the cell's ``state_size``.

        Raises:
            ValueError: when an argument has the wrong rank, size or type; see the messages.
        """
        training = self.training if training is None else training
        inputs = self.prepare(inputs)
        mask = self.check_mask(mask, inputs)
        states = self.starting_states(inputs, initial_state)
        step, constants = self._step(inputs, training)
        with same_dropout_at_each_step(self.cell):
            output, states = scan(
                step,
                inputs if mask is None else inputs.masked_fill(~beside(mask, inputs), 0),
                states,
                mask,
                constants,
                go_backwards=self.go_backwards,
                return_sequences=self.return_sequences,
                zero_output_for_mask=self.zero_output_for_mask,
                first_output=states[self._of_output] if self.hold_initial_state else None,
            )
        if output.dtype is not inputs.dtype:  # the policy is the layer's, not that of its cell
            output, states = self.as_computed(output), tuple(map(self.as_computed, states))
        if self.stateful:  # a cell of somebody's own may keep a hold of what it returned, and change it
            states = tuple(state.clone() for state in states)
        delivered = self.deliver(output, states)
        return (delivered[0], *nested_like(self.nesting, delivered[1:])) if self.return_state else delivered

    def _step(self, inputs: Tensor, training: bool) -> tuple[Step, Constants | None]:
        """What :func:`scan` runs, and its constants: the weights of the cell, where a graph is to hold the loop.

        Dropout is drawn once for all steps, which a loop in a graph could not do at its first.
        """
        if loop_of_graph() is None or training or not isinstance(self.cell, nn.Module):
            run = step_of(self.cell, inputs[:, 0], training, self.nesting)
            return (lambda now, states, _: run(now, states)), None
        called = _Step(self.cell, self.nesting)
        weights = {**dict(called.named_parameters()), **dict(called.named_buffers())}

        def step(now: Tensor, states: States, constants: Constants) -> Stepped:
            with weights_replaced(called, dict(zip(weights, constants, strict=True))):
                stepped: Stepped = called(now, states)
                return stepped

        return step, tuple(weights.values())

    @property
    def _of_output(self) -> int:
        """Which of the states has the shape of the output: the first one, of stacked cells that of the last cell."""
        before = self.cell.nestings[:-1] if isinstance(self.cell, StackedRNNCells) else ()
        return sum(len(flat_states(nesting)) for nesting in before)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """As :meth:`RecurrentLayer.compute_output_shape`, with the states nested as the cell's ``state_size``."""
        found = super().compute_output_shape(input_shape)
        return (found[0], *nested_like(as_list(self.cell.state_size), found[1:])) if self.return_state else found

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
