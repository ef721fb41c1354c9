"""What each layer contributes to a chain of layers that C runs in one call; see ``chained_call.py``."""

import struct
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.layers.activation import Activation
from torch_keras_lstm.layers.alpha_dropout import AlphaDropout
from torch_keras_lstm.layers.chained_call import (
    COPY,
    DENSE,
    LOOK_UP,
    MASK_ROWS,
    PLANNERS,
    RUN,
    ZERO_LAST,
    ZERO_MASKED,
    CannotChainError,
    Links,
    Value,
    add_part,
    part_of,
)
from torch_keras_lstm.layers.dense import Dense
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.few_rows import fits_in_c
from torch_keras_lstm.layers.gaussian_dropout import GaussianDropout
from torch_keras_lstm.layers.gaussian_noise import GaussianNoise
from torch_keras_lstm.layers.gru import GRU
from torch_keras_lstm.layers.identity import Identity
from torch_keras_lstm.layers.lstm import LSTM
from torch_keras_lstm.layers.masking import Masking
from torch_keras_lstm.layers.planned_call import ATTRIBUTES, plans_are_used
from torch_keras_lstm.layers.planned_training import TrainingPlan
from torch_keras_lstm.layers.recurrent import LiveStates
from torch_keras_lstm.layers.simple_rnn import SimpleRNN
from torch_keras_lstm.layers.spatial_dropout import SpatialDropout1D
from torch_keras_lstm.layers.time_distributed import TimeDistributed
from torch_keras_lstm.recurrence import dispatch
from torch_keras_lstm.recurrence.backends import c_runs
from torch_keras_lstm.recurrence.backends.c_kernels import CKernels

_OPTIONS = (
    *ATTRIBUTES, "units", "zero_output_for_mask", "hold_initial_state", "ends_mask", "supports_masking", "reset_after",
    "_zeros", "recompute",
)  # fmt: skip
# What C computes as torch does, to the last bit.
_OF_DENSE = (None, activations.linear, activations.relu)


@part_of(LSTM, GRU, SimpleRNN)
def recurrent(links: Links, layer: Any, value: Value) -> Value:
    """The steps of a recurrent layer, on from its states where it keeps them, and what masked steps show."""
    batch, time, features = _floating(links, layer, value)
    by_mask = bool(value.mask)
    if by_mask and (layer.hold_initial_state or (layer.go_backwards and time > 1)):
        raise CannotChainError(layer.name)
    example = torch.empty(batch, time, features, dtype=links.dtype)
    chosen = _kernels(links, layer, example, value.mask or None)
    units, size, backwards = layer.units, links.size, layer.go_backwards
    options = layer.sequence_options()
    rows = layer.gates * units
    work = batch * time * rows * (features + units)
    links.work += work
    links.wants_threads |= work >= chosen.fewest_for_threads
    states = [links.room(batch, units) for _ in layer.state_sizes]
    if layer.stateful:
        links.state(layer, LiveStates(), tuple(states))
    first = [state.data_ptr() for state in states]
    # A layer that keeps its states has them written over; zeros stay zeros.
    after = first if layer.stateful else [links.room(batch, units).data_ptr() for _ in states]
    sequences = layer.return_sequences
    outputs = links.room(batch, time, units).data_ptr() if sequences else after[0]
    bias, state_bias = _biases(links, layer, rows)
    links.step(
        RUN,
        work >= chosen.fewest_for_threads,
        (time - 1) * features * size if backwards else 0,
        c_runs.CELLS.index(chosen.c_cell(options)),
        time,
        batch,
        features,
        units,
        c_runs.KINDS[layer.activation],
        c_runs.KINDS[options.recurrent_activation],
        value.place,
        -features if backwards else features,
        time * features,
        links.weight(layer, layer.parameter_names[0]),
        links.weight(layer, layer.parameter_names[1]),
        bias,
        state_bias,
        0,
        outputs,
        units if sequences else 0,
        time * units if sequences else units,
        after[1] if chosen.has_cell_state else 0,
        0,
        first[0],
        first[1] if chosen.has_cell_state else 0,
        value.mask,
        1 if by_mask else 0,
        time if by_mask else 0,
        *(0,) * 4,
    )
    row = units * size
    if layer.stateful and sequences:
        links.step(COPY, batch, row, outputs + (time - 1) * row, time * row, first[0])
    if by_mask and sequences:
        links.step(ZERO_MASKED, batch, time, row, value.mask, outputs, not layer.zero_output_for_mask)
    elif by_mask:
        shown = links.room(batch, units).data_ptr()
        links.step(COPY, 1, batch * row, outputs, 0, shown)
        links.step(ZERO_LAST, batch, time, row, value.mask, shown, not layer.zero_output_for_mask)
        outputs = shown
    shape = (batch, time, units) if sequences else (batch, units)
    return Value(outputs, shape, links.dtype, value.mask if sequences else 0)


def _kernels(links: Links, layer: Any, inputs: Tensor, mask: Any) -> CKernels:
    """The kernels in C, where they run such calls of a recurrent layer; and what the calls depend on.

    Raises:
        CannotChainError: when they do not, or the layer does more than to run the steps.
    """
    second = layer.parameter_names[3]
    is_more = layer.return_state or layer._registered or layer._is_handed or layer._is_own
    if is_more or layer._buffers.get(second) is not None:  # a bias that somebody handed over
        raise CannotChainError(layer.name)
    links.attributes(layer, *_OPTIONS)
    links.entry(layer._buffers, second)
    chosen = dispatch.select(layer.backends, layer.sequence_request(inputs, mask, training=links.recorded))
    if not isinstance(chosen, CKernels):
        raise CannotChainError(layer.name)
    return chosen


