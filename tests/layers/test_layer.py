"""What every layer has from its base class, shown on Dense and on layers around it."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Activation, Dense, Dropout, Embedding, Flatten, Layer, TimeDistributed, dtypes
from torch_keras_lstm.layers.naming import unique_name

BATCH, FEATURES, UNITS = 4, 3, 2
INPUTS = torch.tensor([[1.0, -2.0, 0.5], [0.25, 3.0, -1.0], [2.0, 0.0, 1.5], [-0.75, 1.0, 4.0]])


def through_torch_save(layer: Layer) -> Layer:
    file = io.BytesIO()
    torch.save(layer, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert isinstance(loaded, Layer)
    return loaded


def through_pickle(layer: Layer) -> Layer:
    loaded = pickle.loads(pickle.dumps(layer))
    assert isinstance(loaded, Layer)
    return loaded


DUPLICATES = [copy.deepcopy, through_pickle, through_torch_save]


def equal(left: list[np.ndarray[Any, Any]], right: list[np.ndarray[Any, Any]]) -> bool:
    return len(left) == len(right) and all(np.array_equal(*pair) for pair in zip(left, right, strict=True))


class Doubled(nn.Module):
    """A parametrization that stores half of the weight."""

    def forward(self, half: torch.Tensor) -> torch.Tensor:
        return 2 * half

    def right_inverse(self, whole: torch.Tensor) -> torch.Tensor:
        return whole / 2


# -- names ------------------------------------------------------------------------------------------------------------


def test_default_names_are_numbered_by_class() -> None:
    first, second = Dense(UNITS).name, Dense(UNITS).name
    assert first.split("_")[0] == second.split("_")[0] == "dense"
    assert int(second.split("_")[1]) == int(first.partition("_")[2] or 0) + 1
    assert Dense(UNITS, name="head").name == "head"


def test_class_names_become_snake_case() -> None:
    assert unique_name("SomeLSTMCell") == "some_lstm_cell"
    assert unique_name("SomeLSTMCell") == "some_lstm_cell_1"
    assert unique_name("SomeConvLSTM2D") == "some_conv_lstm2d"
    assert unique_name("SomeConv2DTranspose") == "some_conv2d_transpose"


# -- weights ----------------------------------------------------------------------------------------------------------


def test_weights_come_as_copies() -> None:
    layer = Dense(UNITS, input_dim=FEATURES)
    before = layer.get_weights()
    for array in layer.get_weights():
        array[:] = 7.0
    assert equal(layer.get_weights(), before)


def test_an_unbuilt_layer_has_no_weights_yet() -> None:
    layer = Dense(UNITS, name="d")
    assert layer.get_weights() == []
    with pytest.raises(
        ValueError, match=r"Layer `d` has no weights to set yet: call it once, or `build\(input_shape\)`"
    ):
        layer.set_weights([np.zeros((FEATURES, UNITS)), np.zeros(UNITS)])
    with pytest.raises(ValueError, match="Layer `d` is not built, so its parameters cannot be counted yet"):
        layer.count_params()


def test_the_number_of_arrays_must_fit() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, name="d")
    with pytest.raises(ValueError, match=r"Layer `d` has 2 weights \(kernel, bias\), but 1 were given\."):
        layer.set_weights([np.zeros((FEATURES, UNITS))])
    with pytest.raises(ValueError, match=r"Layer `f` has 0 weights \(none\), but 1 were given\."):
        Flatten(name="f").set_weights([np.zeros(3)])


def test_a_wrong_shape_changes_nothing() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, name="d")
    before = layer.get_weights()
    with pytest.raises(
        ValueError, match=r"Weight `bias` of layer `d` has shape \(2,\), but an array of shape \(3,\) was given\."
    ):
        layer.set_weights([np.ones((FEATURES, UNITS)), np.ones(3)])
    assert equal(layer.get_weights(), before)


def test_a_failing_initializer_leaves_the_layer_unbuilt() -> None:
    def refuse(shape: tuple[int, ...], **_: object) -> torch.Tensor:
        raise ValueError(f"no values of shape {shape}")

    layer = Dense(UNITS, bias_initializer=refuse)
    for _ in range(2):
        with pytest.raises(ValueError, match="no values"):
            layer(INPUTS)
        assert layer.get_weights() == []


def test_bfloat16_weights_come_as_float32() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, dtype="bfloat16")
    kernel, _ = layer.get_weights()
    assert kernel.dtype == np.float32
    assert np.array_equal(kernel.T, layer.weight.detach().float().numpy())


# -- trainable --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [{}, {"input_shape": (FEATURES,)}], ids=["lazy", "built"])
def test_trainable_false_freezes_from_the_start(arguments: dict[str, Any]) -> None:
    layer = Dense(UNITS, trainable=False, **arguments)
    layer(INPUTS)
    assert [parameter.requires_grad for parameter in layer.parameters()] == [False, False]
    assert layer.get_config()["trainable"] is False


@pytest.mark.parametrize("built", [False, True])
def test_trainable_set_later_reaches_the_layers_inside(built: bool) -> None:
    layer = TimeDistributed(Dense(UNITS))
    if built:
        layer.build((None, None, FEATURES))
    layer.trainable = False
    layer.build((None, None, FEATURES))
    assert not layer.layer.trainable
    assert not any(parameter.requires_grad for parameter in layer.parameters())
    layer.trainable = True
    assert all(parameter.requires_grad for parameter in layer.parameters())


# -- state_dict and copies --------------------------------------------------------------------------------------------


def test_an_unbuilt_layer_takes_its_shapes_from_the_state_dict_that_it_loads() -> None:
    built, lazy = TimeDistributed(Dense(UNITS)), TimeDistributed(Dense(UNITS))
    built.build((None, None, FEATURES))
    lazy.load_state_dict(built.state_dict())
    assert lazy.built
    assert equal(lazy.get_weights(), built.get_weights())
    assert type(lazy.layer.weight) is nn.Parameter


def test_an_unbuilt_layer_refuses_a_state_dict_of_another_size() -> None:
    with pytest.raises(RuntimeError, match="size mismatch for weight"):
        Dense(UNITS + 3).load_state_dict(Dense(UNITS, input_dim=FEATURES).state_dict())


def test_what_a_partial_state_dict_lacks_has_initial_values() -> None:
    layer = Dense(UNITS, bias_initializer="ones")
    kernel = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    layer.load_state_dict({"weight": kernel}, strict=False)
    assert equal(layer.get_weights(), [kernel.T.numpy(), np.ones(UNITS, np.float32)])


def test_a_state_dict_of_an_unbuilt_layer_can_be_taken_and_given_back() -> None:
    layer = Dense(UNITS)
    state = layer.state_dict()
    assert list(state) == ["weight", "bias"]
    layer.load_state_dict(state)
    assert not layer.built


def test_nothing_but_parameters_is_in_the_state_dict() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, activity_regularizer="l2")
    layer(INPUTS)
    assert list(layer.state_dict()) == ["weight", "bias"]
    assert list(Dropout(0.5, seed=1).state_dict()) == []


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_of_a_used_layer_are_equal_and_independent(duplicate: Callable[[Layer], Layer]) -> None:
    layer = Dense(UNITS, "tanh", activity_regularizer="l2", kernel_regularizer="l1", kernel_constraint="max_norm")
    outputs = layer(INPUTS)
    other = duplicate(layer)
    assert torch.equal(other(INPUTS), outputs)
    assert other.get_config() == layer.get_config()
    other.set_weights([np.zeros((FEATURES, UNITS)), np.zeros(UNITS)])
    assert torch.equal(layer(INPUTS), outputs)


@pytest.mark.parametrize("duplicate", DUPLICATES)
def test_copies_of_an_unbuilt_layer_are_built_on_their_own(duplicate: Callable[[Layer], Layer]) -> None:
    layer = Dense(UNITS, dtype="float64", trainable=False)
    other = duplicate(layer)
    assert other(INPUTS).dtype == torch.float64
    assert [parameter.requires_grad for parameter in other.parameters()] == [False, False]
    assert not layer.built


@pytest.mark.parametrize("built", [False, True])
def test_to_changes_the_dtype_before_and_after_building(built: bool) -> None:
    layer = Dense(UNITS)
    if built:
        layer(INPUTS)
    layer.to(torch.float64)
    assert layer(INPUTS).dtype == torch.float64
    assert {parameter.dtype for parameter in layer.parameters()} == {layer.dtype.torch} == {torch.float64}


def test_a_layer_without_parameters_follows_to_as_well() -> None:
    layer = Activation("relu").to(torch.float64)
    assert layer(INPUTS).dtype == layer.dtype == torch.float64
    assert layer.get_config()["dtype"] == "float64"


def test_parametrized_weights_are_read_and_written_through_the_parametrization() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, kernel_constraint="non_neg", kernel_regularizer="l2")
    parametrize.register_parametrization(layer, "weight", Doubled())
    kernel, bias = np.array([[1.0, -2.0], [3.0, 0.5], [-1.5, 4.0]], np.float32), np.array([0.25, -2.0], np.float32)
    layer.set_weights([kernel, bias])
    assert equal(layer.get_weights(), [kernel, bias])
    stored = dict(layer.named_parameters())["parametrizations.weight.original"]
    assert np.array_equal(stored.detach().numpy(), kernel.T / 2)
    (loss,) = layer.losses
    assert_close(loss.detach(), 0.01 * (kernel**2).sum(), "float32 model")
    layer.apply_constraints()
    assert equal(layer.get_weights(), [np.maximum(kernel, 0), bias])


# -- training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam, torch.optim.LBFGS])
def test_an_optimizer_is_not_made_from_unbuilt_parameters(optimizer: Any) -> None:
    layer = TimeDistributed(Dense(UNITS))
    with pytest.raises(ValueError, match="not built yet, so it has no shape and cannot be optimized"):
        optimizer(layer.parameters(), lr=0.1)
    layer.build((None, None, FEATURES))
    optimizer(layer.parameters(), lr=0.1)


def test_losses_are_those_of_all_layers_inside_and_the_last_call() -> None:
    layer = TimeDistributed(
        Dense(UNITS, kernel_regularizer="l2", bias_regularizer="l1", bias_initializer="ones", input_dim=FEATURES),
        activity_regularizer="l2",
    )
    inputs = INPUTS.reshape(2, 2, FEATURES)
    assert len(layer.losses) == 2
    outputs = [layer(factor * inputs).detach() for factor in (1, 2)]
    activity, kernel, bias = layer.losses
    assert_close(activity.detach(), 0.01 * (outputs[1] ** 2).sum() / 2, "float32 model")
    assert_close(kernel.detach(), 0.01 * (layer.get_weights()[0] ** 2).sum(), "float32 model")
    assert_close(bias.detach(), 0.01 * UNITS, "float32 model")
    sum(layer.losses).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in layer.parameters())


def test_an_unbuilt_layer_has_neither_losses_nor_anything_to_constrain() -> None:
    layer = Dense(UNITS, kernel_regularizer="l2", kernel_constraint="non_neg")
    assert layer.losses == []
    layer.apply_constraints()
    assert not layer.built


def test_constraints_are_applied_after_each_step_by_a_hook() -> None:
    layer = Dense(UNITS, kernel_constraint="non_neg", bias_constraint="non_neg", input_dim=FEATURES, use_bias=True)
    layer.set_weights([np.full((FEATURES, UNITS), 0.1), np.full(UNITS, 0.1)])
    optimizer = torch.optim.SGD(layer.parameters(), lr=1.0)
    optimizer.register_step_post_hook(lambda *_: layer.apply_constraints())
    layer(INPUTS).sum().backward()
    optimizer.step()
    expected = np.maximum(0.1 - INPUTS.sum(0).numpy(), 0)
    assert_close(layer.get_weights()[0], np.stack([expected] * UNITS, 1), "float32 model")
    assert np.array_equal(layer.get_weights()[1], np.zeros(UNITS))


# -- inputs and dtypes ------------------------------------------------------------------------------------------------


def test_array_likes_become_tensors_of_the_layers_dtype() -> None:
    layer = Dense(UNITS, input_dim=FEATURES, dtype="float64")
    for inputs in (INPUTS.numpy(), INPUTS.tolist(), INPUTS.to(torch.float16).float()):
        assert torch.equal(layer(inputs), layer(INPUTS.double()))


def test_complex_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match="Layer `d` takes real numbers, got an input of dtype complex64"):
        Dense(UNITS, name="d")(torch.ones(2, 3, dtype=torch.complex64))


@pytest.mark.parametrize(
    "dtype", ["float64", torch.float64, {"class_name": "DTypePolicy", "config": {"name": "float64"}}], ids=str
)
def test_a_dtype_has_several_spellings(dtype: object) -> None:
    layer = Dense(UNITS, dtype=dtype, input_dim=FEATURES)
    assert layer.dtype == layer.weight.dtype == torch.float64
    assert layer.get_config()["dtype"] == "float64"


def test_the_default_dtype_is_torchs() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        assert Dense(UNITS).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    assert Dense(UNITS).dtype == torch.float32


@pytest.mark.parametrize("dtype", ["int32", torch.int64, "float33", 3], ids=str)
def test_another_dtype_is_refused(dtype: object) -> None:
    with pytest.raises(
        ValueError, match=r"`dtype` must be one of float16, bfloat16, float32, float64(, .*)? or the torch\.dtype"
    ):
        Dense(UNITS, dtype=dtype)


def test_mixed_precision_by_a_policy_or_by_autocast() -> None:
    mixed = Dense(UNITS, input_dim=FEATURES, dtype="mixed_bfloat16")
    assert mixed(INPUTS).dtype == torch.bfloat16
    assert mixed.weight.dtype == torch.float32
    with pytest.raises(ValueError, match=r"'mixed_bfloat16' is a mixed-precision policy, where one type is wanted"):
        dtypes.get("mixed_bfloat16")
    layer = Dense(UNITS, input_dim=FEATURES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert layer(INPUTS).dtype == torch.bfloat16
        assert Dense(UNITS)(layer(INPUTS)).dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32


# -- shapes -----------------------------------------------------------------------------------------------------------


def test_input_shape_and_batch_input_shape_say_the_same() -> None:
    assert Dense(UNITS, input_shape=(7, FEATURES)).batch_input_shape == (None, 7, FEATURES)
    assert Dense(UNITS, batch_input_shape=[None, 7, FEATURES]).batch_input_shape == (None, 7, FEATURES)
    assert Dense(UNITS).batch_input_shape is None
    with pytest.raises(ValueError, match=r"Pass `input_shape` or `batch_input_shape`, not both\."):
        Dense(UNITS, input_shape=(FEATURES,), batch_input_shape=(None, FEATURES))


def test_building_twice_keeps_the_weights_and_checks_the_shape() -> None:
    layer = Dense(UNITS, input_dim=FEATURES)
    before = layer.get_weights()
    layer.build((None, 9, FEATURES))
    assert equal(layer.get_weights(), before)
    with pytest.raises(ValueError, match="was built for 3 features"):
        layer.build((None, FEATURES + 1))


def test_unknown_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Dense has no argument `colour`"):
        Dense.from_config({"units": UNITS, "colour": "red"})


def test_count_params_counts_the_layers_inside() -> None:
    assert TimeDistributed(Dense(UNITS, input_dim=FEATURES)).count_params() == FEATURES * UNITS + UNITS
    assert Embedding(7, 5).count_params() == 35
    assert Flatten().count_params() == 0
