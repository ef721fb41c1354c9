"""The ordered list of backends, which of them runs, and why not those before it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, Self

from torch import Tensor

from torch_keras_lstm.recurrence import environment
from torch_keras_lstm.recurrence.backends.base import Backend, Request, UseCudnn
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS
from torch_keras_lstm.recurrence.backends.gpu import CUDA_GRAPH, TRITON_GRAPH, TRITON_SEQUENCE, TRITON_STEP
from torch_keras_lstm.recurrence.backends.torch_kernels import LSTM_KERNELS, TorchKernels
from torch_keras_lstm.recurrence.backends.torch_ops import TORCH_OPS
from torch_keras_lstm.recurrence.options import LSTMWeights, SequenceOptions
from torch_keras_lstm.recurrence.reference import REFERENCE
from torch_keras_lstm.recurrence.state import LSTMState

# In order: the first against which nothing speaks runs.
LSTM_BACKENDS: tuple[Backend, ...] = (
    C_KERNELS,
    LSTM_KERNELS,
    TRITON_SEQUENCE,
    TRITON_GRAPH,
    TRITON_STEP,
    CUDA_GRAPH,
    TORCH_OPS,
    REFERENCE,
)
_NAMES = tuple(backend.name for backend in LSTM_BACKENDS)  # other cells have some of these

_FASTER = "on a CPU the C kernels take less time"


class _Named(NamedTuple):
    name: Literal["fused", "loop", "together", "apart"]
    reason: str | None


class Path(_Named):
    """The path of a call: a tuple of two, which also says what runs.

    Attributes:
        name: "fused" (torch's kernels for RNNs) or "loop" (step by step); of two that run both ways "together" (one
            call of those kernels) or "apart" (each on the path of its own).
        reason: why it is not the first of the two; ``None`` when it is.
        backend: the name of what runs; "" for two that run both ways.
        passed_over: the name of each backend that stands before it in the list, and what keeps the call from it.
    """

    backend: str
    passed_over: Mapping[str, str]

    def __new__(
        cls,
        name: Literal["fused", "loop", "together", "apart"],
        reason: str | None,
        backend: str = "",
        passed_over: Mapping[str, str] | None = None,
    ) -> Self:
        """See the class."""
        path = super().__new__(cls, name, reason)
        path.backend, path.passed_over = backend, passed_over or {}
        return path


def _known(wanted: Sequence[str | Backend]) -> tuple[str | Backend, ...]:
    """The same; raises a ``ValueError`` for a name that there is not."""
    for one in wanted:
        if isinstance(one, str) and one not in _NAMES:
            raise ValueError(f"There is no backend {one!r}; there are {', '.join(_NAMES)}.")
    return tuple(wanted)


_asked: tuple[str | Backend, ...] | None = None  # those of `use_backends` or the environment
if (_listed := environment.wanted_backends()) is not None:
    _asked = _known(_listed)


def asked() -> tuple[str | Backend, ...] | None:
    """Those that :func:`use_backends` or the environment asks for."""
    return _asked


@contextmanager
def use_backends(*wanted: str | Backend) -> Iterator[None]:
    """Have sequences run on these backends and no others, in this order: the first that can.

    For all threads of the process. The environment variable ``TORCH_KERAS_LSTM_BACKENDS`` does the same, with the names
    separated by commas. Of a kind of cell that has none of them the choice is free.

    Args:
        wanted: names, "c_kernels", "torch_kernels", "triton_sequence", "triton_graph", "triton_step", "cuda_graph",
            "torch_ops" or "reference"; or backends, each in the place of the one of its kind that has its name.

    Raises:
        ValueError: for a name that there is not; by a call that none of them can run.
    """
    global _asked
    before, _asked = _asked, _known(wanted)
    try:
        yield
    finally:
        _asked = before


def _candidates(backends: Sequence[Backend], request: Request) -> tuple[Sequence[Backend], Request]:
    """Those to be asked, and what."""
    if _asked is None:
        return backends, request
    by_name = {backend.name: backend for backend in backends}
    chosen = [by_name.get(one) if isinstance(one, str) else one for one in _asked]
    present = [
        backend
        for backend in chosen
        if backend is not None and backend.name in by_name and backend.cell == by_name[backend.name].cell
    ]
    return (present, request._replace(by_name=True)) if present else (backends, request)


def select(backends: Sequence[Backend], request: Request) -> Backend:
    """What runs it.

    Raises:
        ValueError: when ``use_cudnn`` is ``True`` and torch's kernels cannot, or none of those asked for by
            :func:`use_backends` can.
    """
    if request.use_cudnn is True:
        return _insist(backends, request)
    if _asked is not None:
        backends, request = _candidates(backends, request)
    for backend in backends:
        if backend.why_not(request) is None:
            return backend
    reasons = "; ".join(f"{backend.name}: {backend.why_not(request)}" for backend in backends)
    raise ValueError(f"None of the backends that were asked for can run this ({reasons}).")


def torch_kernels_of(backends: Sequence[Backend]) -> TorchKernels:
    """torch's kernels among the backends of a cell."""
    return next(backend for backend in backends if isinstance(backend, TorchKernels))


