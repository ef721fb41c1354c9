"""Steps recorded as a CUDA graph, so that launching them costs the host one call for many.

A graph has fixed addresses and a fixed number of steps. So the steps work on tensors of its own, which the caller's
are copied to and from, some steps at a time, and graphs are kept for 1, 2, 4, ... steps: a sequence is made of these,
and neither another length nor another weight needs a new one.
"""

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from torch_keras_lstm.recurrence.backends.base import Cell, Downstream, Trace, Upstream
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.state import LSTMState

_Tensors = Sequence[Tensor | None]


class Recorder(Protocol):
    """What turns launches into something to launch again."""

    def can_record(self) -> bool:
        """Whether nobody else is recording."""

    def stream(self, device: torch.device) -> Hashable:
        """Where work is queued now: recordings that might run at the same time must not share memory."""

    def record(self, run: Callable[[], object], device: torch.device) -> Callable[[], object]:
        """A function that launches again what ``run`` launches; ``run`` may be called any number of times for it."""


class CudaRecorder:
    """Records CUDA graphs."""

    def can_record(self) -> bool:
        """Not while the caller records a graph, of which these launches are then a part."""
        return not torch.cuda.is_current_stream_capturing()

    def stream(self, device: torch.device) -> Hashable:
        """The current stream."""
        return torch.cuda.current_stream(device).cuda_stream

    def record(self, run: Callable[[], object], device: torch.device) -> Callable[[], object]:
        """See :class:`Recorder`. The device is waited for, once a recording."""
        with torch.cuda.device(device):
            # Once outside of a graph: kernels are compiled and cuBLAS gets its workspace, which a graph cannot hold.
            aside = torch.cuda.Stream()
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                run()
            torch.cuda.current_stream().wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            # other threads, such as one that loads data, may go on allocating
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                run()
        return graph.replay


class GraphedSteps(ProjectedSteps):
    """The same steps, recorded.

    A configuration is recorded when it is met the second time: one of a kind, such as a last, smaller batch, would cost
    more to record than to run. The least recently used recording goes when there are too many.

    Args:
        steps: what to record. They must not wait for the device, and draw no random numbers.
        recorder: how.
        most: how many recordings are kept, each for a direction, a batch size, a number of units, a type, ...
        most_steps: of one graph; sixty-four of two or three launches each make the copies at their edges cheap.
        most_bytes: that one recording's copies of what has a time axis may take.
    """

    def __init__(
        self,
        steps: ProjectedSteps,
        recorder: Recorder | None = None,
        most: int = 16,
        *,
        most_steps: int = 64,
        most_bytes: int = 64 * 2**20,
    ) -> None:
        self._steps = steps
        self._recorder = CudaRecorder() if recorder is None else recorder
        self._most, self._most_steps, self._most_bytes = most, most_steps, most_bytes
        self._lock = threading.Lock()  # autograd calls from threads of its own
        self._met: OrderedDict[Hashable, None] = OrderedDict()
        self._recordings: OrderedDict[Hashable, _Recording] = OrderedDict()

    def forward_steps(self, cell: Cell, state: LSTMState, mask: Tensor | None, trace: Trace) -> None:
        """As :meth:`ProjectedSteps.forward_steps`."""
        functions, gates = (cell.activation, cell.recurrent_activation), trace.kept

        def run(gates: Tensor, mask: Any, cells: Tensor, hidden: Tensor, h: Tensor, c: Tensor, *rest: Any) -> None:
            weight, dropout = rest
            before, trace = LSTMState(h, c), Trace(gates, cells, hidden)
            self._steps.forward_steps(Cell(weight, dropout, *functions), before, mask, trace)
            h.copy_(hidden[-1])
            c.copy_(cells[-1])

        in_time, fixed = (gates, mask, trace.cells, trace.hidden), (*state, cell.weight_hh, cell.recurrent_dropout)
        with self._lock:
            recording = self._recording(("forward", *functions), run, in_time, fixed)
            if recording is not None:
                chunks = recording.prepare(len(gates))
                recording.load_fixed(fixed)
                for steps in chunks:
                    recording.run(steps, (gates, mask, None, None))
                    recording.read(steps, (gates, None, trace.cells, trace.hidden))
                return
        self._steps.forward_steps(cell, state, mask, trace)

    def backward(
        self,
        cell: Cell,
        trace: Trace,
        state: LSTMState,
        mask: Tensor | None,
        upstream: Upstream,
    ) -> Downstream:
        """As :meth:`Steps.backward`."""
        functions, gates = (cell.activation, cell.recurrent_activation), trace.kept

        def run(grads: Any, gates: Tensor, cells: Tensor, hidden: Tensor, mask: Any, dz: Tensor, *rest: Any) -> None:
            dh, dc, h, c, weight, dropout = rest
            results = self._steps.backward(
                Cell(weight, dropout, *functions),
                Trace(gates, cells, hidden),
                LSTMState(h, c),
                mask,
                Upstream(grads, dh, dc),
            )
            for into, result in zip((dz, dh, dc), results, strict=True):
                into.copy_(result)

        dz = torch.empty_like(gates)
        of_outputs, of_hidden, of_cell = upstream
        dh = torch.zeros_like(state.hidden) if of_hidden is None else of_hidden
        dc = torch.zeros_like(state.cell) if of_cell is None else of_cell
        in_time = (of_outputs, *trace, mask, dz)
        fixed = (dh, dc, *state, cell.weight_hh, cell.recurrent_dropout)
        with self._lock:
            recording = self._recording(("backward", *functions), run, in_time, fixed)
            if recording is not None:
                chunks = recording.prepare(len(gates))
                recording.load_fixed(fixed)
                for steps in reversed(chunks):
                    before: tuple[Tensor, ...] = state
                    if steps.start:
                        before = (trace.hidden[steps.start - 1], trace.cells[steps.start - 1])
                    recording.load_fixed((None, None, *before, None, None))
                    recording.run(steps, (of_outputs, *trace, mask, None))
                    recording.read(steps, (None, None, None, None, None, dz))
                return dz, recording.fixed_copy(0), recording.fixed_copy(1)
        return self._steps.backward(cell, trace, state, mask, upstream)

    def _recording(
        self, what: Hashable, run: Callable[..., None], in_time: _Tensors, fixed: _Tensors
    ) -> "_Recording | None":
        """The recording for tensors like these; ``None`` when there is none and none is to be made."""
        if not self._recorder.can_record():
            return None
        device = next(tensor.device for tensor in in_time if tensor is not None)
        kinds = [None if tensor is None else (tensor.dtype, tensor.shape[1:]) for tensor in in_time]
        kinds += [None if tensor is None else (tensor.dtype, tensor.shape) for tensor in fixed]
        # Products are recorded in the precision that is asked for at the time.
        precision = torch.backends.cuda.matmul.fp32_precision
        key = (what, *kinds, device, self._recorder.stream(device), precision)
        if key in self._recordings:
            self._recordings.move_to_end(key)
            return self._recordings[key]
        if key not in self._met:
            self._met[key] = None
            if len(self._met) > 16 * self._most:
                self._met.popitem(last=False)
            return None
        if len(self._recordings) == self._most:
            self._recordings.popitem(last=False)
        self._recordings[key] = _Recording(
            self._recorder, device, run, in_time, fixed, self._most_steps, self._most_bytes
        )
        return self._recordings[key]


