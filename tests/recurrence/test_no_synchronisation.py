"""Nothing waits for a device: no value of a tensor that is not on the CPU is asked for, forth or back.

The meta device stands for one that must not be asked, for it has no values. Where there is a GPU, torch watches it too.
"""

from collections.abc import Iterator

import pytest
import torch

from tests.recurrence.backends.test_torch_kernels import PATHS, Run
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence import LSTMState, LSTMWeights, SequenceOptions, lstm_loop

BATCH, TIME, FEATURES, UNITS = 4, 6, 3, 5
DEVICES = ["meta", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[str]:
    device: str = request.param
    if device == "cuda":
        torch.zeros(1, device=device)  # starting the device waits for it
        torch.cuda.set_sync_debug_mode("error")
    yield device
    if device == "cuda":
        torch.cuda.set_sync_debug_mode("default")


@PATHS
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("zero_output_for_mask", [True, False])
@pytest.mark.parametrize("go_backwards", [True, False])
def test_a_run_asks_for_no_value(
    path: Run, masked: bool, return_sequences: bool, zero_output_for_mask: bool, go_backwards: bool, device: str
) -> None:
    def make(*shape: int) -> torch.Tensor:
        return torch.zeros(shape, device=device, requires_grad=True)

    inputs, state = make(BATCH, TIME, FEATURES), LSTMState(make(BATCH, UNITS), make(BATCH, UNITS))
    sizes = (4 * UNITS, FEATURES), (4 * UNITS, UNITS), (4 * UNITS,), (4 * UNITS,)
    weights = LSTMWeights(*(make(*size) for size in sizes))
    mask = torch.ones(BATCH, TIME, dtype=torch.bool, device=device) if masked else None
    options = SequenceOptions(
        return_sequences=return_sequences, zero_output_for_mask=zero_output_for_mask, go_backwards=go_backwards
    )
    output, final = path(inputs, state, weights, mask, options)
    assert final is not None
    assert output.shape == ((BATCH, TIME, UNITS) if return_sequences else (BATCH, UNITS))
    (output.sum() + final.hidden.sum() + final.cell.sum()).backward()
    assert inputs.grad is not None
    assert inputs.grad.shape == inputs.shape
    with torch.no_grad():
        path(inputs, state, weights, mask, options)


@pytest.mark.parametrize("name", ["relu", "hard_sigmoid", "hard_sigmoid_keras2"])
@pytest.mark.parametrize("masks", [1, 4])
def test_nor_do_other_activations_and_dropout(name: str, masks: int, device: str) -> None:
    weights = LSTMWeights(torch.zeros(4 * UNITS, FEATURES, device=device), torch.zeros(4 * UNITS, UNITS, device=device))
    inputs = torch.zeros(BATCH, TIME, FEATURES, device=device, requires_grad=True)
    state = LSTMState(*(torch.zeros(BATCH, UNITS, device=device) for _ in range(2)))
    options = SequenceOptions(
        activation=activations.get(name),
        recurrent_activation=activations.get(name),
        input_dropout=torch.ones(masks, BATCH, FEATURES, device=device),
        recurrent_dropout=torch.ones(masks, BATCH, UNITS, device=device),
    )
    output, _ = lstm_loop(inputs, state, weights, torch.ones(BATCH, TIME, dtype=torch.bool, device=device), options)
    output.sum().backward()
    assert inputs.grad is not None
