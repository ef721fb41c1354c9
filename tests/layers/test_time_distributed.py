from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LSTM, Dense, Dropout, Embedding, Layer, RepeatVector, TimeDistributed

BATCH, TIME, FEATURES, UNITS = 4, 5, 3, 2


class Recorder(Layer):
    """Hands on its inputs and notes what else it was called with."""

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Tensor:
        self.seen = {"mask": mask, "training": training}
        return self.prepare(inputs)


def test_every_step_is_the_inner_layers_output() -> None:
    inner = Dense(UNITS, "tanh", dtype="float64")
    layer = TimeDistributed(inner, dtype="float64")
    inputs = torch.randn(BATCH, TIME, 6, FEATURES, dtype=torch.float64)
    outputs = layer(inputs)
    assert outputs.shape == (BATCH, TIME, 6, UNITS)
    for step in range(TIME):
        assert_close(outputs[:, step].detach(), inner(inputs[:, step]).detach(), "float64 elementwise")


def test_the_inner_layer_may_change_the_number_of_axes() -> None:
    layer = TimeDistributed(RepeatVector(6))
    inputs = torch.randn(BATCH, TIME, FEATURES)
    assert torch.equal(layer(inputs), inputs[:, :, None].expand(-1, -1, 6, -1))
    assert layer.compute_output_shape((None, None, FEATURES)) == (None, None, 6, FEATURES)


@pytest.mark.parametrize("shape", [(0, TIME, FEATURES), (BATCH, 0, FEATURES)])
def test_empty_batches_and_sequences(shape: tuple[int, ...]) -> None:
    layer = TimeDistributed(Dense(UNITS, input_dim=FEATURES))
    assert layer(torch.ones(shape)).shape == (*shape[:2], UNITS)


def test_parameters_live_in_the_inner_layer_and_are_built_for_one_step() -> None:
    layer = TimeDistributed(Dense(UNITS))
    assert not layer.built
    layer.build((None, None, FEATURES))
    assert layer.built
    assert list(layer.state_dict()) == ["layer.weight", "layer.bias"]
    assert layer.layer.weight.shape == (UNITS, FEATURES)


def test_input_shape_builds_it_at_once() -> None:
    assert TimeDistributed(Dense(UNITS), input_shape=(TIME, FEATURES)).built


def test_it_wraps_a_sequence_layer_over_sequences() -> None:
    inner = LSTM(UNITS, dtype="float64")
    layer = TimeDistributed(inner, dtype="float64")
    inputs = torch.randn(BATCH, TIME, 6, FEATURES, dtype=torch.float64)
    mask = torch.rand(BATCH, TIME, 6) < 0.6
    outputs = layer(inputs, mask=mask)
    for step in range(TIME):
        assert_close(
            outputs[:, step].detach(), inner(inputs[:, step], mask=mask[:, step]).detach(), "float64", f"step {step}"
        )


def test_training_and_mask_are_handed_on() -> None:
    recorder = Recorder()
    mask = torch.rand(BATCH, TIME) < 0.6
    TimeDistributed(recorder)(torch.ones(BATCH, TIME, FEATURES), mask=mask, training=True)
    assert recorder.seen["training"] is True
    assert torch.equal(recorder.seen["mask"], mask[:, -1])  # a layer of one's own is called step by step in training
    TimeDistributed(recorder)(torch.ones(BATCH, TIME, FEATURES), mask=mask, training=False)
    assert recorder.seen["training"] is False
    assert torch.equal(recorder.seen["mask"], mask.reshape(-1))
    TimeDistributed(recorder)(torch.ones(BATCH, TIME, FEATURES))
    assert recorder.seen == {"mask": None, "training": None}


def test_training_mode_reaches_dropout() -> None:
    layer, inputs = TimeDistributed(Dropout(0.5, seed=1)), torch.ones(BATCH, TIME, 50)
    dropped = layer(inputs) == 0
    assert dropped.any()
    assert not torch.equal(dropped[:, 0], dropped[:, 1])
    assert torch.equal(layer.eval()(inputs), inputs)
    assert (layer(inputs, training=True) == 0).any()


def test_the_mask_passes_through() -> None:
    mask = torch.rand(BATCH, TIME) < 0.6
    assert TimeDistributed(Dense(UNITS)).compute_mask(torch.ones(BATCH, TIME, FEATURES), mask) is mask


@pytest.mark.parametrize("shape", [(BATCH,), (TIME, BATCH), (BATCH, TIME + 1, FEATURES)])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    layer = TimeDistributed(Dense(UNITS), name="t")
    with pytest.raises(
        ValueError,
        match=r"`mask` of layer `t` must have a shape that begins with \(batch, time\) = \(4, 5\), got \(",
    ):
        layer(torch.ones(BATCH, TIME, FEATURES), mask=torch.ones(shape, dtype=torch.bool))


@pytest.mark.parametrize("built", [False, True])
def test_trainable_false_freezes_the_inner_layer(built: bool) -> None:
    layer = TimeDistributed(Dense(UNITS, input_dim=FEATURES if built else None), trainable=False)
    layer.build((None, None, FEATURES))
    assert not any(parameter.requires_grad for parameter in layer.parameters())


def test_only_the_wrappers_activity_regularizer_counts_as_in_keras() -> None:
    inputs = torch.randn(BATCH, TIME, FEATURES)
    inner_only = TimeDistributed(Dense(UNITS, activity_regularizer="l2"))
    inner_only(inputs)
    assert inner_only.losses == []
    layer = TimeDistributed(Dense(UNITS), activity_regularizer="l2")
    outputs = layer(inputs)
    (loss,) = layer.losses
    assert_close(loss.detach(), 0.01 * (outputs.detach() ** 2).sum() / BATCH, "float32 model")


def test_configuration_round_trip() -> None:
    layer = TimeDistributed(TimeDistributed(Dense(UNITS, "relu", name="d"), name="inner"), name="t", dtype="float64")
    copy = TimeDistributed.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    inner = copy.layer
    assert isinstance(inner, TimeDistributed)
    assert isinstance(inner.layer, Dense)
    assert (inner.name, inner.layer.name, inner.layer.units) == ("inner", "d", UNITS)


def test_inputs_of_two_axes_are_refused() -> None:
    layer = TimeDistributed(Embedding(7, 3), name="t")
    with pytest.raises(
        ValueError, match=r"Layer `t` takes inputs of shape \(batch, time, \.\.\.\) with three axes or more, got shape"
    ):
        layer(torch.ones(BATCH, TIME))
    with pytest.raises(ValueError, match="with three axes or more"):
        layer.build((None, TIME))


@pytest.mark.parametrize("argument", ["stateful", "return_state"])
@pytest.mark.parametrize("wrap", [lambda layer: layer, TimeDistributed])
def test_a_layer_with_states_is_refused(argument: str, wrap: Any) -> None:
    inner = Recorder(name="r")
    outer = wrap(inner)
    setattr(inner, argument, True)
    with pytest.raises(ValueError, match=rf"to all steps at once, which `{argument}=True` rules out\."):
        TimeDistributed(outer)


def test_only_layers_of_this_package_are_wrapped() -> None:
    with pytest.raises(TypeError, match=r"`layer` must be a torch_keras_lstm layer, got Linear\."):
        TimeDistributed(nn.Linear(3, 2))  # type: ignore[arg-type]
