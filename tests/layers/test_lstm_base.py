"""What ``LSTM`` and ``LSTMCell`` have in common: arguments, weights and the draw of dropout masks."""

import copy
import io
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm import constraints, initializers, regularizers
from torch_keras_lstm.layers import LSTM, LSTMCell
from torch_keras_lstm.layers.lstm_base import LSTMBase

BATCH, TIME, FEATURES, UNITS = 3, 5, 4, 2
KINDS = pytest.mark.parametrize("kind", [LSTM, LSTMCell])
OPTIMIZERS = [
    optimizer
    for optimizer in vars(torch.optim).values()
    if isinstance(optimizer, type) and optimizer is not torch.optim.Optimizer
]
EVERY_ARGUMENT: dict[str, Any] = {
    "units": UNITS,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": True,
    "kernel_initializer": initializers.RandomNormal(0.25, 0.5, seed=7),
    "recurrent_initializer": "he_uniform",
    "bias_initializer": "ones",
    "unit_forget_bias": False,
    "kernel_regularizer": "l1",
    "recurrent_regularizer": regularizers.L2(0.25),
    "bias_regularizer": "l1_l2",
    "kernel_constraint": "non_neg",
    "recurrent_constraint": constraints.MaxNorm(0.5),
    "bias_constraint": "unit_norm",
    "dropout": 0.25,
    "seed": 3,
    "implementation": 1,
    "name": "all",
    "trainable": False,
    "dtype": "float64",
}


def through_pickle(layer: LSTMBase) -> LSTMBase:
    loaded = pickle.loads(pickle.dumps(layer))
    assert isinstance(loaded, LSTMBase)
    return loaded


def through_torch_save(layer: LSTMBase) -> LSTMBase:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded, LSTMBase)
    return loaded


def weights_of(layer: LSTMBase) -> dict[str, torch.Tensor]:
    return {row.name: tensor.detach() for row, tensor in layer.own_weights()}


# -- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "torch_kind"), [(LSTM, nn.LSTM), (LSTMCell, nn.LSTMCell)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_the_state_dict_has_the_names_and_shapes_of_torchs(kind: Any, torch_kind: Any, use_bias: bool) -> None:
    ours = kind(UNITS, use_bias=use_bias, input_size=FEATURES).state_dict()
    theirs = torch_kind(FEATURES, UNITS, bias=use_bias).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


@KINDS
def test_the_weights_come_in_the_order_and_layout_of_keras(kind: Any) -> None:
    layer = kind(UNITS, input_size=FEATURES)
    kernel, recurrent, bias = layer.get_weights()
    assert (kernel.shape, recurrent.shape, bias.shape) == ((FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))
    suffix = layer.parameter_suffix
    assert np.array_equal(kernel.T, getattr(layer, "weight_ih" + suffix).detach())
    assert np.array_equal(recurrent.T, getattr(layer, "weight_hh" + suffix).detach())
    assert np.array_equal(bias, getattr(layer, "bias_ih" + suffix).detach())
    assert layer.count_params() == 4 * UNITS * (FEATURES + UNITS + 1)
    assert len(kind(UNITS, use_bias=False, input_size=FEATURES).get_weights()) == 2


@KINDS
def test_the_second_bias_is_zero_and_nothing_trains_it(kind: Any) -> None:
    layer = kind(UNITS, input_size=FEATURES)
    parent = nn.ModuleDict({"inner": layer})
    parent.requires_grad_(True)
    layer.trainable = True
    name = "bias_hh" + layer.parameter_suffix
    assert name not in dict(layer.named_parameters())
    assert not getattr(layer, name).requires_grad
    optimizer = torch.optim.SGD(parent.parameters(), lr=0.5, weight_decay=0.1)
    bias = getattr(layer, "bias_ih" + layer.parameter_suffix)
    before = bias.detach().clone()
    state = [torch.ones(BATCH, UNITS)] * 2
    outputs = (
        layer(torch.randn(BATCH, FEATURES), state)[0] if kind is LSTMCell else layer(torch.randn(BATCH, TIME, FEATURES))
    )
    outputs.sum().backward()
    expected = before - 0.5 * (bias.grad + 0.1 * before)
    optimizer.step()
    assert torch.equal(getattr(layer, name), torch.zeros(4 * UNITS))
    assert_close(bias.detach(), expected, "float32 elementwise")


