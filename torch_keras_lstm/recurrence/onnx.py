"""The whole sequence as ONNX's own LSTM operator, in what ``torch.onnx.export`` writes.

See https://onnx.ai/onnx/operators/onnx__LSTM.html. It is time-major, and stops in each row after ``sequence_lens``
steps: a mask is compacted as for torch's kernels.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.gates import to_onnx
from torch_keras_lstm.recurrence.masks import compact, masked_output
from torch_keras_lstm.recurrence.options import Activation, LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.prelude import in_order
from torch_keras_lstm.recurrence.state import LSTMState

_OPSET = 14  # the oldest that has this form of the operator; the exporter goes on from it as it needs


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


def has_operator(options: SequenceOptions) -> bool:
    """Whether ONNX has an operator for a run: it knows some activations, and no dropout of each gate's own."""
    dropout = 0 if options.input_dropout is None else len(options.input_dropout)
    return (
        options.activation in _ACTIVATIONS
        and options.recurrent_activation in _ACTIVATIONS
        and dropout <= 1
        and options.recurrent_dropout is None
    )


def lstm_onnx(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    """Put the operator into the graph that is being exported.

    Args and returns: as :meth:`Backend.run`, where :func:`has_operator`.
    """
    inputs, mask = in_order(inputs, mask, options)
    if mask is None:
        outputs, final = _operator(inputs, state, weights, None, options)
        return outputs if options.return_sequences else final.hidden, final if options.return_state else None
    compacted = compact(inputs, mask)
    outputs, final = _operator(compacted.inputs, state, weights, compacted.lengths, options)
    # what stands behind a length of 0 is not said
    any_step = compacted.lengths.unsqueeze(1) > 0
    final = LSTMState(*(torch.where(any_step, new, old) for new, old in zip(final, state, strict=True)))
    output = masked_output(outputs, final.hidden, mask, options, state.hidden)
    return output, final if options.return_state else None


def _operator(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, lengths: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState]:
    (batch, time, _), units = inputs.shape, weights.weight_hh.shape[1]
    bias = weights.bias
    named = [_ACTIVATIONS[one] for one in (options.recurrent_activation, options.activation, options.activation)]
    alphas = [activation.alpha for activation in named if activation.alpha is not None]
    betas = [activation.beta for activation in named if activation.beta is not None]
    outputs, hidden, cell = torch.onnx.ops.symbolic_multi_out(
        "LSTM",
        (
            inputs.transpose(0, 1),
            to_onnx(weights.weight_ih).unsqueeze(0),
            to_onnx(weights.weight_hh).unsqueeze(0),
            None if bias is None else torch.cat((to_onnx(bias), torch.zeros_like(bias))).unsqueeze(0),  # it has two
            None if lengths is None else lengths.to(torch.int32),
            state.hidden.unsqueeze(0),
            state.cell.unsqueeze(0),
        ),
        {
            "hidden_size": units,
            "activations": [activation.name for activation in named],
            **({"activation_alpha": alphas} if alphas else {}),
            **({"activation_beta": betas} if betas else {}),
        },
        dtypes=(inputs.dtype,) * 3,
        shapes=((time, 1, batch, units), (1, batch, units), (1, batch, units)),
        version=_OPSET,
    )
    return outputs.squeeze(1).transpose(0, 1), LSTMState(hidden.squeeze(0), cell.squeeze(0))
