"""How recurrent layers are written in plain PyTorch: by torch's own modules, or a step at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.conversion.source_writer import Call, Value, Writer, function_of, given_states, refuse, row
from torch_keras_lstm.layers import GRU, LSTM, Layer, SimpleRNN, StackedRNNCells

_TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}
_DEFAULTS = ["torch.tanh", "torch.sigmoid"]
_STEPS = {"LSTM": "StepLSTM", "GRU": "StepGRU", "SimpleRNN": "StepRNN"}


def _why_steps(writer: Writer, layer: Any) -> bool:
    """Whether torch's own module does not compute the layer in some call of it."""
    kind = type(layer).__name__
    if layer in writer.masked or layer.hold_initial_state:
        return True
    activation = activations.serialize(layer.activation)
    if kind == "SimpleRNN":
        return activation not in ("tanh", "relu")
    if kind == "GRU" and not layer.reset_after:
        return True
    return (activation, activations.serialize(layer.recurrent_activation)) != ("tanh", "sigmoid")


def _recurrent_module(writer: Writer, layer: Any) -> str:
    kind = type(layer).__name__
    steps = _why_steps(writer, layer)
    features = layer.weight_ih_l0.shape[1]

    def make() -> tuple[str, Mapping[str, Tensor]]:
        # torch's modules have both biases; the second is zeros, and not trained, where Keras has one.
        state = {name: tensor for name, tensor in layer.state_dict().items() if tensor is not None}
        words = [str(features), str(layer.units)]
        if not steps:
            words += ["batch_first=True"] + ([] if layer.use_bias else ["bias=False"])
            words += (
                ['nonlinearity="relu"']
                if kind == "SimpleRNN" and activations.serialize(layer.activation) == "relu"
                else []
            )
            return f"{_TORCH[kind]}({', '.join(words)})", state
        if kind != "GRU" or not layer.reset_after:
            state.pop("bias_hh_l0", None)
        functions = [function_of(writer, layer, layer.activation)]
        functions += [] if kind == "SimpleRNN" else [function_of(writer, layer, layer.recurrent_activation)]
        words += [] if functions == _DEFAULTS[: len(functions)] else functions
        words += [] if layer.use_bias else ["bias=False"]
        words += ["reset_after=False"] if kind == "GRU" and not layer.reset_after else []
        return f"{writer.part(_STEPS[kind])}({', '.join(words)})", state

    if steps:
        writer.part("loop")
        writer.part("StepByStep")
    module = writer.module(layer, make)
    frozen = f"{module}.bias_hh_l0.requires_grad_(False)  # zeros: Keras has one bias"
    if not steps and kind != "GRU" and layer.use_bias and frozen not in writer.modules:
        writer.modules.append(frozen)
    return module


def _run(writer: Writer, layer: Any, value: Value, mask: str | None, given: Sequence[str], name: str) -> list[Value]:
    """The outputs of all steps or of the last, and the states."""
    if mask is not None:
        writer.masked.add(layer)
    steps, module = _why_steps(writer, layer), _recurrent_module(writer, layer)
    inputs = value.text
    if layer.go_backwards:
        inputs, mask = f"{inputs}.flip(1)", None if mask is None else f"{mask}.flip(1)"
    used = layer.stateful or layer.return_state
    states = [writer.variable(f"{name}_{part}") if used else "_" for part in ("h", "c")[: len(layer.state_sizes)]]
    arguments = [inputs]
    key = module.removeprefix("self.")
    if layer.stateful:
        writer.keeps = True
        arguments.append(f'self.states.get("{key}")')
        if given:
            raise refuse(layer, "a stateful layer that is given its states")
        if not steps and len(states) == 1:
            arguments[-1] = f'*self.states.get("{key}", ())'
    elif given:
        wrapped = given if steps else [f"{state}.unsqueeze(0)" for state in given]
        arguments.append(
            wrapped[0] if not steps and len(states) == 1 else f"({', '.join(wrapped)}{',' * (len(wrapped) == 1)})"
        )
    if mask is not None:
        arguments.append(f"mask={mask}")
    sequence = writer.variable(name)
    left = (
        "_"
        if not used
        else states[0]
        if not steps and len(states) == 1
        else f"({', '.join(states)}{',' * (len(states) == 1)})"
    )
    if steps:
        flags = [("zeros_where_masked", layer.zero_output_for_mask), ("keeps_first_state", layer.hold_initial_state)]
        for flag, is_set in flags:
            line = f"{module}.{flag} = True"
            if is_set and mask is not None and line not in writer.modules:
                writer.modules.append(line)
    writer.lines.append(f"{sequence}, {left} = {module}({', '.join(arguments)})")
    if layer.stateful:
        kept = ", ".join(f"{state}.detach()" for state in states)
        writer.lines.append(
            f'self.states["{key}"] = ({kept},)' if len(states) == 1 else f'self.states["{key}"] = ({kept})'
        )
    batch, time, *_ = value.shape
    if not steps and layer.return_state:
        for state in states:
            writer.lines.append(f"{state} = {state}.squeeze(0)")
    output = Value(sequence, None, (batch, time, layer.units))
    if not layer.return_sequences:
        output = Value(writer.let(f"{name}_last", f"{sequence}[:, -1]"), None, (batch, layer.units))
    return [output, *(Value(state, None, (batch, layer.units)) for state in states)]


