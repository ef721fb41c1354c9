import pytest
import torch
from torch import Tensor

from torch_keras_lstm.recurrence import scan
from torch_keras_lstm.recurrence.scan import Constants, States, Stepped

# one row of five steps; the step adds the input to the state and gives ten times the sum
VALUES = torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]).unsqueeze(-1)
START = (torch.tensor([[100.0]]),)


def add(inputs: Tensor, states: States, _: Constants) -> Stepped:
    total = states[0] + inputs
    return 10 * total, (total,)


@pytest.mark.parametrize(
    ("mask", "go_backwards", "zero_output_for_mask", "outputs", "final"),
    [
        (None, False, False, [1010, 1030, 1060, 1100, 1150], 115),
        (None, True, False, [1050, 1090, 1120, 1140, 1150], 115),
        ([0, 1, 0, 1, 0], False, False, [0, 1020, 1020, 1060, 1060], 106),
        ([0, 1, 0, 1, 0], False, True, [0, 1020, 0, 1060, 0], 106),
        ([1, 0, 0, 1, 0], True, False, [0, 1040, 1040, 1040, 1050], 105),
        ([1, 0, 0, 1, 0], True, True, [0, 1040, 0, 0, 1050], 105),
        ([0, 0, 0, 0, 0], False, False, [0, 0, 0, 0, 0], 100),
        ([1, 1, 1, 1, 1], False, True, [1010, 1030, 1060, 1100, 1150], 115),
    ],
)
@pytest.mark.parametrize("return_sequences", [True, False], ids=["all", "last"])
def test_masked_steps_keep_the_state_and_repeat_the_output(
    mask: list[int] | None,
    go_backwards: bool,
    zero_output_for_mask: bool,
    outputs: list[float],
    final: float,
    return_sequences: bool,
) -> None:
    got, (state,) = scan(
        add,
        VALUES,
        START,
        None if mask is None else torch.tensor([mask]).bool(),
        go_backwards=go_backwards,
        return_sequences=return_sequences,
        zero_output_for_mask=zero_output_for_mask,
    )
    assert got.tolist() == ([[[value] for value in outputs]] if return_sequences else [[outputs[-1]]])
    assert state.tolist() == [[final]]


def test_states_and_outputs_may_have_any_number_of_axes_and_their_own_widths() -> None:
    def step(inputs: Tensor, states: States, _: Constants) -> Stepped:
        count, total = states
        return inputs.mean((1, 2)), (count + 1, total + inputs)

    inputs = torch.randn(2, 3, 4, 5)  # (batch, time, 4, 5)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    output, (count, total) = scan(step, inputs, (torch.zeros(2), torch.zeros(2, 4, 5)), mask, return_sequences=False)
    assert output[0] == inputs[0, 2].mean()
    assert output[1] == 0
    assert count.tolist() == [2, 0]
    assert torch.equal(total[0], inputs[0, 0] + inputs[0, 2])
    assert torch.equal(total[1], torch.zeros(4, 5))
