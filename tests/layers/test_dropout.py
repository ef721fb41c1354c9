import copy
import pickle

import pytest
import torch

from torch_keras_lstm.layers import Dropout

INPUTS = torch.arange(1.0, 601.0).reshape(20, 5, 6)


def test_outside_training_the_very_inputs_come_back() -> None:
    layer = Dropout(0.5)
    assert layer.eval()(INPUTS) is INPUTS
    assert layer.train()(INPUTS, training=False) is INPUTS
    assert Dropout(0.0)(INPUTS, training=True) is INPUTS


def test_training_none_means_the_modules_own_flag() -> None:
    layer = Dropout(0.5, seed=1)
    assert (layer.train()(INPUTS) == 0).any()
    assert (layer.eval()(INPUTS, training=True) == 0).any()


def test_what_stays_is_scaled() -> None:
    outputs = Dropout(0.75, seed=1)(INPUTS)
    kept = outputs != 0
    assert torch.equal(outputs[kept], INPUTS[kept] * 4)
    assert 0.15 < float(kept.double().mean()) < 0.35


def test_a_rate_of_one_gives_zeros() -> None:
    assert torch.equal(Dropout(1)(INPUTS), torch.zeros_like(INPUTS))


def test_a_seed_repeats_and_moves_on() -> None:
    layer, again = Dropout(0.5, seed=3), Dropout(0.5, seed=3)
    first = layer(INPUTS)
    assert torch.equal(again(INPUTS), first)
    assert not torch.equal(layer(INPUTS), first)


def test_without_a_seed_torchs_global_generator_decides() -> None:
    torch.manual_seed(5)
    first = Dropout(0.5)(INPUTS)
    torch.manual_seed(5)
    assert torch.equal(Dropout(0.5)(INPUTS), first)
    torch.manual_seed(5)
    assert torch.equal(torch.nn.functional.dropout(INPUTS, 0.5), first)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_continue_the_sequence(duplicate: object) -> None:
    layer = Dropout(0.5, seed=3)
    layer(INPUTS)
    other = duplicate(layer)  # type: ignore[operator]
    assert torch.equal(other(INPUTS), layer(INPUTS))


@pytest.mark.parametrize("noise_shape", [(None, 1, None), (20, 1, 6), [None, 1, 6]])
def test_an_axis_of_one_shares_its_fate(noise_shape: object) -> None:
    kept = Dropout(0.5, noise_shape, seed=2)(INPUTS) != 0  # type: ignore[arg-type]
    assert torch.equal(kept, kept[:, :1].expand_as(kept))
    assert not torch.equal(kept, kept[:1].expand_as(kept))


def test_gradients_pass_through_the_same_mask() -> None:
    inputs = INPUTS.clone().requires_grad_()
    outputs = Dropout(0.5, seed=2)(inputs)
    outputs.sum().backward()
    assert inputs.grad is not None
    assert torch.equal(inputs.grad, 2.0 * (outputs != 0))


def test_the_mask_of_the_inputs_passes_through() -> None:
    mask = torch.ones(20, 5, dtype=torch.bool)
    assert Dropout(0.5).compute_mask(INPUTS, mask) is mask


def test_configuration_round_trip() -> None:
    layer = Dropout(0.3, noise_shape=[None, 1, 6], seed=9, name="d")
    config = layer.get_config()
    assert (config["rate"], config["noise_shape"], config["seed"]) == (0.3, (None, 1, 6), 9)
    assert Dropout.from_config(config).get_config() == config
    assert repr(layer) == "Dropout(0.3, name='d', noise_shape=(None, 1, 6), seed=9)"


@pytest.mark.parametrize("rate", [-0.1, 1.5, "0.5", True, None, float("nan")])
def test_the_rate_must_be_a_probability(rate: object) -> None:
    with pytest.raises(ValueError, match=rf"`rate` must be a number between 0 and 1, got {rate!r}\."):
        Dropout(rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise_shape", ["abc", 3, (1, 0), (1, 2.5), (True, 1)])
def test_the_noise_shape_must_hold_sizes(noise_shape: object) -> None:
    with pytest.raises(ValueError, match="`noise_shape` must be a tuple of positive integers and None, got"):
        Dropout(0.5, noise_shape)  # type: ignore[arg-type]


@pytest.mark.parametrize("noise_shape", [(None, 1), (None, 4, None)])
def test_the_noise_shape_must_fit_the_inputs(noise_shape: tuple[int | None, ...]) -> None:
    with pytest.raises(ValueError, match=r"of layer `d` does not fit inputs of shape \(20, 5, 6\): each entry"):
        Dropout(0.5, noise_shape, name="d")(INPUTS)


def test_the_seed_must_be_an_integer() -> None:
    with pytest.raises(TypeError, match=r"`seed` must be an integer or None, got 1\.5\."):
        Dropout(0.5, seed=1.5)  # type: ignore[arg-type]
