"""The contract between a recurrence and what runs its steps.

A :class:`Backend` says what keeps it from a run, and runs it. A :class:`StepBackend` computes the steps forth and back
by hand, and :mod:`torch_keras_lstm.recurrence.autograd` makes one entry on autograd's tape of the two; all of its
tensors are time-major. ``dispatch.py`` holds the list of all, and takes the first that can.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Self

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.options import Activation, SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState

UseCudnn = bool | Literal["auto"]


class Request(NamedTuple):
    """What a backend is asked about: a run that is to come.

    Attributes:
        device, dtype: of the computation.
        batch, steps: how many rows and steps there are; ``None`` for some number of them.
        units: width of the state.
        masked: whether there is a mask.
        options: the options of the run; of the dropouts the two numbers below count.
        input_dropout, recurrent_dropout: how many dropout masks inputs and hidden state get: none, one, or one a gate.
        use_cudnn: Keras' argument: ``True`` insists on torch's kernels, ``False`` forbids them.
        tensors: all that go in; none where a layer is asked ahead of a call.
        by_name: whether the backends were asked for by name, so that it does not count which is the quickest.
        in_graph: whether the run is to be a node of a graph that is being traced, which nothing looks into.
    """

    device: torch.device
    dtype: torch.dtype
    batch: int | None
    steps: int | None
    units: int
    masked: bool
    options: SequenceOptions
    input_dropout: int = 0
    recurrent_dropout: int = 0
    use_cudnn: UseCudnn = "auto"
    tensors: Sequence[Tensor | None] = ()
    by_name: bool = False
    in_graph: bool = False

    @classmethod
    def of(
        cls,
        inputs: Tensor,
        state: Sequence[Tensor],
        weights: Sequence[Tensor | None],
        mask: Tensor | None,
        options: SequenceOptions,
        use_cudnn: UseCudnn = "auto",
    ) -> Self:
        """The request for a run with these tensors, (batch, time, features) the inputs."""
        shape, for_inputs, for_hidden = inputs.shape, options.input_dropout, options.recurrent_dropout
        return cls(
            inputs.device,
            inputs.dtype,
            shape[0],
            shape[1],
            state[0].shape[1],
            mask is not None,
            options,
            0 if for_inputs is None else len(for_inputs),
            0 if for_hidden is None else len(for_hidden),
            use_cudnn,
            (inputs, *state, *weights, for_inputs, for_hidden),
        )

    def as_one_node(self) -> Self:
        """The same of a run that becomes a node of a graph: its tensors are not there yet."""
        return self._replace(tensors=(), in_graph=True)


def needs_gradients(tensors: Sequence[Tensor | None]) -> bool:
    """Whether autograd records what is computed of these."""
    if not torch.is_grad_enabled():
        return False
    for tensor in tensors:  # noqa: SIM110 - `any` of a generator takes twice as long
        if tensor is not None and tensor.requires_grad:
            return True
    return False


def why_recorded() -> str | None:
    """What keeps any run from a way back that is written by hand, as the end of a sentence: all must be operations."""
    if torch_internals.transforms_are_active():
        return "a transform of torch.func is active"
    if torch_internals.forward_mode_is_active():
        return "forward-mode derivatives are being computed"
    if torch.compiler.is_compiling():
        return "torch.compile traces each operation"
    return "torch.jit.trace traces each operation" if torch_internals.is_jit_traced() else None


class Backend(ABC):
    """What can run a sequence of one kind of cell.

    Attributes:
        name: by which users, tests and the environment variable ask for it.
        cell: what kind it is: "lstm", "gru", "simple_rnn" or "conv_lstm".
    """

    name: str
    cell: str = "lstm"

    @abstractmethod
    def why_not(self, request: Request) -> str | None:
        """What keeps the run from this backend, as the end of a sentence; ``None`` when nothing does."""

    @abstractmethod
    def run(self, inputs: Tensor, state: Any, weights: Any, mask: Tensor | None, options: Any) -> tuple[Tensor, Any]:
        """Run the sequence.

        Args:
            inputs: (batch, time, features), time at least 1.
            state: before the first step, (batch, units) each.
            weights: in torch's layout.
            mask: (batch, time), boolean, ``False`` where a step is to be skipped; any pattern, fully masked rows
                included.
            options: a configuration against which :meth:`why_not` has nothing.

        Returns:
            The outputs, (batch, time, units) in the order of processing or (batch, units), and the final state if
            ``options.return_state``.
        """


class Projection(NamedTuple):
    """What turns inputs into their part of the gates.

    Attributes:
        weight_ih: (4 * units, features)
        bias: (4 * units,) or ``None``.
        dropout: (4, batch, features), factors for the inputs that differ between the gates; ``None`` without.
    """

    weight_ih: Tensor
    bias: Tensor | None
    dropout: Tensor | None


class Cell(NamedTuple):
    """What is the same at every step, with the gates in the order of the backend.

    Attributes:
        weight_hh: (4 * units, units)
        recurrent_dropout: factors for the hidden state where it enters the gates, (1, batch, units) for all of them or
            (4, batch, units); ``None`` without.
        activation: of the candidate and of the output.
        recurrent_activation: of the three gates.
        projection: of the inputs; ``None`` where that is done already.
    """

    weight_hh: Tensor
    recurrent_dropout: Tensor | None
    activation: Activation
    recurrent_activation: Activation
    projection: Projection | None = None


class Trace(NamedTuple):
    """What the way forth leaves for the way back.

    Attributes:
        gates: (time, batch, 4 * units), of each gate the value or, where that does not tell the slope, the
            pre-activation; ``None`` without a way back, or for one that computes them once more.
        cells, hidden: (time, batch, units), the state after each step; or (batch, units), the last one alone, where
            there is no way back. Of the cell states there may be fewer, the last of every some steps.
    """

    gates: Tensor | None
    cells: Tensor
    hidden: Tensor

    @property
    def kept(self) -> Tensor:
        """The gates, where there is a way back."""
        assert self.gates is not None, "the way forth kept them"
        return self.gates

    def of(self, steps: slice) -> "Trace":
        """That of some of the steps."""
        return Trace(some(self.gates, steps), self.cells[steps], self.hidden[steps])


class Upstream(NamedTuple):
    """The gradients that come in; ``None`` stands for zeros.

    Attributes:
        hidden: (time, batch, units), of the hidden states of all steps.
        last_hidden, last_cell: (batch, units), of the state after the last step.
    """

    hidden: Tensor | None
    last_hidden: Tensor | None
    last_cell: Tensor | None


# The gradients of the pre-activations, (time, batch, 4 * units), and of hidden and cell state before the first step.
Downstream = tuple[Tensor, Tensor, Tensor]


class Steps(ABC):
    """The steps of an LSTM, forth and back, written by hand. Nothing in them is for autograd to record.

    Attributes:
        chunk_numbers: how many numbers of one gate the steps of one call of :meth:`backward` should come to on a CPU,
            to stay in a cache between it and the products that use them; ``None`` for all steps at once.
        chunk_rows: at least so many rows, (step, row of the batch), then, for those products to run at full speed.
        product_rows: of one product of the weights' gradients, and of the copies that it is made of.
    """

    chunk_numbers: int | None = None
    chunk_rows: int = 256
    product_rows: int = 1024

    def to_order(self, rows: Tensor) -> Tensor:
        """(4 * units, ...) in torch's order of gates, in this one's."""
        return rows

    def from_order(self, rows: Tensor) -> Tensor:
        """:meth:`to_order` undone."""
        return rows

    @abstractmethod
    def forward(self, cell: Cell, inputs: Tensor, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """Run the steps.

        Args:
            inputs: (batch, time, features), zeros at masked steps.
            state: before the first step, (batch, units) each.
            mask: (time, batch), boolean, ``False`` where the state stays as it is.
            trace: uninitialised; written.
        """

    @abstractmethod
    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """Run the steps backwards.

        Args:
            cell, state, mask: as :meth:`forward` had them, or of some of its steps in a row.
            trace: as it left it.
        """

    def chunks(self, inputs: Tensor, units: int) -> list[slice]:
        """The steps of (batch, time, features), in parts that are worked on together."""
        batch, time, _ = inputs.shape
        steps = max(1, time)
        if self.chunk_numbers is not None and inputs.is_cpu:
            steps = max(1, self.chunk_numbers // max(1, batch * units), self.chunk_rows // max(1, batch))
        return [slice(start, min(start + steps, time)) for start in range(0, time, steps)]


def some(tensor: Tensor | None, steps: slice) -> Tensor | None:
    """``tensor[steps]`` of what may be missing."""
    return None if tensor is None else tensor[steps]