class _Recording:
    """The tensors that graphs work on, and the graphs by their number of steps.

    Args:
        run: takes tensors like ``in_time``, of any number of steps, and like ``fixed``.
        in_time: (time, ...), read or written at each step; ``None`` for what ``run`` does without.
        fixed: what has no time axis.
        most_steps, most_bytes: of one graph, and of the copies.
    """

    def __init__(
        self,
        recorder: Recorder,
        device: torch.device,
        run: Callable[..., None],
        in_time: _Tensors,
        fixed: _Tensors,
        most_steps: int,
        most_bytes: int,
    ) -> None:
        step = sum(tensor[0].numel() * tensor.itemsize for tensor in in_time if tensor is not None)
        steps = max(1, min(most_steps, most_bytes // step))
        self._longest = 1 << (steps.bit_length() - 1)
        self._recorder, self._device, self._run = recorder, device, run
        # A tensor that is made in inference mode could not be written to outside of it.
        with torch.inference_mode(False):
            self._in_time = [
                None if tensor is None else tensor.new_zeros(self._longest, *tensor.shape[1:]) for tensor in in_time
            ]
            self._fixed = [None if tensor is None else tensor.new_zeros(tensor.shape) for tensor in fixed]
        self._replay: dict[int, Callable[[], object]] = {}

    def prepare(self, time: int) -> list[slice]:
        """What to cut so many steps into; what of it has no graph yet is recorded, which leaves numbers behind."""
        chunks = list(_powers_of_two(time, self._longest))
        for steps in chunks:
            count = steps.stop - steps.start
            if count not in self._replay:
                parts = [None if tensor is None else tensor[:count] for tensor in self._in_time]
                with torch.inference_mode(False), torch.no_grad():
                    self._replay[count] = self._recorder.record(
                        functools.partial(self._run, *parts, *self._fixed), self._device
                    )
        return chunks

    def load_fixed(self, given: _Tensors) -> None:
        """Copy in what has no time axis; ``None`` leaves what is there."""
        for own, tensor in zip(self._fixed, given, strict=True):
            if own is not None and tensor is not None:
                own.copy_(tensor)

    def run(self, steps: slice, given: _Tensors) -> None:
        """Copy these steps in, and launch."""
        count = steps.stop - steps.start
        for own, tensor in zip(self._in_time, given, strict=True):
            if own is not None and tensor is not None:
                own[:count].copy_(tensor[steps])
        self._replay[count]()

    def read(self, steps: slice, into: _Tensors) -> None:
        """Copy these steps out."""
        for own, tensor in zip(self._in_time, into, strict=True):
            if own is not None and tensor is not None:
                tensor[steps].copy_(own[: steps.stop - steps.start])

    def fixed_copy(self, index: int) -> Tensor:
        """One of what has no time axis, as the last graph left it."""
        own = self._fixed[index]
        assert own is not None
        return own.clone()


def _powers_of_two(time: int, longest: int) -> Iterator[slice]:
    """``range(time)`` in slices of powers of two, as long as they can be, the shorter ones last."""
    start = 0
    while start < time:
        count = min(longest, 1 << ((time - start).bit_length() - 1))
        yield slice(start, start + count)
        start += count
