"""``keras.layers.StackedRNNCells``: several cells that act as one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack

from torch import Tensor, nn

from torch_keras_lstm.layers.cell_call import CellStep, initial_states_of, output_size_of, step_of
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.nested_states import flat_states, nested_like, nesting_of
from torch_keras_lstm.layers.recurrent import as_shaped_states
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.operations.tensor_spec import TensorSpec, map_shapes
from torch_keras_lstm.recurrence.scan import States, Stepped


@register("keras.layers")
class StackedRNNCells(Layer):
    """A cell made of cells, each of which takes the output of the one before at the same step.

    :class:`torch_keras_lstm.layers.RNN` makes one of a list of cells. The states are a list with the list of each
    cell's states in it, first cell first.

    Args:
        cells: at least one, each of them a layer or torch module whose call takes the inputs of a step and the list of
            its states, and which has Keras' ``state_size``: what :class:`torch_keras_lstm.layers.RNN` takes for a cell.

    Raises:
        TypeError: when one of them is no cell.
        ValueError: when there are none.

    Example:
        >>> cells = StackedRNNCells([LSTMCell(8), LSTMCell(6)])
        >>> RNN(cells, return_sequences=True)(torch.randn(5, 10, 4)).shape
        torch.Size([5, 10, 6])
        >>> cells.output_size
        6
    """

    # tf.keras' other order of the states, which no file of Keras 3 has.
    void_arguments: ClassVar[Mapping[str, object]] = {"reverse_state_order": False}

    def __init__(self, cells: Sequence[Any], **kwargs: Unpack[LayerArguments]) -> None:
        if not cells:
            raise ValueError("`cells` must hold at least one cell, such as LSTMCell(units).")
        for cell in cells:
            if not callable(cell) or not hasattr(cell, "state_size"):
                raise TypeError(
                    f"`cells` must hold cells such as LSTMCell(units), got {cell!r:.200}; yours has a `state_size`."
                )
        if isinstance(cells[0], Layer):
            kwargs.setdefault("dtype", cells[0].dtype)
        super().__init__(**kwargs)
        self.cells: Any = nn.ModuleList(cells) if all(isinstance(cell, nn.Module) for cell in cells) else list(cells)
        self._nestings: list[Any] = []
        if not self.trainable:
            self.requires_grad_(False)
        self.build_if_shape_is_known()

    @property
    def state_size(self) -> list[Any]:
        """Each cell's ``state_size``."""
        return [cell.state_size for cell in self.cells]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The widths of all states, one after the other."""
        return tuple(flat_states(self.state_size))

    @property
    def output_size(self) -> int:
        """The width of the last cell's output."""
        return output_size_of(self.cells[-1])

    @property
    def built(self) -> bool:
        """Whether every cell is built; one that is no Keras layer always is."""
        return all(cell.built for cell in self.cells if isinstance(cell, Layer))

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build every cell, the first one for steps of ``input_shape``, (batch, features)."""
        shape: Shape = tuple(input_shape)
        for cell in self.cells:
            if isinstance(cell, Layer):
                with self.building():
                    cell.build(shape)
            shape = (shape[0], output_size_of(cell))

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the first cell takes steps of ``shape``."""
        if isinstance(self.cells[0], Layer):
            self.cells[0].check_input_shape(shape)

    @property
    def casts_integers(self) -> bool:  # type: ignore[override]  # of its first cell, and theirs of their classes
        """Whether the first cell does; one of somebody's own gets integers as they are, as in Keras."""
        return isinstance(self.cells[0], Layer) and self.cells[0].casts_integers

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Where each cell says that a sequence starts, by default at zeros; one entry a cell."""
        return [initial_states_of(cell, batch_size, self._example) for cell in self.cells]

    @property
    def nestings(self) -> list[Any]:
        """How each cell nests its states."""
        if not self._nestings:
            self._nestings = nesting_of(self.get_initial_state(1))
        return self._nestings

    def step_for(self, inputs: Tensor, training: bool) -> CellStep:
        """As :meth:`SingleStep.step_for`, over all states one after the other."""
        steps = []
        for cell, nesting in zip(self.cells, self.nestings, strict=True):
            steps.append((len(flat_states(nesting)), step_of(cell, inputs, training, nesting)))
            inputs = inputs.new_empty(()).expand(*inputs.shape[:-1], output_size_of(cell))

        def step(now: Tensor, states: States) -> Stepped:
            after: tuple[Tensor, ...] = ()
            for count, one in steps:
                now, new = one(now, states[len(after) : len(after) + count])
                after = (*after, *new)
            return now, after

        return step

    def forward(self, inputs: Any, states: Sequence[Any], training: bool | None = None) -> tuple[Tensor, list[Any]]:
        """Run one step.

        Args:
            inputs: (batch, features)
            states: an entry a cell, its states in a list or one alone, or all states one after the other.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The last cell's output and the new states, an entry a cell.

        Raises:
            ValueError: when the inputs or the states have the wrong rank, size, number or type.
        """
        inputs = self.prepare(inputs)
        first = self.get_initial_state(inputs.shape[0])
        shapes = [tuple(state.shape) for state in flat_states(first)]
        given, layout = flat_states(states), ("batch", "units")
        before = as_shaped_states(given, shapes, inputs, "states", f"cell `{self.name}`", layout)
        step = self.step_for(inputs, self.training if training is None else training)
        output, after = step(inputs, before)
        return output, nested_like(list(states) if len(states) == len(first) else first, after)

    call = forward  # Keras' name of it, for classes derived from this one

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, width of the last cell's output)"""
        return input_shape[0], self.output_size

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """As :meth:`Layer.output_specs`: the output and the new states, an entry a cell."""
        output = super().output_specs(args, kwargs, build)
        shapes = nested_like(self.nestings, [(output.shape[0], size) for size in self.state_sizes])
        return output, [map_shapes(lambda shape: TensorSpec.of(shape, self._dtype), entry) for entry in shapes]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, the cells' configurations among them."""
        return {**super().get_config(), "cells": [serialize(cell) for cell in self.cells]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with new cells."""
        return super().from_config({**config, "cells": [deserialize(cell) for cell in config["cells"]]})
