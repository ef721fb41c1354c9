import copy
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook
from torch.nn.utils import parametrizations

from tests.tolerances import assert_all_close, assert_close
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
    with pytest.raises(ValueError, match="takes real numbers, got an input of dtype complex64"):
        layer(torch.ones(BATCH, TIME, FEATURES, dtype=torch.complex64))
    with pytest.raises(ValueError, match="takes inputs of shape"):
        layer(inputs[0])


# -- both halves in one call ------------------------------------------------------------------------------------------


def apart_from(layer: Bidirectional) -> Bidirectional:
    """A copy whose halves run one after the other: a hook waits for each."""
    copied = copy.deepcopy(layer)
    for half in (copied.forward_layer, copied.backward_layer):
        half.register_forward_hook(lambda *_: None)
    return copied


def parts(output: Any) -> list[torch.Tensor]:
    return list(output) if isinstance(output, tuple) else [output]


def assert_same_run(layer: Bidirectional, inputs: torch.Tensor, tolerance: str = "float64", **arguments: Any) -> None:
    """Outputs, states, losses and all gradients of a call together and of one apart."""
    results = []
    for path, one in (("together", layer), ("apart", apart_from(layer))):
        assert one.path_for(inputs, arguments.get("mask")).name == path
        leaf = inputs.clone().requires_grad_()
        states = arguments.get("initial_state")
        states = states if states is None else [state.clone().requires_grad_() for state in states]
        outputs = parts(one(leaf, **{**arguments, "initial_state": states}))
        weighted = [
            (value * torch.arange(1.0, value.numel() + 1).reshape(value.shape) / value.numel()).sum()
            for value in outputs
        ]
        leaves = [leaf, *(states or ()), *one.parameters()]
        gradients = torch.autograd.grad(sum([*weighted, *one.losses], torch.zeros(())), leaves)
        values = [*outputs, *one.losses, *(one.states or ()), *gradients]
        results.append({str(index): value.detach().double() for index, value in enumerate(values)})
    assert_all_close(results[0], results[1], tolerance)


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize("with_states", [True, False])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("merge_mode", [*MERGE, None])
def test_together_gives_what_apart_gives(
    merge_mode: str | None, return_sequences: bool, return_state: bool, use_bias: bool, with_states: bool
) -> None:
    inner = LSTM(UNITS, use_bias=use_bias, return_sequences=return_sequences, return_state=return_state)
    layer = Bidirectional(inner, merge_mode, input_shape=(None, FEATURES)).double()
    states = list(torch.randn(4, BATCH, UNITS, dtype=torch.float64)) if with_states else None
    inputs = torch.randn(BATCH, TIME, FEATURES, dtype=torch.float64)
    assert_same_run(layer, inputs, initial_state=states)
    assert_same_run(layer, inputs, initial_state=states, mask=torch.ones(BATCH, TIME, dtype=torch.bool))


@pytest.mark.usefixtures("without_c_kernels")
def test_together_in_single_precision() -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True, return_state=True), input_shape=(None, FEATURES))
    assert_same_run(layer, torch.randn(BATCH, TIME, FEATURES), "float32 elementwise")


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize("batch", [0, 1])
def test_together_with_the_smallest_batches(batch: int) -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True), input_shape=(None, FEATURES))
    assert_same_run(layer, torch.randn(batch, TIME, FEATURES), "float32 elementwise")


@pytest.mark.usefixtures("without_c_kernels")
def test_autocast_on_a_cpu_keeps_the_halves_apart_because_not_every_cpu_has_the_kernels_for_bfloat16() -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True, stateful=True), input_shape=(None, FEATURES))
    inputs = torch.randn(BATCH, TIME, FEATURES)
    assert layer.path_for(inputs).name == "together"
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.path_for(inputs).reason == "torch.autocast has each half cast by itself"
        for one in (layer, apart := apart_from(layer)):
            one(inputs)
        got, expected = layer(inputs), apart(inputs)
    assert got.dtype == expected.dtype
    assert_close(got.detach().float(), expected.detach().float(), "bfloat16 recurrence")


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize("return_sequences", [True, False])
def test_states_are_kept_together_as_apart(return_sequences: bool) -> None:
    layer = Bidirectional(LSTM(UNITS, stateful=True, return_sequences=return_sequences), input_shape=(None, FEATURES))
    layer.double()
    first, second = torch.randn(2, BATCH, TIME, FEATURES, dtype=torch.float64)
    apart = apart_from(layer)
    for one in (layer, apart):
        one(first)
    assert_close(torch.stack(layer.states or ()), torch.stack(apart.states or ()), "float64")
    assert_same_run(layer, second)


