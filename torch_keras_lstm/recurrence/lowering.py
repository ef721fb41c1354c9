"""What a graph may hold of a recurrence, where whoever exports it says so."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch


class Lowering(NamedTuple):
    """A graph of torch's own operators alone, which needs nothing of this package to run.

    Attributes:
        loops: a loop over time stays one, for any number of steps; otherwise it is written out for those at hand.
        kernels: the cells, of "lstm", "gru" and "simple_rnn", of which torch's kernel stands for a whole sequence where
            it computes it, ``aten.lstm`` and its kind.
        lengths: operators of ONNX are told how many steps of a row count; otherwise masks are a part of the graph, for
            a runtime that ignores the lengths.
        activations: operators of ONNX have all of its activations; otherwise the usual ones, and a loop has others.
        images: a loop may carry images; otherwise it carries them as one vector each.
    """

    loops: bool = True
    kernels: frozenset[str] = frozenset()
    lengths: bool = True
    activations: bool = True
    images: bool = True


class _Wanted(threading.local):
    """What this thread's exports are to hold. No context variable: ``torch.compile`` does not follow those."""

    lowering: Lowering | None = None


_WANTED = _Wanted()
KERNELS = frozenset({"lstm", "gru", "simple_rnn"})
# ONNX has operators of its own for most recurrences, and one for loops.
_ONNX = Lowering()


def lowering() -> Lowering | None:
    """What the graph that is being traced may hold; ``None`` where that may be operators of this package."""
    wanted = _WANTED.lowering
    return _ONNX if wanted is None and torch.onnx.is_in_onnx_export() else wanted


def images_loop() -> bool:
    """Whether a loop in the graph that is being traced may carry images."""
    wanted = _WANTED.lowering
    return wanted is None or wanted.images


def activations_are_known() -> bool:
    """Whether operators of ONNX have all of its activations."""
    wanted = _WANTED.lowering
    return wanted is None or wanted.activations


def lengths_are_known() -> bool:
    """Whether operators of ONNX are told how many steps of a row count."""
    wanted = _WANTED.lowering
    return wanted is None or wanted.lengths


@contextmanager
def lowered(to: Lowering) -> Iterator[None]:
    """Have the graphs that are traced in this context hold what ``to`` says."""
    before, _WANTED.lowering = _WANTED.lowering, to
    try:
        yield
    finally:
        _WANTED.lowering = before
