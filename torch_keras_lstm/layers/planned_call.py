"""Calls of one kind, over and over: what does not change between them is worked out once.

A step of a stream takes the kernels in C a few microseconds, and finding out anew which backend runs it, with which
options, weights and states, takes three times as long. A :class:`PlannedCall` is what came of that for one call, and
whether the next one is of the same kind it sees by a few comparisons. Everything else takes the way of every call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence import dispatch, environment
from torch_keras_lstm.recurrence.backends.c_kernels import C_KERNELS, BoundSteps, CKernels

_wanted = environment.plans_are_wanted()


@contextmanager
def use_plans(wanted: bool) -> Iterator[None]:
    """Have calls planned, or each take the long way; the numbers are the same, bit for bit.

    For all threads of the process. The environment variable ``TORCH_KERAS_LSTM_PLANS`` set to 0 does the latter.
    """
    global _wanted
    before, _wanted = _wanted, wanted
    try:
        yield
    finally:
        _wanted = before


def plans_are_used() -> bool:
    """Whether :func:`use_plans` or the environment has calls planned."""
    return _wanted


class PlannedCall:
    """A call for inference of a layer whose steps run in C, without mask, given states or dropout.

    Args:
        layer: an LSTM of this package, on whose calls ``kernels`` run.
        inputs: as the layer was called with, (batch, time, features).
        kernels: what ran them.
    """

    def __init__(self, layer: Any, inputs: Tensor, kernels: CKernels) -> None:
        self.kind = kind_of(layer)
        self.shape = inputs.shape
        self.dtype = inputs.dtype
        self.weights = tuple(layer._parameters[name] for name in _names(layer))
        self.places = tuple((weight.data_ptr(), weight.shape, weight.dtype) for weight in self.weights)
        self.asked = dispatch.asked()
        self.keeps = layer.stateful
        self.sequences = layer.return_sequences
        weight_ih, weight_hh, *bias = self.weights
        self.steps = BoundSteps(
            kernels,
            inputs,
            weight_ih,
            weight_hh,
            bias[0] if bias else None,
            layer.activation,
            layer.recurrent_activation,
        )
        self.zeros = inputs.new_zeros(inputs.shape[0], layer.units)

    def run(self, layer: Any, inputs: Any, training: bool | None) -> Tensor | None:
        """What the call gives, where autograd records nothing; ``None`` when it is of another kind."""
        if (
            not _wanted
            or type(inputs) is not Tensor
            or inputs.shape != self.shape
            or inputs.dtype is not self.dtype
            or not inputs.is_cpu
            or not inputs.is_contiguous()
            or torch_internals.calls_are_watched()
            or torch.is_autocast_enabled("cpu")
            or dispatch.asked() is not self.asked
            or kind_of(layer) != self.kind
            or (layer.training if training is None else training)
        ):
            return None
        if layer._buffers.get(layer.parameter_names[3]) is not None:  # a second bias that somebody handed over
            return None
        parameters = layer._parameters
        for name, weight, place in zip(_names(layer), self.weights, self.places, strict=False):
            if parameters.get(name) is not weight or (weight.data_ptr(), weight.shape, weight.dtype) != place:
                return None
        kept: list[Tensor] = layer._kept
        hidden = cell = self.zeros
        if self.keeps and kept:
            hidden, cell = kept
            if hidden.shape != self.zeros.shape:
                return None
        every, cells = self.steps(inputs, hidden, cell, self.sequences)
        if self.keeps:
            # Who called may write into the output, and must not change the state by that.
            kept[:] = ((every[-1] if self.sequences else every).clone(), cells)
        return every.transpose(0, 1) if self.sequences else every


class Plans:
    """What a layer knows of its calls: the plan for those like the last ones, if there is one."""

    def __init__(self) -> None:
        self.plan: PlannedCall | None = None
        self._last: object = None  # the shape of the last call that had no plan

    def after(self, layer: Any, inputs: Tensor) -> None:
        """Plan for calls such as the one for inference that was just made, from the second one of a shape on."""
        shape = inputs.shape
        if shape != self._last:  # which may not come again
            self._last = shape
        elif (kernels := _kernels_of(layer, inputs)) is not None:
            self.plan = PlannedCall(layer, inputs, kernels)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # A plan holds addresses: a copy of the layer, or one that comes out of a pickle, makes its own.
        return type(self), ()


def _kernels_of(layer: Any, inputs: Tensor) -> CKernels | None:
    """The kernels in C, where they run such calls, and nothing but the numbers will differ between these."""
    plain = (
        _wanted
        and C_KERNELS in layer.backends
        and type(inputs) is Tensor
        and inputs.is_cpu
        and inputs.is_contiguous()
        and inputs.dtype is layer._dtype
        and (not layer.go_backwards or inputs.shape[1] == 1)
        and not (layer.return_state or layer._registered or layer._is_handed or layer._is_own)
        and layer.activity_regularizer is None
        and not layer._policy.is_half
        and not torch_internals.calls_are_watched()
        and not torch.is_autocast_enabled("cpu")
        and all(_is_plain(layer._parameters.get(name)) for name in _names(layer))
    )
    if not plain:
        return None
    chosen = dispatch.select(layer.backends, layer.sequence_request(inputs, None, training=False))
    return chosen if isinstance(chosen, CKernels) else None


def kind_of(layer: Any) -> tuple[object, ...]:
    """The layer's attributes that a call depends on. They can be set, at any time."""
    return tuple(map(layer.__dict__.get, ATTRIBUTES))


ATTRIBUTES = (
    "activation", "recurrent_activation", "return_sequences", "return_state", "go_backwards", "stateful", "use_cudnn",
    "recompute", "use_bias", "activity_regularizer", "_registered", "_is_handed", "_repeats", "_policy",
)  # fmt: skip


def _names(layer: Any) -> tuple[str, ...]:
    names: tuple[str, ...] = layer.parameter_names
    return names[:3] if layer.use_bias else names[:2]


def _is_plain(parameter: Tensor | None) -> bool:
    return type(parameter) is torch.nn.Parameter and parameter.is_contiguous() and parameter.is_cpu
