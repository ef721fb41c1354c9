"""What makes a cell callable for one step, and runnable over time."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers.cell_call import CellStep
from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.recurrent import as_states
from torch_keras_lstm.layers.recurrent_cell import RecurrentCell
from torch_keras_lstm.operations.tensor_spec import TensorSpec, map_shapes


class SingleStep(RecurrentCell):
    """What makes a cell callable for one step; it stands before the class of the cell's arguments among the bases."""

    @property
    @abstractmethod
    def state_size(self) -> int | list[int]:
        """The width of the state, or of each state."""

    @abstractmethod
    def step_for(self, inputs: Tensor, training: bool) -> CellStep:
        """A function that runs one step, with dropout masks drawn now and kept for all the steps that it is called for.

        Args:
            inputs: (batch, ..., features); only the sizes matter.
            training: whether dropout is active.
        """

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """The width of each state."""
        size = self.state_size
        return (size,) if isinstance(size, int) else tuple(size)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, features) as the cell was built for."""
        if len(shape) != 2:
            raise ValueError(
                f"Cell `{self.name}` takes one step of shape (batch, features), got {len(shape)} axes: {tuple(shape)}."
            )
        self.check_features(shape)

    def get_initial_state(self, batch_size: int) -> list[Tensor]:
        """Zeros for each state, (batch, units)."""
        return [torch.zeros(batch_size, size, dtype=self._dtype, device=self.device) for size in self.state_sizes]

    def forward(self, inputs: Any, states: Any, training: bool | None = None) -> tuple[Tensor, Any]:
        """Run one step.

        Args:
            inputs: (batch, features)
            states: a list of the hidden state, and the cell state if there is one, (batch, units) each; one alone may
                come without a list.
            training: whether dropout is active; ``None`` means ``self.training``.

        Returns:
            The output (batch, units), which is the new hidden state, and the new states, in a list or alone as they
            were given.

        Raises:
            ValueError: when the inputs or the states have the wrong rank, size, number or type.
        """
        inputs = self.prepare(inputs)
        before = as_states(states, self.state_sizes, inputs, "states", f"cell `{self.name}`")
        step = self.step_for(inputs, self.training if training is None else training)
        output, new_states = step(inputs, before)
        return output, list(new_states) if isinstance(states, (list, tuple)) else new_states[0]

    call = forward  # Keras' name of it, for classes derived from a cell

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, units)"""
        return input_shape[0], self.units

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """As :meth:`Layer.output_specs`: the output and, in a list or alone as they were given, the new states."""
        output = super().output_specs(args, kwargs, build)
        given = args[1] if len(args) > 1 else kwargs.get("states")
        shapes: list[Shape] = [(output.shape[0], size) for size in self.state_sizes]
        states = map_shapes(lambda shape: TensorSpec.of(shape, self._dtype), shapes)
        return output, states if isinstance(given, (list, tuple)) else states[0]
