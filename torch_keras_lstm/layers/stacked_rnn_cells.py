"""``keras.layers.StackedRNNCells``: several cells that act as one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self, Unpack, cast

from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.recurrent import as_states
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.single_step import CellStep, SingleStep
from torch_keras_lstm.recurrence.scan import States, Stepped


@register("keras.layers")
class StackedRNNCells(Layer):
    """A cell made of cells, each of which takes the output of the one before at the same step.

    :class:`torch_keras_lstm.layers.RNN` makes one of a list of cells. The states are a list with the list of each
    cell's states in it, first cell first.

    Args:
        cells: at least one :class:`LSTMCell`, :class:`GRUCell` or :class:`SimpleRNNCell`.

    Raises:
        TypeError: when one of them is no such cell.
        ValueError: when there are none.
    """

    # tf.keras' other order of the states, which no file of Keras 3 has.
    void_arguments: ClassVar[Mapping[str, object]] = {"reverse_state_order": False}

    def __init__(self, cells: Sequence[SingleStep], **kwargs: Unpack[LayerArguments]) -> None:
        if not cells:
            raise ValueError("`cells` must hold at least one cell, such as LSTMCell(units).")
        for cell in cells:
            if not isinstance(cell, SingleStep):
                raise TypeError(f"`cells` must hold cells such as LSTMCell(units), got {cell!r}.")
        kwargs.setdefault("dtype", cells[0].dtype)
        super().__init__(**kwargs)
        self.cells = nn.ModuleList(cells)
        if not self.trainable:
            self.requires_grad_(False)
        self.build_if_shape_is_known()

    def _each(self) -> list[SingleStep]:
        return [cast(SingleStep, cell) for cell in self.cells]  # a ModuleList does not know what it holds

    @property
    def state_size(self) -> list[int | list[int]]:
        """Each cell's ``state_size``."""
        return [cell.state_size for cell in self._each()]

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The widths of all states, one after the other."""
        return tuple(size for cell in self._each() for size in cell.state_sizes)

    @property
    def output_size(self) -> int:
        """The width of the last cell's output."""
        return self._each()[-1].output_size

    @property
    def built(self) -> bool:
        """Whether every cell is built."""
        return all(cell.built for cell in self._each())

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build every cell, the first one for steps of ``input_shape``, (batch, features)."""
        shape: Any = tuple(input_shape)
        for cell in self._each():
            cell.build(shape)
            shape = cell.compute_output_shape(shape)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless the first cell takes steps of ``shape``."""
        self._each()[0].check_input_shape(shape)

    @property
    def casts_integers(self) -> bool:  # type: ignore[override]  # of its first cell, and theirs of their classes
        """Whether the first cell does."""
        return self._each()[0].casts_integers

    def get_initial_state(self, batch_size: int) -> list[list[Tensor]]:
        """Zeros for every state, a list a cell."""
        return [cell.get_initial_state(batch_size) for cell in self._each()]

    def nest(self, states: Sequence[Tensor]) -> list[list[Tensor]]:
        """All states one after the other -> a list a cell."""
        rest = iter(states)
        return [[next(rest) for _ in cell.state_sizes] for cell in self._each()]

    def step_for(self, inputs: Tensor, training: bool) -> CellStep:
        """As :meth:`SingleStep.step_for`, over all states one after the other."""
        steps = []
        for cell in self._each():
            steps.append(cell.step_for(inputs, training))
            inputs = inputs.new_empty(()).expand(*inputs.shape[:-1], cell.output_size)

        def step(now: Tensor, states: States) -> Stepped:
            after: tuple[Tensor, ...] = ()
            for one, before in zip(steps, self.nest(states), strict=True):
                now, new = one(now, tuple(before))
                after = (*after, *new)
            return now, after

        return step

    def forward(
        self, inputs: Any, states: Sequence[Any], training: bool | None = None
    ) -> tuple[Tensor, list[list[Tensor]]]:
        """Run one step.

        Args:
            inputs: (batch, features)
            states: a list a cell, or all states one after the other.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The last cell's output and the new states, a list a cell.

        Raises:
            ValueError: when the inputs or the states have the wrong rank, size, number or type.
        """
        inputs = self.prepare(inputs)
        before = as_states(flat_states(states), self.state_sizes, inputs, "states", f"cell `{self.name}`")
        step = self.step_for(inputs, self.training if training is None else training)
        output, after = step(inputs, before)
        return output, self.nest(after)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, units of the last cell)"""
        return input_shape[0], self.output_size

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, the cells' configurations among them."""
        return {**super().get_config(), "cells": [serialize(cell) for cell in self._each()]}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new layer with new cells."""
        return super().from_config({**config, "cells": [deserialize(cell) for cell in config["cells"]]})


def flat_states(states: Any) -> list[Any]:
    """States one after the other, whether or not they come as a list a cell."""
    if not isinstance(states, (list, tuple)):
        return [states]
    return [state for entry in states for state in (entry if isinstance(entry, (list, tuple)) else [entry])]
