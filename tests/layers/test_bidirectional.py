import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, RNN, Bidirectional, Dense, LSTMCell

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2
MERGE: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "concat": lambda forward, backward: torch.cat((forward, backward), -1),
    "sum": lambda forward, backward: forward + backward,
    "ave": lambda forward, backward: 0.5 * (forward + backward),
    "mul": lambda forward, backward: forward * backward,
}


def draw() -> tuple[torch.Tensor, torch.Tensor]:
    mask = torch.rand(BATCH, TIME) < 0.6
    mask[1] = False
    return torch.randn(BATCH, TIME, FEATURES), mask


def halves_by_hand(layer: Bidirectional, **arguments: Any) -> tuple[LSTM, LSTM]:
    """Two layers with the weights of a bidirectional one, which return their states."""
    weights = layer.get_weights()
    forward, backward = (
        LSTM(
            weights[3 * half + 1].shape[0], return_state=True, go_backwards=half == 1, input_size=FEATURES, **arguments
        )
        for half in range(2)
    )
    forward.set_weights(weights[:3])
    backward.set_weights(weights[3:])
    return forward, backward


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("merge_mode", [*MERGE, None])
def test_it_is_two_layers_merged(merge_mode: str | None, return_sequences: bool, masked: bool) -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=return_sequences, return_state=True), merge_mode)
    layer.build((None, None, FEATURES))
    inputs, drawn = draw()
    mask = drawn if masked else None
    states = list(torch.randn(4, BATCH, UNITS))
    # with sequences, masked steps are zeros in both halves
    flags = {"return_sequences": return_sequences, "zero_output_for_mask": return_sequences}
    forward, backward = halves_by_hand(layer, **flags)
    there, *there_states = forward(inputs, mask=mask, initial_state=states[:2])
    back, *back_states = backward(inputs, mask=mask, initial_state=states[2:])
    back = back.flip(1) if return_sequences else back
    merged = (there, back) if merge_mode is None else (MERGE[merge_mode](there, back),)
    expected = (*merged, *there_states, *back_states)
    got = layer(inputs, mask=mask, initial_state=states)
    assert layer.compute_output_shape(inputs.shape) == tuple(tuple(value.shape) for value in expected)
    for value, wanted in zip(got, expected, strict=True):
        assert_close(value.detach(), wanted.detach(), "float32 elementwise")


@pytest.mark.parametrize("merge_mode", ["concat", None])
def test_another_layer_backwards(merge_mode: str | None) -> None:
    other = LSTM(UNITS + 1, go_backwards=True, name="other")
    layer = Bidirectional(LSTM(UNITS), merge_mode, backward_layer=other)
    assert layer.backward_layer is other
    inputs, mask = draw()
    got = layer(inputs, mask=mask)
    forward, backward = (half(inputs, mask=mask)[0] for half in halves_by_hand(layer))
    expected = torch.cat((forward, backward), -1)
    assert_close(
        torch.cat(got, -1).detach() if merge_mode is None else got.detach(), expected.detach(), "float32 elementwise"
    )
    assert layer.compute_output_shape(inputs.shape) == (
        ((BATCH, UNITS), (BATCH, UNITS + 1)) if merge_mode is None else (BATCH, 2 * UNITS + 1)
    )


def test_masked_steps_may_repeat_the_last_output_as_in_the_first_keras() -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True), zero_output_for_mask=False)
    inputs, mask = draw()
    output = layer(inputs, mask=mask)
    forward, backward = halves_by_hand(layer, return_sequences=True, zero_output_for_mask=False)
    expected = torch.cat((forward(inputs, mask=mask)[0], backward(inputs, mask=mask)[0].flip(1)), -1)
    assert_close(output.detach(), expected.detach(), "float32 elementwise")
    assert layer.get_config()["zero_output_for_mask"] is False
    assert "zero_output_for_mask" not in Bidirectional(LSTM(UNITS)).get_config()


def test_the_halves_are_fresh_copies_named_for_their_direction() -> None:
    inner = LSTM(UNITS, "relu", dropout=0.5, use_cudnn=False, name="inner", input_size=FEATURES)
    layer = Bidirectional(inner)
    halves = (layer.forward_layer, layer.backward_layer)
    assert [half.name for half in halves] == ["forward_inner", "backward_inner"]
    assert [half.go_backwards for half in halves] == [False, True]
    for half in halves:
        assert isinstance(half, LSTM)
        assert half.use_cudnn is False
        config, expected = half.get_config(), inner.get_config()
        for argument in ("name", "go_backwards"):
            del config[argument], expected[argument]
        assert config == expected
        assert not np.array_equal(half.get_weights()[0], inner.get_weights()[0])


@pytest.mark.parametrize("inner", [{"input_size": FEATURES}, {"input_shape": (TIME, FEATURES)}, {}], ids=str)
def test_a_known_shape_builds_at_once(inner: dict[str, Any]) -> None:
    outer = {} if inner else {"input_shape": (None, FEATURES)}
    layer = Bidirectional(LSTM(UNITS, **inner), **outer)  # type: ignore[arg-type]
    assert layer.built
    assert layer.count_params() == 2 * LSTM(UNITS, input_size=FEATURES).count_params()


