import copy
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense
from torch_keras_lstm.recurrence import LSTMState, Path
from torch_keras_lstm.recurrence.backends.c_runs import compiled_module

BATCH, TIME, FEATURES, UNITS = 3, 7, 4, 2
PATHS = pytest.mark.parametrize("use_cudnn", [True, False], ids=["fused", "loop"])


def draw() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and a mask with gaps."""
    return torch.randn(BATCH, TIME, FEATURES), torch.rand(BATCH, TIME) < 0.6


class Doubled(nn.Module):
    """A parametrization that stores half of the weight."""

    def forward(self, half: torch.Tensor) -> torch.Tensor:
        return 2 * half

    def right_inverse(self, whole: torch.Tensor) -> torch.Tensor:
        return whole / 2


# -- building ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_size": FEATURES},
        {"input_shape": (TIME, FEATURES)},
        {"input_shape": (None, FEATURES)},
        {"batch_input_shape": (BATCH, TIME, FEATURES)},
        {"input_size": FEATURES, "input_shape": (TIME, FEATURES)},
    ],
    ids=str,
)
def test_a_known_shape_builds_at_once(arguments: dict[str, Any]) -> None:
    layer = LSTM(UNITS, **arguments)
    assert layer.built
    assert layer.input_size == FEATURES
    assert layer.batch_input_shape is not None
    assert layer.batch_input_shape[-1] == FEATURES


def test_an_unknown_shape_is_learnt_from_the_first_call_or_from_build() -> None:
    called, built = LSTM(UNITS), LSTM(UNITS)
    assert not called.built
    called(draw()[0])
    built.build((None, None, FEATURES))
    for layer in (called, built):
        assert layer.input_size == FEATURES
        assert type(layer.weight_ih_l0) is nn.Parameter


def test_two_sizes_that_disagree() -> None:
    with pytest.raises(ValueError, match="was built for 4 features"):
        LSTM(UNITS, input_size=FEATURES, input_shape=(TIME, FEATURES + 1))


# -- torch.nn.LSTM ----------------------------------------------------------------------------------------------------


@PATHS
@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
def test_the_numbers_are_those_of_torchs_module(use_cudnn: bool, use_bias: bool) -> None:
    theirs = nn.LSTM(FEATURES, UNITS, bias=use_bias, batch_first=True, dtype=torch.float64)
    inputs = draw()[0].double()
    hidden, cell = torch.randn(2, BATCH, UNITS, dtype=torch.float64)
    outputs, (last_hidden, last_cell) = theirs(inputs, (hidden[None], cell[None]))
    ours = LSTM.from_torch(theirs, return_state=True, use_cudnn=use_cudnn)
    got = ours(inputs, initial_state=LSTMState(hidden, cell))
    for value, expected in zip(got, (outputs, last_hidden[0], last_cell[0]), strict=True):
        assert_close(value.detach(), expected.detach(), "float64")


@pytest.mark.parametrize("use_bias", [True, False], ids=["bias", "no bias"])
def test_weights_go_to_a_module_of_torchs_and_back(use_bias: bool) -> None:
    layer = LSTM(UNITS, use_bias=use_bias, return_sequences=True, input_size=FEATURES, dtype="float64").eval()
    there = layer.to_torch()
    assert (there.batch_first, there.training, there.weight_ih_l0.dtype) == (True, False, torch.float64)
    inputs = draw()[0].double()
    assert_close(there(inputs)[0].detach(), layer(inputs).detach(), "float64")
    back = LSTM.from_torch(there)
    assert not back.training
    assert all(np.array_equal(*pair) for pair in zip(back.get_weights(), layer.get_weights(), strict=True))
    nn.init.zeros_(next(there.parameters()))
    assert layer.get_weights()[0].any()


def test_what_torchs_module_cannot_compute() -> None:
    with pytest.raises(ValueError, match=r"Layer `l` has no weights yet: call it once, or `build\(input_shape\)`"):
        LSTM(UNITS, name="l").to_torch()
    for arguments, reason in (
        ({"go_backwards": True}, "torch.nn.LSTM has no `go_backwards`: flip the inputs in time"),
        ({"activation": "relu"}, "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
    ):
        message = f"Layer `l` cannot become a torch.nn.LSTM: {reason}."
        with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
            LSTM(UNITS, input_size=FEATURES, name="l", **arguments).to_torch()


@pytest.mark.parametrize("arguments", [{"num_layers": 2}, {"bidirectional": True}, {"proj_size": 1}], ids=str)
def test_what_is_no_single_layer(arguments: dict[str, Any]) -> None:
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"one layer and one direction without projection, got .*{name}={value}"):
        LSTM.from_torch(nn.LSTM(FEATURES, UNITS, **arguments))


# -- torch's ways of handling a module --------------------------------------------------------------------------------


def test_it_stands_in_a_torch_container() -> None:
    model = nn.Sequential(LSTM(UNITS, return_sequences=True), LSTM(5), nn.Linear(5, 1))
    assert model(draw()[0]).shape == (BATCH, 1)
    model.requires_grad_(False).requires_grad_(True)
    assert len(list(model.parameters())) == 8
    assert not model.eval()[0].training


@PATHS
def test_a_parametrized_weight(use_cudnn: bool) -> None:
    plain = LSTM(UNITS, input_size=FEATURES, use_cudnn=use_cudnn)
    layer = copy.deepcopy(plain)
    parametrize.register_parametrization(layer, "weight_hh_l0", Doubled())
    inputs, mask = draw()
    for model in (plain, layer):
        model(inputs, mask=mask).sum().backward()
    stored = dict(layer.named_parameters())["parametrizations.weight_hh_l0.original"]
    expected = dict(plain.named_parameters())["weight_hh_l0"].grad
    assert expected is not None
    assert stored.grad is not None
    assert_close(layer(inputs).detach(), plain(inputs).detach(), "float32 elementwise")
    assert_close(stored.grad, 2 * expected, "float32 elementwise")
    assert_close(layer.to_torch()(inputs)[0][:, -1].detach(), layer(inputs).detach(), "float32 elementwise")
    weights = [np.random.default_rng(0).normal(size=array.shape).astype("float32") for array in plain.get_weights()]
    layer.set_weights(weights)
    assert all(np.array_equal(*pair) for pair in zip(layer.get_weights(), weights, strict=True))
    assert np.array_equal(stored.detach(), weights[1].T / 2)


def test_gradients_are_clipped() -> None:
    layer = LSTM(UNITS, input_size=FEATURES)
    (100 * layer(draw()[0]).sum()).backward()
    before = nn.utils.clip_grad_norm_(layer.parameters(), 0.5)
    gradients = [parameter.grad for parameter in layer.parameters() if parameter.grad is not None]
    assert before > 0.5
    assert_close(torch.cat([gradient.flatten() for gradient in gradients]).norm(), 0.5, "float32 elementwise")
    assert len(gradients) == 3


@PATHS
def test_autocast(use_cudnn: bool) -> None:
    layer = LSTM(UNITS, input_size=FEATURES, return_state=True, use_cudnn=use_cudnn)
    inputs, mask = draw()
    for given in (None, mask):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            low = layer(inputs, mask=given)
        sum(value.float().sum() for value in low).backward()
        for value, expected in zip(low, layer(inputs, mask=given), strict=True):
            assert_close(value.detach().float(), expected.detach(), "bfloat16 recurrence")
    assert layer.weight_ih_l0.grad is not None
    assert layer.weight_ih_l0.grad.dtype == torch.float32


@PATHS
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_any_floating_type(use_cudnn: bool, dtype: str) -> None:
    layer = LSTM(UNITS, input_size=FEATURES, return_state=True, use_cudnn=use_cudnn, dtype=dtype)
    inputs, mask = draw()
    values = layer(inputs, mask=mask)
    sum(value.sum() for value in values).backward()
    assert {value.dtype for value in values} == {layer.dtype.torch} == {getattr(torch, dtype)}
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())


@PATHS
def test_functional_call_takes_other_weights(use_cudnn: bool) -> None:
    layer, other = (LSTM(UNITS, input_size=FEATURES, use_cudnn=use_cudnn) for _ in range(2))
    inputs, mask = draw()
    got = torch.func.functional_call(layer, dict(other.named_parameters()), (inputs,), {"mask": mask})
    assert torch.equal(got, other(inputs, mask=mask))


def test_vmap_over_the_weights_of_several_layers_on_the_loop() -> None:
    layers = [LSTM(UNITS, input_size=FEATURES, use_cudnn=False) for _ in range(3)]
    inputs, mask = draw()
    parameters, buffers = torch.func.stack_module_state(layers)

    def call(weights: dict[str, Any], rest: dict[str, Any]) -> Any:
        return torch.func.functional_call(layers[0], (weights, rest), (inputs,), {"mask": mask})

    for got, layer in zip(torch.func.vmap(call)(parameters, buffers), layers, strict=True):
        assert_close(got.detach(), layer(inputs, mask=mask).detach(), "float32 elementwise")


def test_the_meta_device() -> None:
    assert LSTM(UNITS, input_size=FEATURES).to("meta").weight_hh_l0.is_meta
    with torch.device("meta"):
        layer = LSTM(UNITS, input_size=FEATURES)
    assert layer(torch.empty(BATCH, TIME, FEATURES, device="meta")).shape == (BATCH, UNITS)


# -- paths ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_c_kernels")
@pytest.mark.parametrize(
    ("arguments", "training", "path"),
    [
        ({}, True, Path("fused", None)),
        ({"dropout": 0.5, "use_bias": False, "unroll": True, "go_backwards": True}, True, Path("fused", None)),
        ({"use_cudnn": False}, False, Path("loop", "`use_cudnn` is False")),
        (
            {"activation": "relu"},
            False,
            Path("loop", "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
        ),
        (
            {"recurrent_activation": None},
            False,
            Path("loop", "torch's kernels compute `recurrent_activation` 'sigmoid' only, not 'linear'"),
        ),
        ({"recurrent_dropout": 0.5}, True, Path("loop", "torch's kernels have no `recurrent_dropout`")),
        ({"recurrent_dropout": 0.5}, False, Path("fused", None)),
        (
            {"dropout": 0.5, "implementation": 1},
            True,
            Path("loop", "torch's kernels have no `dropout` of each gate's own (`implementation=1`)"),
        ),
        ({"dropout": 0.5, "implementation": 1}, False, Path("fused", None)),
    ],
    ids=str,
)
def test_the_path_of_a_call(arguments: dict[str, Any], training: bool, path: Path) -> None:
    layer = LSTM(UNITS, **arguments)
    inputs, mask = draw()
    assert layer.path_for(inputs, training=training) == path
    assert layer.path_for(inputs, mask, training) == path
    assert layer.train(training).path_for(inputs) == path


@pytest.mark.skipif(compiled_module is None, reason="no C compiler was there when the package was installed")
def test_the_path_of_a_call_where_the_c_kernels_are_faster() -> None:
    inputs, mask = draw()
    faster = Path("loop", "on a CPU the C kernels take less time")
    layer = LSTM(UNITS)
    assert layer.path_for(inputs) == layer.path_for(inputs, mask) == layer.path_for(None) == faster
    assert LSTM(UNITS, use_cudnn=True).path_for(inputs) == Path("fused", None)
    assert LSTM(UNITS, use_cudnn=False).path_for(inputs) == Path("loop", "`use_cudnn` is False")
    assert layer.path_for(inputs[:, :1]) == Path("fused", None)  # recorded by autograd
    assert layer.path_for(inputs[:, :1], mask[:, :1]) == faster
    with torch.no_grad():
        assert layer.path_for(inputs[:, :1]) == faster
    wide = LSTM(400)
    assert wide.path_for(inputs) == faster
    with torch.no_grad():
        assert wide.path_for(inputs) == Path("fused", None)
        assert wide.path_for(inputs, mask) == faster
    with torch.autocast("cpu", torch.bfloat16):  # which runs the steps in float32
        assert layer.path_for(inputs) == faster
    assert LSTM(UNITS, dtype="bfloat16").path_for(inputs) == Path("fused", None)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"activation": "relu"}, "torch's kernels compute `activation` 'tanh' only, not 'relu'"),
        (
            {"recurrent_activation": "hard_sigmoid"},
            "torch's kernels compute `recurrent_activation` 'sigmoid' only, not 'hard_sigmoid'",
        ),
        ({"recurrent_dropout": 0.5}, "torch's kernels have no `recurrent_dropout`"),
        (
            {"dropout": 0.5, "implementation": 1},
            "torch's kernels have no `dropout` of each gate's own (`implementation=1`)",
        ),
    ],
    ids=str,
)
def test_insisting_on_the_fused_path_where_it_cannot_be(arguments: dict[str, Any], reason: str) -> None:
    message = f"`use_cudnn` is True, but {reason}. Pass use_cudnn='auto' to run step by step."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        LSTM(UNITS, use_cudnn=True, **arguments)


@pytest.mark.parametrize("use_cudnn", ["yes", 1, None])
def test_use_cudnn_has_three_values(use_cudnn: Any) -> None:
    with pytest.raises(ValueError, match=f"`use_cudnn` must be 'auto', True or False, got {use_cudnn!r}"):
        LSTM(UNITS, use_cudnn=use_cudnn)


# -- dropout ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_cudnn", ["auto", False], ids=["fused", "loop"])
def test_dropout_multiplies_the_inputs_by_one_mask_for_all_steps(use_cudnn: Any) -> None:
    layer = LSTM(UNITS, dropout=0.5, seed=1, input_size=FEATURES, use_cudnn=use_cudnn)
    inputs, mask = draw()
    factors, _ = copy.deepcopy(layer).draw_dropout(inputs, True)
    assert factors is not None
    expected = layer(inputs * factors[0].unsqueeze(1), mask=mask, training=False)
    assert_close(layer(inputs, mask=mask).detach(), expected.detach(), "float32 elementwise")


def test_training_decides_about_dropout_and_none_means_the_flag_of_the_module() -> None:
    layer = LSTM(20, dropout=0.5, recurrent_dropout=0.5, input_size=FEATURES)
    inputs, _ = draw()
    exact = layer(inputs, training=False)
    assert torch.equal(layer.eval()(inputs), exact)
    assert not torch.equal(layer(inputs, training=True), exact)
    assert not torch.equal(layer.train()(inputs), exact)
    assert not torch.equal(layer(inputs), layer(inputs))


def test_equal_seeds_make_equal_runs() -> None:
    first, second = (LSTM(UNITS, dropout=0.5, recurrent_dropout=0.3, seed=4, input_size=FEATURES) for _ in range(2))
    second.set_weights(first.get_weights())
    inputs, _ = draw()
    runs = [[layer(inputs) for _ in range(3)] for layer in (first, second)]
    assert all(torch.equal(*pair) for pair in zip(*runs, strict=True))
    assert not torch.equal(runs[0][0], runs[0][1])


def test_a_rate_of_one_drops_nothing_as_in_keras() -> None:
    layer = LSTM(UNITS, dropout=1.0, recurrent_dropout=1.0, input_size=FEATURES)
    inputs, _ = draw()
    assert torch.equal(layer(inputs, training=True), layer(inputs, training=False))


# -- training ---------------------------------------------------------------------------------------------------------


def test_a_frozen_layer_gets_no_gradients() -> None:
    layer, head = LSTM(UNITS, trainable=False, input_size=FEATURES), Dense(1)
    head(layer(draw()[0])).sum().backward()
    assert all(parameter.grad is None for parameter in layer.parameters())
    layer.trainable = True
    head(layer(draw()[0])).sum().backward()
    assert all(parameter.grad is not None for parameter in layer.parameters())


@PATHS
def test_constraints_hold_after_each_step_of_an_optimizer(use_cudnn: bool) -> None:
    layer = LSTM(
        UNITS, input_size=FEATURES, recurrent_constraint="max_norm", kernel_constraint="non_neg", use_cudnn=use_cudnn
    )
    layer.set_weights([3 * weight for weight in layer.get_weights()])
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    optimizer.register_step_post_hook(lambda *_: layer.apply_constraints())
    layer(draw()[0]).sum().backward()
    optimizer.step()
    kernel, recurrent, _ = layer.get_weights()
    assert (kernel >= 0).all()
    assert (kernel == 0).any()
    norms = np.linalg.norm(recurrent, axis=0)
    assert_close(norms.max(), 2.0, "float32 elementwise")