def _insist(backends: Sequence[Backend], request: Request) -> Backend:
    kernels = torch_kernels_of(backends)
    reason = kernels.why_not(request)
    if reason is not None:
        raise ValueError(f"`use_cudnn` is True, but {reason}. Pass use_cudnn='auto' to run step by step.")
    return kernels


def path_for(backends: Sequence[Backend], request: Request) -> Path:
    """How it runs, and why not otherwise; raises as :func:`select`."""
    chosen = select(backends, request)
    if request.use_cudnn is True:
        return Path("fused", None, chosen.name)
    candidates, asked = _candidates(backends, request)
    passed_over = {}
    for backend in candidates:
        reason = backend.why_not(asked)
        if reason is None:
            break
        passed_over[backend.name] = reason
    if isinstance(chosen, TorchKernels):
        return Path("fused", None, chosen.name, passed_over)
    why_not_fused = torch_kernels_of(backends).why_not(request)
    if why_not_fused is None:
        why_not_fused = "`use_backends` asks for others" if asked.by_name else _FASTER
    return Path("loop", why_not_fused, chosen.name, passed_over)


def run(
    backends: Sequence[Backend],
    inputs: Tensor,
    state: Any,
    weights: Any,
    mask: Tensor | None,
    options: SequenceOptions,
    use_cudnn: UseCudnn = "auto",
) -> tuple[Tensor, Any]:
    """Run the sequence on the first of ``backends`` that can.

    Args:
        backends: in the order in which they are asked.
        inputs: (batch, time, features), time at least 1.
        state: before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped, in any pattern; ``None`` for no mask.
        options: what is the same at every step.
        use_cudnn: Keras' argument: "auto" takes torch's kernels where nothing is faster, ``False`` never, ``True``
            insists.

    Returns:
        The outputs, (batch, time, units) in the order of processing, or the last one, (batch, units), without
        ``options.return_sequences``; and the final state, ``None`` without ``options.return_state``.

    Raises:
        ValueError: when none of them can.
    """
    request = Request.of(inputs, state, weights, mask, options, use_cudnn)
    return select(backends, request).run(inputs, state, weights, mask, options)


def lstm_loop(
    inputs: Tensor, state: LSTMState, weights: LSTMWeights, mask: Tensor | None, options: SequenceOptions
) -> tuple[Tensor, LSTMState | None]:
    """Run an LSTM without torch's kernels for one, on the first other backend that can.

    Args:
        inputs: (batch, time, features), time at least 1.
        state: hidden and cell state before the first step, (batch, units) each.
        weights: in torch's layout.
        mask: (batch, time), boolean, ``False`` where a step is to be skipped, in any pattern; ``None`` for no mask.
        options: what is the same at every step.

    Returns:
        The outputs, (batch, time, units) in the order of processing, or the last one, (batch, units), without
        ``options.return_sequences``; and the final state, ``None`` without ``options.return_state``.
    """
    return run(LSTM_BACKENDS, inputs, state, weights, mask, options, use_cudnn=False)
