"""Peaks of memory whose size is known."""

import json
import subprocess
import sys

import pytest

from benchmarks.cases import CONFIGURATIONS, Case, Shape
from benchmarks.memory import needed

# In a process of its own, because the allocator is set.
SCRIPT = """
import json
import torch
from benchmarks.memory import peak_growth, return_what_is_freed
return_what_is_freed()
MEGABYTE = 250_000
def one(): torch.ones(40 * MEGABYTE)
def one_after_the_other(): one(); one()
def side_by_side(): kept = torch.ones(40 * MEGABYTE); one(); return kept
print(json.dumps([peak_growth(call) / 1e6 for call in (one, one_after_the_other, side_by_side, one, lambda: None)]))
"""


def test_peaks_of_known_allocations() -> None:
    printed = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout
    assert json.loads(printed) == pytest.approx([40, 40, 80, 40, 0], abs=1.5)


def test_what_a_training_step_needs() -> None:
    gates, cells, outputs, inputs, weights = 3 * 6 * 20, 3 * 6 * 5, 3 * 6 * 5, 3 * 6 * 4, (4 + 5 + 1) * 20
    case = Case(Shape(3, 6, 4, 5), CONFIGURATIONS["plain"], "training")
    assert needed(case) == 4 * (gates + cells + outputs + inputs + weights)
