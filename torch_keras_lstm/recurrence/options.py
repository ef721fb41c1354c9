"""What one run of a recurrence needs besides its inputs and its state."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol, Self

import torch
from torch import Tensor

Activation = Callable[[Tensor], Tensor]


class InputWeights(Protocol):
    """What of a cell's weights concerns the inputs alone."""

    @property
    def weight_ih(self) -> Tensor:
        """(gates * units, features)"""

    @property
    def bias(self) -> Tensor | None:
        """(gates * units,), what is added to the inputs' part."""


class LSTMWeights(NamedTuple):
    """The weights in torch's layout, named as ``torch.nn.LSTM`` names them.

    Attributes:
        weight_ih: (4 * units, features)
        weight_hh: (4 * units, units)
        bias_ih, bias_hh: (4 * units,) each, added to each other; ``None`` without biases.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None

    @property
    def bias(self) -> Tensor | None:
        """What both biases add to the gates together."""
        if self.bias_ih is None or self.bias_hh is None:
            return self.bias_ih
        return self.bias_ih + self.bias_hh


class KerasLSTMWeights(LSTMWeights):
    """The same with a second bias of zeros, which torch's kernels alone ask for: Keras has one bias."""

    __slots__ = ()

    @property
    def bias(self) -> Tensor | None:
        """The first."""
        return self.bias_ih


class SingleStateWeights(NamedTuple):
    """The weights of a GRU or a simple cell in torch's layout and order of gates, named as torch names them.

    Attributes:
        weight_ih: (gates * units, features)
        weight_hh: (gates * units, units)
        bias_ih: (gates * units,), added to the inputs' part; ``None`` without biases.
        bias_hh: (gates * units,), added to the hidden state's part.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None = None
    bias_hh: Tensor | None = None

    @property
    def bias(self) -> Tensor | None:
        """What is added to the inputs' part."""
        return self.bias_ih


@dataclass(slots=True)  # not frozen: each call makes one, which would take three times as long
class SequenceOptions:
    """How a sequence is run and what is returned; the names are those of Keras' layers. Nobody writes to it.

    A field that is added here reaches every backend and every graph by itself, and a layer's attribute of that name
    fills it: ``CellLayer`` and ``graph_operator`` go by the fields.

    Attributes:
        activation: of the candidate and of the output.
        recurrent_activation: of the gates.
        go_backwards: from the last step to the first, the mask with it; outputs stay in the order of processing.
        return_sequences: outputs of all steps, (batch, time, units), instead of the last, (batch, units).
        return_state: the final state; without it ``None`` stands in its place and nothing is computed for it.
        zero_output_for_mask: zeros at masked steps instead of the last output before them.
        hold_initial_state: at masked steps before the first other one the hidden state that was given instead of zeros,
            as Keras before 2.3 had it.
        recompute: what the way back needs of each step is computed once more there instead of being kept, some steps at
            a time, where the backend can: the kernels in C. The numbers are the same to the last bit.
        input_dropout: scaled dropout factors for the inputs, constant in time: (1, batch, features) for all gates
            together, or (gates, batch, features), one a gate.
        recurrent_dropout: the same for the hidden state where it enters the gates: (1, batch, units) or
            (gates, batch, units).
    """

    activation: Activation = torch.tanh
    recurrent_activation: Activation = torch.sigmoid
    go_backwards: bool = False
    return_sequences: bool = True
    return_state: bool = True
    zero_output_for_mask: bool = False
    hold_initial_state: bool = False
    recompute: bool = False
    input_dropout: Tensor | None = field(default=None, kw_only=True)
    recurrent_dropout: Tensor | None = field(default=None, kw_only=True)

    def with_recurrent_dropout(self, factors: Tensor | None) -> Self:
        """The same with these factors for the hidden state."""
        return self if factors is self.recurrent_dropout else replace(self, recurrent_dropout=factors)

    def first_output(self, hidden: Tensor) -> Tensor | None:
        """What masked steps before the first other one give, ``None`` for zeros; ``hidden`` is the state given."""
        return hidden if self.hold_initial_state else None