@row("LSTM", "GRU", "SimpleRNN")
def _recurrent(writer: Writer, layer: Any, call: Call) -> Any:
    mask = call.mask
    output, *states = _run(writer, layer, call.tensors[0], mask, given_states(layer, call), layer.name)
    output = replace(output, mask=mask if layer.return_sequences else None)
    return [output, *states] if layer.return_state else output


# For each cell a layer of the same numbers: cells are written as layers, which torch has for a whole sequence.
_LAYERS: WeakKeyDictionary[Layer, Layer] = WeakKeyDictionary()
_OF_CELLS: Mapping[str, type[Layer]] = {"LSTMCell": LSTM, "GRUCell": GRU, "SimpleRNNCell": SimpleRNN}


def _as_layer(rnn: Any, cell: Any, is_last: bool) -> Any:
    """The layer that runs a cell over time as ``rnn`` does."""
    if type(cell).__name__ not in _OF_CELLS or cell._is_own:
        raise refuse(rnn, f"around a {type(cell).__name__}")
    layer: Any = _LAYERS.get(cell)
    if layer is None:
        made: Any = _OF_CELLS[type(cell).__name__]
        layer = made.from_config(
            {
                **cell.get_config(),
                "return_sequences": rnn.return_sequences or not is_last,
                "return_state": rnn.return_state,
                "stateful": rnn.stateful,
                "zero_output_for_mask": rnn.zero_output_for_mask and is_last,
            }
        )
        layer.build((None, None, cell.weight_ih.shape[1]))
        layer.hold_initial_state = rnn.hold_initial_state
        _LAYERS[cell] = layer
    layer.set_weights(cell.get_weights())
    return layer


@row("RNN")
def _rnn(writer: Writer, layer: Any, call: Call) -> Any:
    cells = layer.cell.cells if isinstance(layer.cell, StackedRNNCells) else [layer.cell]
    given, value, mask = given_states(layer, call), call.tensors[0], call.mask
    if len(cells) > 1 and (given or layer.stateful or layer.return_state):
        raise refuse(layer, "states of several cells")
    if layer.go_backwards:
        value = replace(value, text=writer.let(f"{layer.name}_backwards", f"{value.text}.flip(1)"))
        mask = None if mask is None else writer.let(f"{layer.name}_backwards_mask", f"{mask}.flip(1)")
    states: list[Value] = []
    for place, cell in enumerate(cells, start=1):
        inner = _as_layer(layer, cell, place == len(cells))
        name = layer.name if len(cells) == 1 else f"{layer.name}_{place}"
        value, *states = _run(writer, inner, value, mask, given, name)
    value = replace(value, mask=call.mask if layer.return_sequences else None)
    return [value, *states] if layer.return_state else value


_MERGED = {
    "concat": "torch.cat(({0}, {1}), dim=-1)", "sum": "{0} + {1}", "mul": "{0} * {1}", "ave": "({0} + {1}) / 2",
}  # fmt: skip


@row("Bidirectional")
def _bidirectional(writer: Writer, layer: Any, call: Call) -> Any:
    mask, value = call.mask, call.tensors[0]
    halves = (layer.forward_layer, layer.backward_layer)
    if any(type(half).__name__ not in _TORCH for half in halves):
        raise refuse(layer, "of a layer that is no LSTM, GRU or SimpleRNN")
    given = given_states(layer, call)
    outputs, states = [], []
    for place, (half, direction) in enumerate(zip(halves, ("forward", "backward"), strict=True)):
        count = len(half.state_sizes)
        of_half = given[place * count : (place + 1) * count]
        output, *after = _run(writer, half, value, mask, of_half, f"{layer.name}_{direction}")
        if half.return_sequences and half.go_backwards:
            output = replace(output, text=f"{output.text}.flip(1)")
        outputs.append(output)
        states += after
    mask = mask if layer.return_sequences else None
    states = states if layer.return_state else []
    if layer.merge_mode is None:
        return [*(replace(output, mask=mask) for output in outputs), *states]
    merged = writer.let(layer.name, _MERGED[layer.merge_mode].format(*(output.text for output in outputs)))
    width = sum(int(output.shape[-1] or 0) for output in outputs)
    last = width if layer.merge_mode == "concat" else outputs[0].shape[-1]
    output = Value(merged, mask, (*outputs[0].shape[:-1], last))
    return [output, *states] if states else output
