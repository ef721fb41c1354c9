"""The steps in torch's operations, as the kernels for GPUs are tested: against the readable step and autograd."""

import pytest
import torch

from tests.recurrence.backends.step_cases import DROPOUTS, GRADIENTS, MASKS, check, draw, with_gradient
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.backends.torch_ops import TORCH_OPS


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dropouts", DROPOUTS)
def test_masks_and_dropout(mask: str, dropouts: int) -> None:
    check(TORCH_OPS, draw(mask, dropouts, torch.float64), "float64")


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("given", GRADIENTS)
def test_one_gradient_alone(mask: str, given: str) -> None:
    check(TORCH_OPS, with_gradient(draw(mask, 4, torch.float64), given), "float64")


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("name", ["relu", "hard_sigmoid", "hard_sigmoid_keras2", "softsign", "linear"])
def test_activations(mask: str, name: str) -> None:
    function = activations.get(name)
    check(TORCH_OPS, draw(mask, 1, torch.float64, activation=function, recurrent_activation=function), "float64")