def test_weights_to_start_with() -> None:
    layer = Bidirectional(LSTM(UNITS, input_size=FEATURES))
    other = Bidirectional(LSTM(UNITS, input_size=FEATURES), weights=layer.get_weights())
    inputs, _ = draw()
    assert torch.equal(other(inputs), layer(inputs))
    assert [array.shape for array in layer.get_weights()] == 2 * [(FEATURES, 8), (UNITS, 8), (8,)]


def test_states_are_kept_by_both_halves() -> None:
    layer = Bidirectional(LSTM(UNITS, stateful=True, return_sequences=True))
    inputs, mask = draw()
    assert layer.states is None
    first = layer(inputs, mask=mask)
    states = layer.states
    assert states is not None
    assert len(states) == 4
    second = layer(inputs, mask=mask)
    assert not torch.equal(first, second)
    layer.reset_states()
    assert layer.states is None
    assert torch.equal(layer(inputs, mask=mask), first)
    layer.reset_state()
    assert torch.equal(layer(inputs, mask=mask, initial_state=states), second)


def test_training_is_handed_on() -> None:
    layer = Bidirectional(LSTM(20, dropout=0.5, recurrent_dropout=0.5))
    inputs, _ = draw()
    exact = layer(inputs, training=False)
    assert torch.equal(layer.eval()(inputs), exact)
    assert not torch.equal(layer(inputs, training=True)[:, :20], exact[:, :20])
    assert not torch.equal(layer(inputs, training=True)[:, 20:], exact[:, 20:])


def test_a_frozen_layer_freezes_its_halves() -> None:
    layer = Bidirectional(LSTM(UNITS), trainable=False)
    layer(draw()[0])
    assert [parameter.requires_grad for parameter in layer.parameters()] == [False] * 6


def test_any_recurrent_layer_goes_both_ways() -> None:
    layer = Bidirectional(RNN(LSTMCell(UNITS)), "sum")
    inputs, mask = draw()
    output = layer(inputs, mask=mask)
    forward, backward = (half(inputs, mask=mask)[0] for half in halves_by_hand(layer))
    assert_close(output.detach(), (forward + backward).detach(), "float32 elementwise")


def test_an_activity_regularizer_sees_the_merged_output() -> None:
    layer = Bidirectional(LSTM(UNITS), activity_regularizer=torch.sum)
    output = layer(draw()[0])
    (loss,) = layer.losses
    assert_close(loss.detach(), output.detach().sum() / BATCH, "float32 elementwise")


@pytest.mark.parametrize("backward_layer", [None, LSTM(UNITS + 1, go_backwards=True, name="other")])
def test_the_configuration_holds_both_halves(backward_layer: LSTM | None) -> None:
    layer = Bidirectional(LSTM(UNITS, name="inner"), None, backward_layer=backward_layer, name="b")
    config = layer.get_config()
    rebuilt = Bidirectional.from_config(copy.deepcopy(config))
    assert rebuilt.get_config() == config
    assert rebuilt.forward_layer is not layer.forward_layer
    assert rebuilt.backward_layer is not layer.backward_layer
    assert rebuilt.extra_repr() == "name='b', merge_mode=None"
    assert Bidirectional(LSTM(UNITS), name="b").extra_repr() == "name='b'"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"merge_mode": "concatt"},
            "`merge_mode` must be one of concat, sum, ave, mul or None, got 'concatt'. Did you mean 'concat'?",
        ),
        ({"merge_mode": "x"}, "`merge_mode` must be one of concat, sum, ave, mul or None, got 'x'."),
        (
            {"backward_layer": LSTM(UNITS)},
            "`layer` and `backward_layer` must run in opposite directions, but both have go_backwards=False.",
        ),
        (
            {"backward_layer": LSTM(UNITS, go_backwards=True, return_state=True)},
            "`layer` and `backward_layer` must have the same `return_state`, got False and True.",
        ),
        (
            {"backward_layer": LSTM(UNITS + 1, go_backwards=True), "merge_mode": "ave"},
            "`merge_mode` 'ave' needs outputs of one width, but `layer` gives 2 and `backward_layer` 3: use 'concat' "
            "or None.",
        ),
    ],
)
def test_halves_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Bidirectional(LSTM(UNITS), **arguments)


@pytest.mark.parametrize("argument", ["layer", "backward_layer"])
def test_what_is_no_recurrent_layer(argument: str) -> None:
    dense = Dense(UNITS, name="d")
    arguments: dict[str, Any] = {"layer": LSTM(UNITS), argument: dense}
    with pytest.raises(ValueError, match=f"^`{argument}` must be a recurrent layer such as LSTM"):
        Bidirectional(**arguments)


def test_bad_inputs() -> None:
    layer = Bidirectional(LSTM(UNITS, name="inner"), name="b", input_shape=(None, FEATURES))
    inputs, _ = draw()
    message = "`initial_state` of layer `b` must hold 4 states, 2 of the forward and 2 of the backward half, got 2."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer(inputs, initial_state=[torch.zeros(BATCH, UNITS)] * 2)
    with pytest.raises(ValueError, match="takes floating-point inputs, got int64"):
        layer(torch.ones(BATCH, TIME, FEATURES, dtype=torch.int64))
    with pytest.raises(ValueError, match="takes inputs of shape"):
        layer(inputs[0])