@KINDS
def test_default_weights_are_drawn_as_keras_draws_them(kind: Any) -> None:
    features, units = 30, 20
    weights = weights_of(kind(units, input_size=features, dtype="float64"))
    limit = np.sqrt(6 / (features + 4 * units))  # of the whole kernel, not of each gate
    largest = float(weights["kernel"].abs().max())
    assert 0.98 * limit < largest <= limit
    recurrent = weights["recurrent_kernel"]
    assert_close(recurrent @ recurrent.T, torch.eye(units), "float64")
    assert weights["bias"].tolist() == [0.0] * units + [1.0] * units + [0.0] * 2 * units


@KINDS
@pytest.mark.parametrize(("unit_forget_bias", "forget"), [(True, 1.0), (False, 0.75)])
def test_the_forget_gate_starts_open(kind: Any, unit_forget_bias: bool, forget: float) -> None:
    initializer = initializers.Constant(0.75)
    layer = kind(UNITS, bias_initializer=initializer, unit_forget_bias=unit_forget_bias, input_size=FEATURES)
    assert layer.get_weights()[2].tolist() == [0.75] * UNITS + [forget] * UNITS + [0.75] * 2 * UNITS


@KINDS
def test_regularizers_and_constraints_see_the_arrays_of_keras(kind: Any) -> None:
    shapes = []

    def regularizer(weight: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(weight.shape))
        return weight.sum()

    def constraint(weight: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(weight.shape))
        return 2 * weight

    arguments = {
        f"{name}_{rule.__name__}": rule
        for name in ("kernel", "recurrent", "bias")
        for rule in (regularizer, constraint)
    }
    layer = kind(UNITS, input_size=FEATURES, **arguments)
    before = layer.get_weights()
    for loss, weight in zip(layer.losses, before, strict=True):
        assert_close(loss.detach(), weight.sum(), "float32 elementwise")
    layer.apply_constraints()
    for after, weight in zip(layer.get_weights(), before, strict=True):
        assert np.array_equal(after, 2 * weight)
    assert shapes == 2 * [weight.shape for weight in before]


# -- before there is a shape ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda optimizer: optimizer.__name__)
def test_no_optimizer_takes_unbuilt_parameters(optimizer: Any) -> None:
    with pytest.raises(ValueError, match=r"not built yet, so it has no shape and cannot be optimized\..*`input_size=`"):
        optimizer(LSTM(UNITS).parameters(), lr=0.1)


@KINDS
def test_an_unbuilt_layer_follows_to_and_loads_what_a_built_one_saved(kind: Any) -> None:
    built, lazy = kind(UNITS, input_size=FEATURES).to(torch.float64), kind(UNITS).to(torch.float64)
    assert not lazy.built
    assert lazy.input_size is None
    lazy.load_state_dict(lazy.state_dict())
    assert not lazy.built
    lazy.load_state_dict(built.state_dict())
    assert lazy.input_size == FEATURES
    for name, value in lazy.state_dict().items():
        assert value.dtype == torch.float64
        assert torch.equal(value, built.state_dict()[name])


@KINDS
@pytest.mark.parametrize("assign", [True, False])
def test_both_biases_of_torch_become_their_sum(kind: Any, assign: bool) -> None:
    state = {name: torch.randn_like(value) for name, value in kind(UNITS, input_size=FEATURES).state_dict().items()}
    total = sum(value for name, value in state.items() if name.startswith("bias"))
    layer = kind(UNITS)
    layer.load_state_dict(state, assign=assign)
    assert_close(layer.get_weights()[2], total, "float32 elementwise")
    assert not layer.state_dict()["bias_hh" + layer.parameter_suffix].any()


def test_assigned_weights_bring_their_dtype() -> None:
    layer = LSTM(UNITS, input_size=FEATURES)
    layer.load_state_dict(LSTM(UNITS, input_size=FEATURES, dtype="float64").state_dict(), assign=True)
    assert layer.dtype == layer(torch.randn(BATCH, TIME, FEATURES)).dtype == torch.float64


