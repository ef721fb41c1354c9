"""An LSTM over a sequence, as a layer calls it: autocast, the graphs that are traced, and the choice of a backend."""

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Request, UseCudnn
from torch_keras_lstm.recurrence.backends.torch_kernels import LSTM_KERNELS
from torch_keras_lstm.recurrence.dispatch import LSTM_BACKENDS, select
from torch_keras_lstm.recurrence.graph_operator import can_be_one_node, lstm_as_one_node
from torch_keras_lstm.recurrence.onnx import has_operator, lstm_onnx
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.state import LSTMState


def run_lstm(
    inputs: Tensor,
    state: LSTMState,
    weights: LSTMWeights,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn = "auto",
) -> tuple[Tensor, LSTMState | None]:
    """Run the sequence; arguments and result as :meth:`Backend.run`.

    Under ``torch.autocast`` all of it is in the lower precision, states included, as autocast has cuDNN's kernels. It
    is done here because on a CPU autocast has oneDNN's kernel called with bfloat16 whether the CPU can do that or not.

    While ``torch.compile`` or ``torch.export`` trace the call the run becomes one node of their graph, and while
    ``torch.onnx.export`` does, ONNX's own operator.

    Args:
        use_cudnn: Keras' argument: 'auto' takes torch's kernels where nothing is faster, ``False`` never, ``True``
            insists.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and torch's kernels cannot run it.
    """
    device = inputs.device.type
    low = autocast_dtype(device, inputs.dtype)
    if low is not None:
        inputs, state = inputs.to(low), LSTMState(*(tensor.to(low) for tensor in state))
        weights = type(weights)(*(None if tensor is None else tensor.to(low) for tensor in weights))  # type: ignore[arg-type]
        with torch.autocast(device, enabled=False):
            return run_lstm(inputs, state, weights, mask, options, use_cudnn)
    request = Request.of(inputs, state, weights, mask, options, use_cudnn)
    if torch.compiler.is_compiling():
        if torch.onnx.is_in_onnx_export():
            if has_operator(options):
                return lstm_onnx(inputs, state, weights, mask, options)
        elif can_be_one_node(options):
            path = "fused" if select(LSTM_BACKENDS, request.as_one_node()) is LSTM_KERNELS else "loop"
            return lstm_as_one_node(inputs, state, weights, mask, options, path)
    output, final = select(LSTM_BACKENDS, request).run(inputs, state, weights, mask, options)
    return output, final


def autocast_dtype(device: str, dtype: torch.dtype) -> torch.dtype | None:
    """The type that autocast has a run of ``dtype`` computed in; ``None`` where it has nothing to say."""
    if dtype is torch.float64 or not torch.amp.is_autocast_available(device) or not torch.is_autocast_enabled(device):
        return None
    return torch.get_autocast_dtype(device)
