"""BatchNormalization where it is more than Keras' numbers: torch's module, freezing, bad input."""

import copy

import pytest
import torch

from torch_keras_lstm.layers import BatchNormalization


def trained(**arguments: object) -> BatchNormalization:
    layer = BatchNormalization(input_shape=(5, 3), **arguments)  # type: ignore[arg-type]
    layer(2 + 3 * torch.randn(4, 5, 3), training=True)
    with torch.no_grad():
        layer.weight.uniform_(0.5, 1.5)  # type: ignore[union-attr]
        layer.bias.uniform_(0.5, 1.5)  # type: ignore[union-attr]
    return layer.eval()


def test_a_state_dict_fits_torchs_module_and_back() -> None:
    layer, inputs = trained(), torch.randn(4, 5, 3)
    module = torch.nn.BatchNorm1d(3, eps=layer.epsilon).eval()
    module.load_state_dict(layer.state_dict())
    torch.testing.assert_close(module(inputs.mT).mT, layer(inputs))

    module.train()(torch.randn(4, 3, 5))
    back = BatchNormalization(epsilon=layer.epsilon).eval()
    back.load_state_dict(module.state_dict())
    torch.testing.assert_close(module.eval()(inputs.mT).mT, back(inputs))


def test_only_gamma_and_beta_are_trained() -> None:
    layer = trained()
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers() if "running" in name] == ["running_mean", "running_var"]
    assert layer.count_params() == 12
    layer.trainable = True
    assert not layer.running_mean.requires_grad


def test_a_step_of_the_averages_changes_no_gradient_of_an_earlier_call() -> None:
    layer, inputs = trained(), torch.randn(4, 5, 3, requires_grad=True)
    before = layer(inputs, training=False).square().sum()
    expected = torch.autograd.grad(before, inputs, retain_graph=True)[0]
    layer(inputs, training=True)
    assert torch.equal(torch.autograd.grad(before, inputs)[0], expected)


def test_a_frozen_layer_keeps_its_averages_in_training() -> None:
    layer, inputs = trained(), torch.randn(4, 5, 3)
    expected, mean = layer(inputs), layer.running_mean.clone()
    layer.trainable = False
    assert torch.equal(layer(inputs, training=True), expected)
    assert torch.equal(layer.running_mean, mean)


def test_training_none_follows_the_module() -> None:
    layer, inputs = trained(), torch.randn(4, 5, 3)
    assert torch.equal(layer(inputs), layer(inputs, training=False))
    assert torch.equal(layer.train()(inputs), layer(inputs, training=True))


def test_an_unbuilt_layer_is_copied_moved_and_saved() -> None:
    layer = copy.deepcopy(BatchNormalization(center=False, scale=False).double())
    assert not layer.built
    assert layer.state_dict() == {}
    layer(torch.randn(4, 3, dtype=torch.float64))
    assert layer.built
    assert layer.running_var.dtype == torch.float64


def test_half_precision_is_computed_in_float32() -> None:
    layer = BatchNormalization(dtype="float16", input_shape=(3,))
    inputs = 300 * torch.randn(64, 3).half()  # its squares are beyond float16
    assert layer(inputs, training=True).isfinite().all()
    assert layer(inputs).dtype == torch.float16


@pytest.mark.parametrize(
    ("arguments", "shape", "message"),
    [
        ({"axis": 1.5}, None, "argument `axis`: expected a list of integers, got .1.5"),
        ({"momentum": "big"}, None, "argument `momentum`: expected a finite number, got 'big'"),
        ({"epsilon": -1.0}, None, "argument `epsilon`: expected a finite number of at least 0, got -1.0"),
        ({"axis": 3}, (4, 5, 3), r"`norm` works along axis 3, which inputs of shape \(4, 5, 3\) do not have"),
        ({"axis": 1}, (None, None, 3), r"`norm` needs the size of axis 1 to be built, got \(None, None, 3\)"),
        ({}, (4,), r"`norm` takes inputs of two axes or more, got shape \(4,\)"),
    ],
)
def test_bad_arguments_and_shapes_are_named(
    arguments: dict[str, object], shape: tuple[int | None, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        BatchNormalization(name="norm", **arguments).build(shape or ())  # type: ignore[arg-type]


def test_other_sizes_than_it_was_built_for_are_refused() -> None:
    layer = BatchNormalization(name="norm", input_shape=(5, 3))
    with pytest.raises(ValueError, match=r"built for 3 along axis -1, got inputs of shape \(4, 5, 2\) with 2"):
        layer(torch.randn(4, 5, 2))
    with pytest.raises(ValueError, match=r"`mask` of layer `norm` must have the shape .* \(4, 5\), got \(4, 3\)"):
        layer(torch.randn(4, 5, 3), mask=torch.ones(4, 3), training=True)
