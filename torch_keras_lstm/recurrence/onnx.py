"""The whole sequence as ONNX's own operator for it, in what ``torch.onnx.export`` writes: LSTM, GRU or RNN.

See https://onnx.ai/onnx/operators/onnx__LSTM.html. They are time-major, and stop in each row after ``sequence_lens``
steps: a mask is compacted as for the fused kernels.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.gates import to_onnx
from torch_keras_lstm.recurrence.lowering import activations_are_known, lengths_are_known
from torch_keras_lstm.recurrence.masks import compact, freeze, last_valid, masked_output
from torch_keras_lstm.recurrence.options import Activation, LSTMWeights, SequenceOptions, SingleStateWeights
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.state import LSTMState

_OPSET = 14  # the oldest that has this form of the operators; the exporter goes on from it as it needs


class _Named(NamedTuple):
    """One of ONNX's activations and its constants, those that it takes."""

    name: str
    alpha: float | None = None
    beta: float | None = None


_ACTIVATIONS: Mapping[Activation, _Named] = {
    activations.tanh: _Named("Tanh"),
    torch.tanh: _Named("Tanh"),
    activations.sigmoid: _Named("Sigmoid"),
    torch.sigmoid: _Named("Sigmoid"),
    activations.relu: _Named("Relu"),
    activations.linear: _Named("Affine", 1.0, 0.0),
    activations.hard_sigmoid: _Named("HardSigmoid", 1 / 6, 0.5),
    activations.hard_sigmoid_keras2: _Named("HardSigmoid", 0.2, 0.5),
    activations.leaky_relu: _Named("LeakyRelu", 0.2),
    activations.elu: _Named("Elu", 1.0),
    activations.softsign: _Named("Softsign"),
    activations.softplus: _Named("Softplus"),
}
# Those that give exactly 0 and 1 far from the origin, as a gate that :func:`freeze` closes or opens must.
_TYPES = (torch.float32, torch.float16)  # of which onnxruntime has the operators
_USUAL = {"Tanh", "Sigmoid", "Relu"}  # what every runtime has
_SATURATING = {"Sigmoid", "HardSigmoid"}


class Operator(NamedTuple):
    """One of ONNX's recurrences with what it takes.

    Attributes:
        name: ONNX's.
        activations: of the gates and the state, as often as the operator wants them named.
        weights: (1, gates * units, features), (1, gates * units, units) and both biases, (1, 2 * gates * units), or
            ``None``, in its order of gates.
        attributes: what else distinguishes it.
    """

    name: str
    activations: Sequence[Activation]
    weights: tuple[Tensor, Tensor, Tensor | None]
    attributes: Mapping[str, int] = {}

    def settings(self) -> dict[str, Any]:
        """All its attributes."""
        named = [_ACTIVATIONS[one] for one in self.activations]
        alphas = [one.alpha for one in named if one.alpha is not None]
        betas = [one.beta for one in named if one.beta is not None]
        return {
            "hidden_size": self.weights[1].shape[2],
            "activations": [one.name for one in named],
            **({"activation_alpha": alphas} if alphas else {}),
            **({"activation_beta": betas} if betas else {}),
            **self.attributes,
        }


def has_operator(options: SequenceOptions, dtype: torch.dtype) -> bool:
    """Whether ONNX has an operator for a run that onnxruntime has too: some activations, no dropout of each gate's own.

    Args:
        options: of the run.
        dtype: of its inputs.
    """
    if dtype not in _TYPES:
        return False
    dropout = 0 if options.input_dropout is None else len(options.input_dropout)
    both = [_ACTIVATIONS.get(one) for one in (options.activation, options.recurrent_activation)]
    known = all(one is not None and (one.name in _USUAL or activations_are_known()) for one in both)
    return known and dropout <= 1 and options.recurrent_dropout is None


def has_lstm_operator(options: SequenceOptions, dtype: torch.dtype, masked: bool) -> bool:
    """:func:`has_operator` of an LSTM; without lengths its cell state must come through the padding."""
    if not has_operator(options, dtype):
        return False
    must_freeze = masked and options.return_state and not lengths_are_known()
    return not must_freeze or _ACTIVATIONS[options.recurrent_activation].name in _SATURATING


