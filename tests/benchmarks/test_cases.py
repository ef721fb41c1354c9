"""What the peers are given, and what they must make of it."""

import numpy as np
import pytest
import torch

from benchmarks.cases import CONFIGURATIONS, LOOPED, MASKED, SHAPES, Case, Shape
from benchmarks.peers import PEERS, what_it_runs
from benchmarks.peers.ours import layer_of
from benchmarks.reference import reference
from tests.tolerances import assert_close

SHAPE = Shape(3, 6, 4, 5)


def test_masks_of_all_kinds_have_as_many_steps_that_count() -> None:
    masks = {name: Case(SHAPES["tiny"], CONFIGURATIONS[name]).mask for name in MASKED}
    for mask in masks.values():
        assert mask is not None
        np.testing.assert_array_equal(mask.sum(axis=1), Case(SHAPES["tiny"]).lengths)
    right, left, gaps = (np.asarray(masks[name]) for name in MASKED)
    np.testing.assert_array_equal(left, right[:, ::-1])
    assert (np.diff(gaps.astype(int), axis=1) > 0).any()


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_reference_and_layer_agree_in_float64(name: str) -> None:
    case = Case(SHAPE, CONFIGURATIONS[name], "training").with_recurrent_dropout(0.0)
    layer = layer_of(case).double()
    inputs = torch.from_numpy(case.inputs).double().requires_grad_()
    mask = None if case.mask is None else torch.from_numpy(case.mask)
    output = layer(inputs, mask=mask) if mask is not None else layer(inputs)
    (gradient,) = torch.autograd.grad(output, inputs, torch.from_numpy(case.output_gradient).double())
    assert_close(output.detach(), reference(case)["output"], "float64")
    assert_close(gradient, reference(case)["inputs"], "float64")


def test_operations_of_a_case() -> None:
    forward = 8 * 3 * 6 * 5 * (4 + 5)  # two for each weight, four gates
    assert Case(SHAPE).flops == forward
    assert Case(SHAPE, mode="training").flops == 3 * forward
    assert Case(SHAPE, CONFIGURATIONS["bidirectional"]).flops == 2 * forward
    assert Case(SHAPE, CONFIGURATIONS["two layers"]).flops == forward + 8 * 3 * 6 * 5 * (5 + 5)


def test_who_takes_part() -> None:
    for name, configuration in CONFIGURATIONS.items():
        plain = Case(SHAPE, configuration.plain, mode="training")
        case = Case(SHAPE, configuration, "training")
        assert what_it_runs("ours", case) == case
        stands_in = name in (*MASKED, *LOOPED) or configuration.cell != "LSTM" or configuration.recompute
        assert what_it_runs("torch", case) == (plain if stands_in else case)
        packed = what_it_runs("packed", case)
        assert packed == (case.right_padded if configuration.mask else None)
        assert what_it_runs("onnxruntime", case) is None
    assert what_it_runs("onnxruntime", Case(SHAPE)) == Case(SHAPE)


def test_streams_are_of_one_step() -> None:
    with pytest.raises(ValueError, match="goes with the shape of one step"):
        Case(SHAPE, mode="stream")


def test_each_peer_has_its_file() -> None:
    assert PEERS["torch"].installed
    assert not PEERS["torch"]._replace(needs=("no_such_package",)).installed
