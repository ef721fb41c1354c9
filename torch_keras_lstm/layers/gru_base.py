"""What ``GRU`` and ``GRUCell`` share: the convention, and with it the shape of the bias."""

from typing import Any

from torch import Tensor

from torch_keras_lstm.layers.layer import Shape
from torch_keras_lstm.layers.recurrent_cell import GatedCell
from torch_keras_lstm.recurrence import SingleStateWeights, project
from torch_keras_lstm.recurrence.gru import GATE_ORDER, TORCH_GATES, gru_step
from torch_keras_lstm.recurrence.half_steps import CellStep
from torch_keras_lstm.recurrence.scan import States, Stepped


class GRUBase(GatedCell):
    """The arguments and weights of a GRU cell; see :class:`torch_keras_lstm.layers.GRU` for the arguments.

    With ``reset_after`` both of torch's biases are parameters: they are the two rows of Keras' bias.
    """

    gates = len(TORCH_GATES)
    gate_order = GATE_ORDER

    def __init__(self, *, reset_after: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reset_after = reset_after
        self.declare_weights(both_biases=reset_after)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """Keras' shapes; the bias is (2, 3 * units) with ``reset_after``, (3 * units,) without."""
        shapes = super().weight_shapes(input_shape)
        return {**shapes, "bias": (2, *shapes["bias"])} if self.reset_after else shapes

    def sequence_weights(self) -> SingleStateWeights:
        """The weights as the recurrence takes them."""
        return SingleStateWeights(*self.torch_weights())

    def step_with(self, weights: Any, options: Any) -> CellStep:
        """As :meth:`RecurrentCell.step_with`."""

        def step(now: Tensor, states: States) -> Stepped:
            new = gru_step(project(now, weights, options.input_dropout), states[0], weights, options)
            return new, (new,)

        return step

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "reset_after": self.reset_after}

    def extra_repr(self) -> str:
        """The convention if it is not Keras' default."""
        return super().extra_repr() + ("" if self.reset_after else ", reset_after=False")
