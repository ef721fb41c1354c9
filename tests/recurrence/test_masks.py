import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from torch_keras_lstm.recurrence.masks import Compacted, compact, freeze, last_valid, uncompact, zero_masked
from torch_keras_lstm.recurrence.options import LSTMWeights

# (batch 2, time 4, features 1): each number tells its row and its step
INPUTS = torch.tensor([[11.0, 12, 13, 14], [21, 22, 23, 24]]).unsqueeze(-1)
GAPPED = torch.tensor([[False, True, False, True], [True, True, False, True]])
RIGHT_PADDED = torch.tensor([[True, True, False, False], [False, False, False, False]])


def rows(values: torch.Tensor) -> list[list[float]]:
    squeezed: list[list[float]] = values.squeeze(-1).tolist()
    return squeezed


def any_mask() -> st.SearchStrategy[torch.Tensor]:
    """Boolean masks of one to four rows and one to nine steps."""
    return st.tuples(st.integers(1, 4), st.integers(1, 9)).flatmap(
        lambda sizes: st.lists(
            st.lists(st.booleans(), min_size=sizes[1], max_size=sizes[1]), min_size=sizes[0], max_size=sizes[0]
        ).map(torch.tensor)
    )


def test_unmasked_steps_move_to_the_front_in_their_order() -> None:
    compacted = compact(INPUTS, GAPPED)
    assert rows(compacted.inputs) == [[12, 14, 0], [21, 22, 24]]
    assert compacted.padding.tolist() == [[False, False, True], [False, False, False]]
    assert compacted.lengths.tolist() == [2, 3]


def test_a_right_padded_mask_moves_nothing() -> None:
    compacted = compact(INPUTS, RIGHT_PADDED)
    assert rows(compacted.inputs) == [[11, 12], [0, 0]]
    assert torch.equal(compacted.padding, ~RIGHT_PADDED[:, :2])
    assert compacted.lengths.tolist() == [2, 0]


@given(mask=any_mask())
@settings(deadline=None)
def test_compacting_keeps_the_order_of_many_steps(mask: torch.Tensor) -> None:
    inputs = torch.arange(1.0, 1 + mask.numel()).reshape(*mask.shape, 1)
    compacted = compact(inputs, mask)
    for row in range(len(mask)):
        kept = inputs[row][mask[row]].flatten().tolist()
        assert compacted.inputs[row].flatten().tolist() == kept + [0.0] * (compacted.inputs.shape[1] - len(kept))
    assert compacted.inputs.shape[1] == max(1, int(mask.sum(1).max()))


@given(mask=any_mask(), zero_output_for_mask=st.booleans())
@settings(deadline=None)
def test_spreading_undoes_compacting_and_fills_by_the_rule_of_keras(
    mask: torch.Tensor, zero_output_for_mask: bool
) -> None:
    outputs = torch.arange(1.0, 1 + mask.numel()).reshape(*mask.shape, 1)
    compacted = compact(outputs, mask)
    # what the kernels give on padding is of no meaning, and must not show
    computed = compacted.inputs.masked_fill(compacted.padding.unsqueeze(-1), torch.nan)
    got = uncompact(computed, mask, zero_output_for_mask=zero_output_for_mask)
    for row in range(len(mask)):
        last, expected = 0.0, []
        for step, kept in enumerate(mask[row].tolist()):
            last = float(outputs[row, step]) if kept else last
            expected.append(last if kept or not zero_output_for_mask else 0.0)
        assert got[row].flatten().tolist() == expected


def test_the_last_output_of_each_row() -> None:
    outputs = INPUTS.expand(2, 4, 3)
    when_empty = torch.full((2, 3), -1.0)
    assert last_valid(outputs, torch.tensor([3, 4]), when_empty).tolist() == [[13.0] * 3, [24.0] * 3]
    assert last_valid(outputs, torch.tensor([0, 1]), when_empty).tolist() == [[-1.0] * 3, [21.0] * 3]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_blanking_stops_values_and_gradients_at_masked_steps(value: float) -> None:
    inputs = INPUTS.masked_fill(~GAPPED.unsqueeze(-1), value).requires_grad_()
    blanked = zero_masked(inputs, GAPPED)
    assert rows(blanked) == [[0, 12, 0, 14], [21, 22, 0, 24]]
    (blanked**2).sum().backward()
    assert inputs.grad is not None
    assert rows(inputs.grad) == [[0, 24, 0, 28], [42, 44, 0, 48]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_frozen_feature_sets_the_gates_to_exactly_zero_and_one(dtype: torch.dtype) -> None:
    units, features = 3, 2
    rng = np.random.default_rng(0)
    weights = LSTMWeights(*(torch.tensor(rng.normal(size=(4 * units, width))).to(dtype) for width in (features, units)))
    padding = torch.tensor([[False, True]])
    inputs = torch.tensor(rng.normal(size=(1, 2, features))).to(dtype)
    frozen_inputs, frozen = freeze(Compacted(inputs, padding, torch.tensor([1])), weights)
    assert frozen_inputs.dtype == frozen.weight_ih.dtype == dtype
    # where the step counts, the gates are what they were; on padding the input gate is shut and the forget gate open
    gates = frozen_inputs.double() @ frozen.weight_ih.double().T
    plain = inputs.double() @ weights.weight_ih.double().T
    assert torch.equal(gates[0, 0], plain[0, 0])
    i, f, g, o = gates[0, 1].to(dtype).chunk(4)
    assert i.sigmoid().tolist() == [0.0] * units
    assert f.sigmoid().tolist() == [1.0] * units
    assert torch.equal(torch.cat((g, o)), plain[0, 1, 2 * units :].to(dtype))
    assert frozen.weight_hh is weights.weight_hh
