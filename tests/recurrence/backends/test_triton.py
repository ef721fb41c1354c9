"""The steps in Triton, run by its interpreter on a CPU; ``test_triton_compiles`` asks the compiler."""

import math
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import triton.language as tl
from triton.runtime import interpreter

from tests.recurrence.backends.step_cases import (
    DROPOUTS,
    GRADIENTS,
    MASKS,
    Case,
    check,
    draw,
    expected,
    run_case,
    with_gradient,
)
from tests.tolerances import assert_close
from torch_keras_lstm import activations
from torch_keras_lstm.recurrence.backends.kernel_activations import KERNEL_NAMES, kernel_name
from torch_keras_lstm.recurrence.backends.projection import ProjectedSteps
from torch_keras_lstm.recurrence.backends.triton_sequence import (
    Blocks,
    TritonSequence,
    blocks_for,
    product_precision,
)
from torch_keras_lstm.recurrence.backends.triton_step import TritonStep

STEP = TritonStep()
TILED = "tiled"  # the sequence, its weights read anew at each step
WAYS = pytest.mark.parametrize("way", ["sequence", TILED, "step"])
# As on a GPU, exp gives infinity where float32 ends; NumPy, which stands in for one, warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered in exp:RuntimeWarning")
H100, CONSUMERS = 232448, 101376  # bytes of shared memory


@pytest.fixture(autouse=True)
def _products_of_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """The interpreter keeps bfloat16 as integers of 16 bits, and multiplies those."""
    multiply = interpreter.InterpreterBuilder.create_dot

    def widened(operand: Any) -> Any:
        if operand.dtype != tl.bfloat16:
            return operand
        wide = interpreter._convert_float(operand.data, tl.bfloat16, tl.float32, None).view(np.float32)
        return interpreter.TensorHandle(wide, tl.float32)

    def create_dot(self: Any, left: Any, right: Any, *rest: Any) -> Any:
        return multiply(self, widened(left), widened(right), *rest)

    monkeypatch.setattr(interpreter.InterpreterBuilder, "create_dot", create_dot)


class Tiled(TritonSequence):
    """Of tiles so small that several are needed."""

    def blocks(self, *_: object) -> Blocks:
        return Blocks(4, 32, 16, 4, 1)


@pytest.fixture
def steps(way: str) -> ProjectedSteps:
    """Those that ``way`` names."""
    return {"sequence": TritonSequence(), TILED: Tiled(), "step": STEP}[way]


@WAYS
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("dropouts", DROPOUTS)
def test_masks_and_dropout(steps: ProjectedSteps, mask: str, dropouts: int) -> None:
    check(steps, draw(mask, dropouts, batch=5, units=19))


