import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.recurrence import (
    ConvLSTMWeights,
    LSTMState,
    LSTMWeights,
    SequenceOptions,
    Window,
    conv_lstm,
    lstm_loop,
)

BATCH, TIME, CHANNELS, FILTERS = 2, 5, 3, 4


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dropped", [False, True])
def test_on_a_single_place_it_is_an_lstm(masked: bool, dropped: bool) -> None:
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.tensor(rng.standard_normal(shape))

    inputs, state = normal(BATCH, TIME, CHANNELS), LSTMState(normal(BATCH, FILTERS), normal(BATCH, FILTERS))
    weight_ih, weight_hh, bias = normal(4 * FILTERS, CHANNELS), normal(4 * FILTERS, FILTERS), normal(4 * FILTERS)
    factors = (normal(4, BATCH, CHANNELS), normal(4, BATCH, FILTERS)) if dropped else (None, None)
    mask = torch.tensor(rng.random((BATCH, TIME)) < 0.6) if masked else None
    expected, final = lstm_loop(
        inputs,
        state,
        LSTMWeights(weight_ih, weight_hh, bias, torch.zeros_like(bias)),
        mask,
        SequenceOptions(input_dropout=factors[0], recurrent_dropout=factors[1]),
    )
    outputs, states = conv_lstm(
        inputs[..., None],
        LSTMState(*(part[..., None] for part in state)),
        ConvLSTMWeights(weight_ih[..., None], weight_hh[..., None], bias),
        mask,
        Window((1,), "same", (1,)),
        SequenceOptions(
            input_dropout=None if factors[0] is None else factors[0][..., None],
            recurrent_dropout=None if factors[1] is None else factors[1][..., None],
        ),
    )
    assert final is not None
    assert_close(outputs[..., 0], expected, "float64", "outputs")
    assert_close(states.hidden[..., 0], final.hidden, "float64", "hidden state")
    assert_close(states.cell[..., 0], final.cell, "float64", "cell state")


def test_a_mask_of_places_holds_each_place_by_itself() -> None:
    """With a window of 1 no place sees another, so each is an LSTM with a mask of its own."""
    generator = torch.Generator().manual_seed(2)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    places = 6
    inputs, mask = normal(BATCH, TIME, CHANNELS, places), normal(BATCH, TIME, 1, places) > 0
    weights = ConvLSTMWeights(normal(4 * FILTERS, CHANNELS, 1), normal(4 * FILTERS, FILTERS, 1), normal(4 * FILTERS))
    state = LSTMState(normal(BATCH, FILTERS, places), normal(BATCH, FILTERS, places))
    window = Window((1,), "valid", (1,))
    outputs, _ = conv_lstm(inputs, state, weights, mask, window, SequenceOptions())
    for place in range(places):
        alone = slice(place, place + 1)
        expected, _ = conv_lstm(
            inputs[..., alone],
            LSTMState(*(part[..., alone] for part in state)),
            weights,
            mask[:, :, 0, place],
            window,
            SequenceOptions(),
        )
        assert_close(outputs[..., alone], expected, "float64", f"place {place}")