def lstm_onnx(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    """Put the operator into the graph that is being exported.

    Args and returns: as :meth:`Backend.run`, where :func:`has_lstm_operator`.
    """
    inputs, mask = in_order(inputs, mask, options)
    if mask is None:
        outputs, *final = _run(_lstm(weights, options), inputs, state, None)
        hidden, cell = final
        return outputs if options.return_sequences else hidden, LSTMState(
            hidden, cell
        ) if options.return_state else None
    compacted = compact(inputs, mask)
    if lengths_are_known():
        outputs, *final = _run(_lstm(weights, options), compacted.inputs, state, compacted.lengths)
        # what stands behind a length of 0 is not said
        any_step = compacted.lengths.unsqueeze(1) > 0
        hidden, cell = (torch.where(any_step, new, old) for new, old in zip(final, state, strict=True))
    else:
        steps = compacted.inputs
        if options.return_state:
            steps, weights = freeze(compacted, weights)
        outputs, _, cell = _run(_lstm(weights, options), steps, state, None)
        hidden = last_valid(outputs, compacted.lengths, state.hidden)
    output = masked_output(outputs, hidden, mask, options, state.hidden)
    return output, LSTMState(hidden, cell) if options.return_state else None


def single_state_onnx(
    operator: Operator, inputs: Tensor, state: Sequence[Tensor], mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, tuple[Tensor] | None]:
    """Put a GRU or an RNN into the graph; arguments and result as :meth:`Backend.run`."""
    inputs, mask = in_order(inputs, mask, options)
    if mask is None:
        outputs, final = _run(operator, inputs, state, None)
        return outputs if options.return_sequences else final, (final,) if options.return_state else None
    compacted = compact(inputs, mask)
    lengths = compacted.lengths if lengths_are_known() else None
    outputs, _ = _run(operator, compacted.inputs, state, lengths)
    final = last_valid(outputs, compacted.lengths, state[0])
    output = masked_output(outputs, final, mask, options, state[0])
    return output, (final,) if options.return_state else None


def _lstm(weights: LSTMWeights, options: SequenceOptions) -> Operator:
    gate, activation, bias = options.recurrent_activation, options.activation, weights.bias
    both = None if bias is None else torch.cat((to_onnx(bias), torch.zeros_like(bias)))
    return Operator("LSTM", (gate, activation, activation), _as_one_direction(to_onnx, weights, both))


def gru(weights: SingleStateWeights, options: SequenceOptions, *, reset_after: bool) -> Operator:
    """The operator for a GRU, whose gates stand there in Keras' order."""
    both = None if weights.bias_ih is None else torch.cat([_update_first(one) for one in _biases(weights)])
    weights_ = _as_one_direction(_update_first, weights, both)
    activations_ = (options.recurrent_activation, options.activation)
    return Operator("GRU", activations_, weights_, {"linear_before_reset": int(reset_after)})


def simple_rnn(weights: SingleStateWeights, options: SequenceOptions) -> Operator:
    """The operator for the simple cell."""
    both = None if weights.bias_ih is None else torch.cat(_biases(weights))
    return Operator("RNN", (options.activation,), _as_one_direction(lambda rows: rows, weights, both))


def _biases(weights: SingleStateWeights) -> tuple[Tensor, Tensor]:
    assert weights.bias_ih is not None
    return weights.bias_ih, torch.zeros_like(weights.bias_ih) if weights.bias_hh is None else weights.bias_hh


def _update_first(rows: Tensor) -> Tensor:
    """(3 * units, ...) from torch's order of a GRU's gates, reset first, to ONNX's: update, reset, candidate."""
    reset, update, candidate = rows.chunk(3)
    return torch.cat((update, reset, candidate))


def _as_one_direction(order: Any, weights: Any, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    return (
        order(weights.weight_ih).unsqueeze(0),
        order(weights.weight_hh).unsqueeze(0),
        None if bias is None else bias.unsqueeze(0),
    )


def _run(operator: Operator, inputs: Tensor, states: Sequence[Tensor], lengths: Tensor | None) -> tuple[Tensor, ...]:
    """The outputs of all steps, (batch, time, units), and the final states, (batch, units) each."""
    batch, time = inputs.shape[:2]
    units = states[0].shape[1]
    tensors = (
        inputs.transpose(0, 1),
        *operator.weights,
        None if lengths is None else lengths.to(torch.int32),
        *(state.unsqueeze(0) for state in states),
    )
    if torch.compiler.is_compiling():
        outputs, *final = torch.onnx.ops.symbolic_multi_out(
            operator.name,
            tensors,
            operator.settings(),
            dtypes=(inputs.dtype,) * (1 + len(states)),
            shapes=((time, 1, batch, units), *((1, batch, units),) * len(states)),
            version=_OPSET,
        )
    else:
        outputs, *final = _Traced.apply(operator, len(states), *tensors)  # type: ignore[no-untyped-call]
    return outputs.squeeze(1).transpose(0, 1), *(state.squeeze(0) for state in final)


class _Traced(torch.autograd.Function):
    """The operator in what the exporter without ``dynamo=True`` traces: it asks for ``symbolic``, and for shapes."""

    @staticmethod
    def forward(ctx: Any, operator: Operator, states: int, inputs: Tensor, *rest: Any) -> tuple[Tensor, ...]:
        time, batch = inputs.shape[:2]
        units = rest[1].shape[2]
        zeros = inputs.new_zeros
        return zeros(time, 1, batch, units), *(zeros(1, batch, units) for _ in range(states))

    @staticmethod
    def symbolic(g: Any, operator: Operator, states: int, inputs: Any, *rest: Any) -> Any:
        letters = {int: "i", float: "f", str: "s"}
        settings = {
            f"{name}_{letters[type(value[0] if isinstance(value, list) else value)]}": value
            for name, value in operator.settings().items()
        }
        tensors = [_nothing(g) if one is None else one for one in rest]
        found = g.op(operator.name, inputs, *tensors, outputs=1 + states, **settings)
        sizes = operator.weights[1].shape[2]
        found[0].setType(inputs.type().with_sizes([None, 1, None, sizes]))
        for state in found[1:]:
            state.setType(inputs.type().with_sizes([1, None, sizes]))
        return found


def _nothing(g: Any) -> Any:
    """What stands in the place of an input that an operator may do without."""
    nothing = g.op("prim::Constant")
    nothing.setType(torch._C.OptionalType.ofTensor())
    return nothing