@WAYS
@pytest.mark.parametrize("dropouts", [0, 4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_lower_precisions(steps: ProjectedSteps, dropouts: int, dtype: torch.dtype) -> None:
    check(steps, draw("empty-rows", dropouts, dtype, units=19), f"{str(dtype).removeprefix('torch.')} recurrence")


@WAYS
@pytest.mark.parametrize(
    ("time", "batch", "units"), [(1, 1, 1), (1, 3, 16), (6, 5, 3), (2, 4, 32), (2, 9, 20)], ids=str
)
def test_shapes(steps: ProjectedSteps, time: int, batch: int, units: int) -> None:
    check(steps, draw("gaps", time=time, batch=batch, units=units))


@WAYS
@pytest.mark.parametrize("given", GRADIENTS)
def test_one_gradient_alone(steps: ProjectedSteps, given: str) -> None:
    check(steps, with_gradient(draw("gaps", 1), given))


def calm(case: Case) -> Case:
    """Small numbers, of which exp may be taken again and again."""
    return case._replace(projected=case.projected / 4, weight_hh=case.weight_hh / 4)


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_every_activation_of_states(name: str) -> None:
    check(STEP, calm(draw(activation=activations.get(name))))


@pytest.mark.parametrize("name", KERNEL_NAMES)
def test_every_activation_of_gates(name: str) -> None:
    check(STEP, calm(draw(recurrent_activation=activations.get(name), activation=activations.softsign)))


@pytest.mark.parametrize(
    "name", ["elu", "hard_sigmoid", "hard_sigmoid_keras2", "hard_tanh", "leaky_relu", "relu", "relu6", "selu"]
)
def test_slopes_at_kinks(name: str) -> None:
    kinks = torch.tensor([-3.0, -2.5, -1.0, -0.0, 0.0, 1.0, 2.5, 3.0, 6.0])
    case = draw(time=1, batch=4, units=len(kinks))
    case = case._replace(projected=kinks.repeat(4).expand(1, 4, -1), weight_hh=torch.zeros_like(case.weight_hh))
    function = activations.get(name)
    for at_kinks in (case._replace(activation=function), case._replace(recurrent_activation=function)):
        # In float32 as well, since in another precision 0.2 * x + 0.5 need not reach 1 at the same place.
        truth = expected(at_kinks, torch.float32)
        assert_close(run_case(STEP, at_kinks).of_projected, truth.of_projected, "float32 recurrence")


@WAYS
def test_what_stands_at_masked_steps_reaches_nothing(steps: ProjectedSteps) -> None:
    case = draw("empty-rows")
    assert case.mask is not None
    results = run_case(steps, case._replace(projected=case.projected.masked_fill(~case.mask[..., None], math.nan)))
    for name, got, truth in zip(results._fields, results, expected(case), strict=True):
        assert_close(got, truth, "float32 recurrence", name)


@WAYS
def test_a_row_that_is_lost_does_not_touch_the_others(steps: ProjectedSteps) -> None:
    case = draw(activation=activations.relu, recurrent_activation=activations.hard_sigmoid)
    broken = case.projected.clone()
    broken[1, 2] = math.nan
    results, truth = run_case(steps, case._replace(projected=broken)), expected(case)
    assert results.hidden[1:, 2].isnan().all()
    others = [0, 1, 3, 4]
    assert_close(results.hidden[:, others], truth.hidden[:, others], "float32 recurrence")
    assert_close(results.of_projected[:, others], truth.of_projected[:, others], "float32 recurrence")


@WAYS
def test_growth_beyond_the_last_unit(steps: ProjectedSteps) -> None:
    """With exp for an activation what stands in the padding of a block grows until it is infinite."""
    case = draw(time=9, units=3, activation=activations.exponential, recurrent_activation=activations.exponential)
    check(steps, case._replace(projected=case.projected / 8 - 3, weight_hh=case.weight_hh / 8))


def test_weights_stay_on_the_chip_where_they_fit() -> None:
    def blocks(units: int, shared_memory: int, dtype: torch.dtype = torch.float32, precision: str = "tf32") -> Blocks:
        return blocks_for(units, 32, dtype, precision, shared_memory)

    assert blocks(50, H100).BLOCK_UNITS == blocks(50, H100).BLOCK_SUM == 64
    assert blocks(100, H100).BLOCK_UNITS == 128 > blocks(100, H100).BLOCK_SUM
    assert blocks(100, H100, torch.bfloat16).BLOCK_SUM == 128 > blocks(100, CONSUMERS, torch.bfloat16).BLOCK_SUM
    assert blocks(1, H100).BLOCK_UNITS == 16, "no product is smaller"
    assert blocks(64, H100, precision="ieee").BLOCK_ROWS < blocks(64, H100).BLOCK_ROWS


def test_the_setting_for_products_decides_on_tf32() -> None:
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    assert product_precision() == "ieee"
    try:
        products.fp32_precision = "tf32"
        assert product_precision() == "tf32"
    finally:
        products.fp32_precision = before


def test_functions_of_torch_and_of_ours_are_known() -> None:
    assert kernel_name(torch.tanh) == kernel_name(activations.tanh) == "tanh"
    assert kernel_name(torch.sin) is kernel_name(activations.softmax) is None
    assert kernel_name(partial(activations.relu, max_value=3.0)) is None