def training_plan(layer: Any, inputs: Tensor) -> Callable[[Tensor], Tensor | None] | None:
    """What computes further steps of training like the one that was just made; ``None`` where nothing is planned."""
    if not (inputs.is_cpu and inputs.is_contiguous() and inputs.dtype is layer._dtype and plans_are_used()):
        return None
    if layer.stateful or layer.dropout_counts(True) != (0, 0) or torch.is_autocast_enabled("cpu"):
        return None
    links = Links(layer._dtype, recorded=True)
    try:
        links.surroundings()
        links.module(layer)
        links.attributes(layer, "dropout", "recurrent_dropout", "_held_dropout")
        kernels = _kernels(links, layer, inputs, None)
        for name in layer.parameter_names:
            links.weight(layer, name)
    except CannotChainError:
        return None
    weights = tuple(layer._parameters.get(name) for name in layer.parameter_names)
    if layer.use_bias and layer.gates == 3 and weights[3] is None:
        weights = (*weights[:3], layer._zeros)
    plan, chain = TrainingPlan(kernels, inputs, weights, layer.sequence_options()), links.chain(inputs)

    def run(inputs: Tensor) -> Tensor | None:
        return plan.run(inputs, weights) if chain.fits(inputs) and not inputs.is_inference() else None

    return run


PLANNERS.update(dict.fromkeys((LSTM, GRU, SimpleRNN), training_plan))


def _biases(links: Links, layer: Any, rows: int) -> tuple[int, int]:
    """The addresses of a layer's bias, and of what a GRU adds to the state's part."""
    if not layer.use_bias:
        return 0, 0
    first, second = layer.parameter_names[2:]
    bias = links.weight(layer, first)
    if layer.gates != 3:
        return bias, 0
    return bias, links.weight(layer, second) if layer.reset_after else links.room(rows).data_ptr()


@part_of(Embedding)
def embedding(links: Links, layer: Embedding, value: Value) -> Value:
    """The rows of the table, and where the index is not 0."""
    if value.dtype not in (torch.int64, torch.int32) or value.mask:
        raise CannotChainError(layer.name)
    links.attributes(layer, "mask_zero", "supports_masking", "makes_mask")
    width, count = layer.output_dim, prod(value.shape)
    outputs = links.room(*value.shape, width).data_ptr()
    mask = links.room(*value.shape, dtype=torch.bool).data_ptr() if layer.mask_zero else 0
    if mask and len(value.shape) != 2:
        raise CannotChainError(layer.name)
    table = links.weight(layer, "weight")
    links.attributes(layer, "output_dim")
    has_4_bytes = value.dtype is torch.int32
    links.step(LOOK_UP, count, has_4_bytes, layer.weight.shape[0], width * links.size, table, outputs, mask)
    return Value(outputs, (*value.shape, width), links.dtype, mask)


@part_of(Masking)
def masking(links: Links, layer: Masking, value: Value) -> Value:
    """Zeros at the steps that are masked, and which they are."""
    batch, time, features = _floating(links, layer, value)
    links.attributes(layer, "_compared")
    outputs = links.room(batch, time, features).data_ptr()
    mask = links.room(batch, time, dtype=torch.bool).data_ptr()
    (bits,) = struct.unpack("q", struct.pack("d", layer._compared))
    links.step(MASK_ROWS, batch * time, features, bits, value.place, outputs, mask)
    return Value(outputs, value.shape, links.dtype, mask)


@part_of(Dense)
def dense(links: Links, layer: Dense, value: Value) -> Value:
    """The product with the kernel, where C takes it in a call of the layer too."""
    if value.dtype is not links.dtype:
        raise CannotChainError(layer.name)
    *outer, features = value.shape
    rows, units = prod(outer), layer.units
    if not fits_in_c(rows, features, units):
        raise CannotChainError(layer.name)
    links.attributes(layer, "activation", "units")
    outputs = links.room(*outer, units).data_ptr()
    in_c = layer.activation in _OF_DENSE
    if not in_c and value.mask:
        raise CannotChainError(layer.name)
    kind = c_runs.KINDS[layer.activation] if in_c and layer.activation is not None else 0
    weight, bias = links.weight(layer, "weight"), links.weight(layer, "bias")
    links.work += rows * features * units
    links.step(DENSE, rows, features, units, kind, value.place, weight, bias, outputs)
    if not in_c:
        links.then = layer.activation
    return Value(outputs, (*outer, units), links.dtype, value.mask)


@part_of(TimeDistributed)
def time_distributed(links: Links, layer: TimeDistributed, value: Value) -> Value:
    """A ``Dense`` on every step."""
    inner = layer.layer
    if type(inner) is not Dense or len(value.shape) < 3 or layer.ends_mask:
        raise CannotChainError(layer.name)
    links.entry(layer._modules, "layer")
    links.attributes(layer, "ends_mask", "supports_masking")
    return add_part(links, inner, value)


@part_of(Dropout, SpatialDropout1D, GaussianDropout, GaussianNoise, AlphaDropout, Identity)
def identity(links: Links, layer: Any, value: Value) -> Value:
    """Nothing, in inference."""
    if value.dtype is not links.dtype:
        raise CannotChainError(layer.name)
    return value


@part_of(Activation)
def activation(links: Links, layer: Activation, value: Value) -> Value:
    """Nothing, where the function is linear."""
    if layer.activation is not activations.linear or value.dtype is not links.dtype:
        raise CannotChainError(layer.name)
    links.attributes(layer, "activation")
    return value


def _floating(links: Links, layer: Any, value: Value) -> tuple[int, int, int]:
    """Batch, time and features of what a layer over time gets."""
    if value.dtype is not links.dtype or len(value.shape) != 3:
        raise CannotChainError(layer.name)
    batch, time, features = value.shape
    return batch, time, features