@pytest.mark.usefixtures("without_c_kernels")
def test_each_half_counts_its_activity_once_and_in_the_order_of_processing() -> None:
    def late(output: torch.Tensor) -> torch.Tensor:
        return (output * torch.arange(TIME).reshape(1, TIME, 1)).sum()

    layer = Bidirectional(LSTM(UNITS, return_sequences=True), input_shape=(None, FEATURES)).double()
    for half in (layer.forward_layer, layer.backward_layer):
        half.activity_regularizer = late
    inputs = torch.randn(BATCH, TIME, FEATURES, dtype=torch.float64)
    assert_same_run(layer, inputs)
    assert len(layer.losses) == 2


def test_outputs_side_by_side_are_tensors_of_their_own() -> None:
    layer = Bidirectional(LSTM(UNITS, return_sequences=True), None, input_shape=(None, FEATURES))
    outputs = layer(draw()[0])
    assert [output.is_contiguous() for output in outputs] == [True, True]


def test_a_state_dict_is_that_of_the_halves() -> None:
    layer, other = (Bidirectional(LSTM(UNITS), input_shape=(None, FEATURES)) for _ in range(2))
    other.load_state_dict(layer.state_dict())
    inputs = draw()[0]
    assert torch.equal(other(inputs), layer(inputs))
    assert torch.equal(pickle.loads(pickle.dumps(layer))(inputs), layer(inputs))


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize("register", ["register_forward_pre_hook", "register_forward_hook"])
@pytest.mark.parametrize("half", ["forward_layer", "backward_layer"])
def test_hooks_on_a_half_fire(half: str, register: str) -> None:
    layer = Bidirectional(LSTM(UNITS), input_shape=(None, FEATURES))
    inputs, seen = draw()[0], []
    expected = layer(inputs)
    handle = getattr(getattr(layer, half), register)(lambda module, *_: seen.append(module))
    assert torch.equal(layer(inputs), expected)
    assert seen == [getattr(layer, half)]
    handle.remove()
    assert layer.path_for(inputs) == ("together", None)


def test_gradient_hooks_and_global_hooks_fire() -> None:
    layer = Bidirectional(LSTM(UNITS), input_shape=(None, FEATURES))
    inputs, seen = draw()[0], []
    with layer.backward_layer.register_full_backward_hook(lambda module, *_: seen.append(module)):
        layer(inputs.requires_grad_()).sum().backward()
    with register_module_forward_hook(lambda module, *_: seen.append(module)):
        layer(inputs)
    assert seen == [layer.backward_layer, layer.forward_layer, layer.backward_layer, layer]


class TwiceLSTM(LSTM):
    """An LSTM that computes something else."""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return 2 * super().forward(*args, **kwargs)


