"""What a pair of sweeps over time is: the seam between the loop and those who run its steps.

There are the loop's own, in torch's operations (``sweep.py``), compiled ones for a CPU (``compiled_sweep.py``), and
kernels for a GPU (``gpu_sweep.py``). All of them take tensors that are time-major.
"""

from typing import NamedTuple, Protocol

from torch import Tensor

from torch_keras_lstm.recurrence.gates import from_swept, to_swept
from torch_keras_lstm.recurrence.options import Activation
from torch_keras_lstm.recurrence.state import LSTMState


class ForwardSweep(Protocol):
    """As :func:`torch_keras_lstm.recurrence.sweep.forward_sweep`."""

    def __call__(  # noqa: D102
        self,
        gates: Tensor,
        hidden: Tensor,
        cells: Tensor,
        state: LSTMState,
        weight_hh: Tensor,
        activation: Activation,
        recurrent_activation: Activation,
        mask: Tensor | None,
        recurrent_dropout: Tensor | None,
    ) -> None: ...


class BackwardSweep(Protocol):
    """As :func:`torch_keras_lstm.recurrence.sweep.backward_sweep`."""

    def __call__(  # noqa: D102
        self,
        grad_hidden: Tensor | None,
        grad_h_n: Tensor | None,
        grad_c_n: Tensor | None,
        gates: Tensor,
        hidden: Tensor,
        cells: Tensor,
        state: LSTMState,
        weight_hh: Tensor,
        activation: Activation,
        recurrent_activation: Activation,
        mask: Tensor | None,
        recurrent_dropout: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]: ...


class OverwritingBackwardSweep(BackwardSweep, Protocol):
    """The same, which may leave the gradients where the gates were."""

    def __call__(  # noqa: D102
        self,
        grad_hidden: Tensor | None,
        grad_h_n: Tensor | None,
        grad_c_n: Tensor | None,
        gates: Tensor,
        hidden: Tensor,
        cells: Tensor,
        state: LSTMState,
        weight_hh: Tensor,
        activation: Activation,
        recurrent_activation: Activation,
        mask: Tensor | None,
        recurrent_dropout: Tensor | None,
        *,
        overwrite: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]: ...


class Arranged(NamedTuple):
    """What is the same at every step, with the gates in the order in which the sweeps have them.

    Attributes:
        weight_ih: (4 * units, features)
        weight_hh: (4 * units, units)
        bias: (4 * units,) or ``None``.
        input_dropout: (4, batch, features), factors for the inputs that differ between the gates; ``None`` without.
        recurrent_dropout: factors for the hidden state, (1, batch, units) or (4, batch, units); ``None`` without.
        activation, recurrent_activation: as in :class:`LSTMOptions`.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    input_dropout: Tensor | None
    recurrent_dropout: Tensor | None
    activation: Activation
    recurrent_activation: Activation


class WholeForward(Protocol):
    """As :func:`torch_keras_lstm.recurrence.compiled.forward`."""

    def __call__(  # noqa: D102
        self,
        inputs: Tensor,
        gates: Tensor | None,
        hidden: Tensor,
        cells: Tensor,
        state: LSTMState,
        arranged: Arranged,
        mask: Tensor | None,
    ) -> None: ...


class Sweeps(NamedTuple):
    """Two that belong together: what the first leaves in ``gates`` only the second can read.

    Attributes:
        forward, backward: the two.
        chunk_numbers: how many numbers of one gate the steps of one call should come to, so that they stay in a cache
            between the products that make or use them and the sweep; ``None`` for all steps at once.
    """

    forward: ForwardSweep
    backward: BackwardSweep
    chunk_numbers: int | None = None

    def to_order(self, rows: Tensor) -> Tensor:
        """(4 * units, ...) with the gates in the order in which the sweeps have them."""
        return to_swept(rows)

    def from_order(self, rows: Tensor) -> Tensor:
        """:meth:`to_order` undone."""
        return from_swept(rows)


class WholeSweeps(NamedTuple):
    """The same where the products of the inputs are a part of the first.

    It passes over masked steps, so that it would save nothing to move the others together. The gates stand in the order
    of torch.
    """

    forward: WholeForward
    backward: OverwritingBackwardSweep
    chunk_numbers: int | None = None

    def to_order(self, rows: Tensor) -> Tensor:
        """As :meth:`Sweeps.to_order`: torch's order is theirs."""
        return rows

    def from_order(self, rows: Tensor) -> Tensor:
        """As :meth:`Sweeps.from_order`."""
        return rows


AnySweeps = Sweeps | WholeSweeps
