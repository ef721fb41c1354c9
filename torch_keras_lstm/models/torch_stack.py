"""From a module of torch's with several recurrent layers to layers in a row, and back."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from torch_keras_lstm.layers import GRU, LSTM, Bidirectional, Dropout, Layer, SimpleRNN
from torch_keras_lstm.layers.cell_layer import CellLayer
from torch_keras_lstm.layers.torch_rnn import (
    arguments_of,
    check_torch_computes,
    layer_name,
    module_for,
    state_of,
    take_from,
)

_LAYERS: dict[str, Any] = {"LSTM": LSTM, "GRU": GRU, "SimpleRNN": SimpleRNN}


def layers_of(rnn: nn.RNNBase) -> list[Layer]:
    """Layers with copies of the weights of ``rnn``, a ``Dropout`` between two of them where it has one.

    Raises:
        ValueError: when it has a projection.
        TypeError: when it is none of torch's.
    """
    kind = _LAYERS[layer_name(rnn)]
    if rnn.proj_size:
        raise ValueError(f"`Sequential.from_torch` takes no projection, got proj_size={rnn.proj_size}.")
    made: list[Layer] = []
    with next(rnn.parameters()).device:
        for number in range(rnn.num_layers):
            if made and rnn.dropout:
                made.append(Dropout(rnn.dropout))
            given = arguments_of(rnn, number)
            one: Any = kind(**given)
            one.load_state_dict(state_of(rnn, number))
            if rnn.bidirectional:
                forward = one
                one = Bidirectional(forward, dtype=given["dtype"])
                one.build((None, None, given["input_size"]))
                one.forward_layer.load_state_dict(forward.state_dict())
                one.backward_layer.load_state_dict(state_of(rnn, number, backwards=True))
            made.append(one)
    return made


def module_of(layers: Sequence[nn.Module], name: str) -> Any:
    """One module of torch's that computes what recurrent layers in a row do; ``name`` is the model's.

    Raises:
        ValueError: when none does.
    """
    halves: list[tuple[CellLayer, ...]] = []
    rates: set[float] = set()
    for layer in layers:
        if isinstance(layer, Dropout) and layer.noise_shape is None and halves:
            rates.add(layer.rate)
        elif isinstance(layer, Bidirectional):
            halves.append(layer.halves_for_torch())
        elif isinstance(layer, CellLayer):
            check_torch_computes(layer)
            halves.append((layer,))
        else:
            raise ValueError(f"Model `{name}` cannot become a module of torch's: it has the layer {layer!r:.80}.")
    if not halves:
        raise ValueError(f"Model `{name}` cannot become a module of torch's: it has no recurrent layer.")
    first = halves[0][0]
    alike = {(type(half), half.units, half.use_bias, half.activation, len(each)) for each in halves for half in each}
    if len(alike) > 1 or len(rates) > 1 or not all(each[0].return_sequences for each in halves[:-1]):
        raise ValueError(
            f"Model `{name}` cannot become a module of torch's: its layers differ in kind, units, biases, directions "
            "or dropout between them, or one before the last does not return sequences."
        )
    if rates and sum(isinstance(layer, Dropout) for layer in layers) != len(halves) - 1:
        raise ValueError(
            f"Model `{name}` cannot become a module of torch's, whose dropout is between all its layers and nowhere "
            "else."
        )
    options = {"num_layers": len(halves), "bidirectional": len(halves[0]) == 2, "dropout": next(iter(rates), 0.0)}
    module, state = module_for(first, **options), dict[str, Tensor]()
    for number, each in enumerate(halves):
        for half in each:
            take_from(half, state, number, backwards=half.go_backwards)
    module.load_state_dict(state)
    return module.train(first.training)