# -- copies -----------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("duplicate", [copy.deepcopy, through_pickle, through_torch_save])
@pytest.mark.parametrize("built", [True, False])
def test_copies_have_the_same_weights_and_draw_the_same_dropout(
    kind: Any, duplicate: Callable[[LSTMBase], LSTMBase], built: bool
) -> None:
    layer = kind(**{**EVERY_ARGUMENT, "input_size": FEATURES if built else None})
    inputs = torch.ones(BATCH, FEATURES)
    layer.draw_dropout(inputs, True)
    other = duplicate(layer)
    assert other.get_config() == layer.get_config()
    assert other.built == built
    for array, expected in zip(other.get_weights(), layer.get_weights(), strict=True):
        assert np.array_equal(array, expected)
    drawn, expected_mask = other.draw_dropout(inputs, True)[0], layer.draw_dropout(inputs, True)[0]
    assert drawn is not None
    assert expected_mask is not None
    assert torch.equal(drawn, expected_mask)


@KINDS
def test_the_configuration_rebuilds_the_layer(kind: Any) -> None:
    layer = kind(**EVERY_ARGUMENT)
    config = layer.get_config()
    assert kind.from_config(config).get_config() == config
    defaults = kind(UNITS).get_config()
    assert {argument for argument in EVERY_ARGUMENT if config[argument] == defaults.get(argument)} == {
        "units",
        "use_bias",
    }
    assert kind(UNITS, use_bias=False).get_config()["use_bias"] is False


def test_the_representation_shows_what_differs_from_the_defaults() -> None:
    assert repr(LSTM(UNITS, name="l")) == "LSTM(None, 2, name='l')"
    assert repr(LSTMCell(UNITS, input_size=FEATURES, name="c")) == "LSTMCell(4, 2, name='c')"
    layer = LSTM(
        UNITS, "relu", "hard_sigmoid", False, dropout=0.1, recurrent_dropout=0.2, return_sequences=True,
        return_state=True, go_backwards=True, stateful=True, zero_output_for_mask=True, name="l",
    )  # fmt: skip
    assert layer.extra_repr() == (
        "None, 2, name='l', activation='relu', recurrent_activation='hard_sigmoid', use_bias=False, dropout=0.1, "
        "recurrent_dropout=0.2, return_sequences=True, return_state=True, go_backwards=True, stateful=True, "
        "zero_output_for_mask=True"
    )


# -- dropout ----------------------------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        ({}, (0, 0)),
        ({"dropout": 0.4}, (1, 0)),
        ({"dropout": 0.4, "implementation": 1}, (4, 0)),
        ({"dropout": 0.4, "implementation": 0}, (4, 0)),
        ({"recurrent_dropout": 0.4}, (0, 4)),
        ({"dropout": 0.4, "recurrent_dropout": 0.3, "implementation": 2}, (4, 4)),
        ({"dropout": 1.0, "recurrent_dropout": 1.0}, (0, 0)),
        ({"dropout": 1.5, "recurrent_dropout": -0.5}, (0, 0)),
    ],
    ids=str,
)
def test_how_many_masks_a_call_draws(kind: Any, arguments: dict[str, Any], counts: tuple[int, int]) -> None:
    layer = kind(UNITS, **arguments)
    assert layer.dropout_counts(True) == counts
    assert layer.dropout_counts(False) == (0, 0)
    masks = layer.draw_dropout(torch.ones(BATCH, TIME, FEATURES), True)
    widths = (FEATURES, UNITS)
    for mask, count, width in zip(masks, counts, widths, strict=True):
        assert (None if mask is None else tuple(mask.shape)) == ((count, BATCH, width) if count else None)


@KINDS
def test_masks_scale_what_they_keep_and_are_independent(kind: Any) -> None:
    batch, units = 200, 50
    layer = kind(units, dropout=0.25, recurrent_dropout=0.75, seed=1, dtype="float64")
    for_inputs, for_hidden = layer.draw_dropout(torch.ones(batch, 40), True)
    for masks, rate in ((for_inputs, 0.25), (for_hidden, 0.75)):
        assert masks.dtype == torch.float64
        assert masks.unique().tolist() == [0.0, 1 / (1 - rate)]
        dropped = masks == 0
        for gate in range(4):
            assert abs(float(dropped[gate].double().mean()) - rate) < 0.03
            for other in range(gate):  # independent gates drop the same entry at rate squared
                assert abs(float((dropped[gate] & dropped[other]).double().mean()) - rate**2) < 0.03