BACKWARDS: dict[str, Any] = {"go_backwards": True, "name": "back"}


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize(
    ("layer", "backward_layer", "reason"),
    [
        (LSTM(UNITS, "relu"), None, "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
        (LSTM(UNITS, use_cudnn=False), None, "`use_cudnn` is False"),
        (LSTM(UNITS), LSTM(UNITS, use_cudnn=False, **BACKWARDS), "`use_cudnn` is False"),
        (LSTM(UNITS, dropout=0.5), None, "each half draws a `dropout` of its own"),
        (LSTM(UNITS, recurrent_dropout=0.5), None, "torch's kernels have no `recurrent_dropout`"),
        (LSTM(UNITS), LSTM(UNITS + 1, **BACKWARDS), "the halves differ in `units`"),
        (LSTM(UNITS), LSTM(UNITS, use_bias=False, **BACKWARDS), "the halves differ in `use_bias`"),
        (LSTM(UNITS), LSTM(UNITS, dtype="float64", **BACKWARDS), "the halves differ in `dtype`"),
        (
            LSTM(UNITS),
            RNN(LSTMCell(UNITS), **BACKWARDS),
            "`back` is of the class RNN, not LSTM, GRU or SimpleRNN itself",
        ),
        (LSTM(UNITS, name="l", go_backwards=True), None, "`forward_l` is the one that runs backwards"),
        (TwiceLSTM(UNITS, name="l"), None, "`forward_l` is of the class TwiceLSTM, not LSTM, GRU or SimpleRNN itself"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_keeps_the_halves_apart(layer: LSTM, backward_layer: LSTM | None, reason: str) -> None:
    both = Bidirectional(layer, backward_layer=backward_layer)
    inputs = draw()[0]
    assert both.path_for(inputs) == ("apart", reason)
    if both.forward_layer.dropout == both.forward_layer.recurrent_dropout == 0:
        alone = both.forward_layer(inputs), both.backward_layer(inputs)
        assert_close(both(inputs).detach(), torch.cat(alone, -1).detach(), "float32 elementwise")


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize(
    ("time", "mask", "reason"),
    [
        (TIME, None, None),
        (TIME, np.ones((BATCH, TIME), bool), None),
        (TIME, torch.arange(BATCH * TIME).reshape(BATCH, TIME) > 0, "the mask skips steps"),
        (1, None, "a single step on a CPU takes less time without the kernels for sequences"),
    ],
)
def test_what_of_a_call_keeps_the_halves_apart(time: int, mask: Any, reason: str | None) -> None:
    layer = Bidirectional(LSTM(UNITS))
    path = layer.path_for(torch.randn(BATCH, time, FEATURES), mask)
    assert path == (("together", None) if reason is None else ("apart", reason))


@pytest.mark.usefixtures("without_c_kernels")
def test_dropout_takes_the_halves_apart_in_training_alone() -> None:
    layer = Bidirectional(LSTM(UNITS, dropout=0.5))
    inputs = draw()[0]
    assert layer.path_for(inputs, training=False).name == layer.eval().path_for(inputs).name == "together"
    assert layer.path_for(inputs, training=True).name == layer.train().path_for(inputs).name == "apart"


@pytest.mark.usefixtures("without_c_kernels")
def test_a_half_that_was_wrapped_is_called() -> None:
    layer = Bidirectional(LSTM(UNITS, name="l"), input_shape=(None, FEATURES))
    inputs = draw()[0]
    half: Any = layer.forward_layer
    whole = half.forward
    half.forward = lambda *args, **kwargs: 2 * whole(*args, **kwargs)
    assert layer.path_for(inputs) == ("apart", "a hook or a wrapper waits for the call of `forward_l`")
    doubled = layer(inputs)
    del half.forward
    assert torch.equal(doubled[:, :UNITS], 2 * layer(inputs)[:, :UNITS])


def test_a_parametrized_half_is_read_through_its_parametrization() -> None:
    layer = Bidirectional(LSTM(UNITS, name="l"), input_shape=(None, FEATURES))
    parametrizations.weight_norm(layer.forward_layer, "weight_ih_l0")
    inputs = draw()[0]
    layer.forward_layer.parametrizations.weight_ih_l0.original0.data.mul_(2)
    alone = layer.forward_layer(inputs), layer.backward_layer(inputs)
    assert layer.path_for(inputs).name == "apart"
    assert torch.equal(layer(inputs), torch.cat(alone, -1))


@pytest.mark.usefixtures("without_c_kernels")
def test_a_path_is_asked_for_with_what_a_call_takes() -> None:
    layer = Bidirectional(LSTM(UNITS, name="l"), name="b", input_shape=(None, FEATURES))
    inputs = draw()[0]
    for arguments, message in (
        ((inputs[0],), "takes inputs of shape"),
        ((inputs, torch.ones(BATCH, TIME + 1, dtype=torch.bool)), "`mask` of layer `forward_l` must have shape"),
        ((inputs, torch.ones(BATCH, TIME)), "`mask` of layer `forward_l` must be boolean"),
    ):
        for ask in (layer.path_for, layer):
            with pytest.raises(ValueError, match=message):
                ask(*arguments)


def test_weights_are_laid_out_after_those_of_each_half() -> None:
    order = []

    class Half(LSTM):
        def on_new_storage(self) -> None:
            super().on_new_storage()
            order.append("half")

    class Both(Bidirectional):
        def on_new_storage(self) -> None:
            super().on_new_storage()
            order.append("both")

    layer = Both(Half(UNITS))
    for change in (
        lambda: layer.build((None, None, FEATURES)),
        lambda: layer.to(torch.float64),
        lambda: layer.load_state_dict(layer.state_dict()),
    ):
        order.clear()
        change()
        assert order[-1] == "both"
        assert order.count("half") == 2