@KINDS
def test_a_seed_repeats_a_run_and_moves_on_at_each_call(kind: Any) -> None:
    inputs = torch.ones(20, TIME, FEATURES)

    def draws(layer: LSTMBase) -> list[torch.Tensor]:
        return [mask for _ in range(2) for mask in layer.draw_dropout(inputs, True) if mask is not None]

    arguments: dict[str, Any] = {"units": 30, "dropout": 0.4, "recurrent_dropout": 0.3}
    first, again, other = (draws(kind(**arguments, seed=seed)) for seed in (5, 5, 6))
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    assert not any(torch.equal(*pair) for pair in zip(first, other, strict=True))
    assert not torch.equal(first[0], first[2])
    unseeded = kind(**arguments)
    torch.manual_seed(9)
    first = draws(unseeded)
    assert not all(torch.equal(*pair) for pair in zip(first, draws(unseeded), strict=True))
    torch.manual_seed(9)
    assert all(torch.equal(*pair) for pair in zip(first, draws(unseeded), strict=True))


# -- arguments that cannot be -----------------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("units", [0, -3, 2.0, "2", True, None])
def test_units_are_a_positive_integer(kind: Any, units: object) -> None:
    with pytest.raises(ValueError, match=re.escape(f"`units` must be a positive integer, got {units!r}.")):
        kind(units)
    assert kind(np.int64(UNITS)).units == UNITS


@KINDS
@pytest.mark.parametrize(
    ("argument", "value", "kind_of_object", "meant"),
    [
        ("activation", "tahn", "activation", "tanh"),
        ("recurrent_activation", "sigmiod", "activation", "sigmoid"),
        ("kernel_initializer", "glorot_unifrom", "initializer", "glorot_uniform"),
        ("recurrent_initializer", "ortogonal", "initializer", "orthogonal"),
        ("bias_initializer", "zeroes", "initializer", "zeros"),
        ("kernel_regularizer", "l2x", "regularizer", "l2"),
        ("recurrent_regularizer", "l1_12", "regularizer", "l1_l2"),
        ("bias_regularizer", "l2l", "regularizer", "l2"),
        ("kernel_constraint", "nonneg_", "constraint", "nonneg"),
        ("recurrent_constraint", "maxx_norm", "constraint", "max_norm"),
        ("bias_constraint", "unitnrm", "constraint", "unitnorm"),
    ],
)
def test_an_unknown_name_is_reported_with_its_argument_and_the_close_match(
    kind: Any, argument: str, value: str, kind_of_object: str, meant: str
) -> None:
    message = f"`{argument}`: expected the name of a Keras {kind_of_object}, got {value!r}. Did you mean {meant!r}?"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        kind(UNITS, **{argument: value})


@KINDS
def test_other_arguments_that_cannot_be(kind: Any) -> None:
    message = r"`implementation` must be 1 or 2 \(0 means 1, as in Keras 2\), got 3\."
    with pytest.raises(ValueError, match=message):
        kind(UNITS, implementation=3)
    with pytest.raises(TypeError, match=r"`seed` must be an integer or None, got 1\.5\."):
        kind(UNITS, seed=1.5)
    with pytest.raises(ValueError, match="time_major"):
        kind(UNITS, time_major=False)


@KINDS
def test_the_number_of_features_must_be_known_and_stay(kind: Any) -> None:
    axes = (None,) * (1 if kind is LSTMCell else 2)
    layer = kind(UNITS, name="l")
    with pytest.raises(ValueError, match="Layer `l` needs the number of features to be built, got shape"):
        layer.build((*axes, None))
    layer.build((*axes, FEATURES))
    with pytest.raises(ValueError, match="Layer `l` was built for 4 features, got an input of shape"):
        layer.build((*axes, FEATURES + 1))
