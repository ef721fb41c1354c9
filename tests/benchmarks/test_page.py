"""The page is made of the figures."""

import json
from pathlib import Path

import pytest

from benchmarks.page import digits, page, table, targets_table
from benchmarks.targets import Target

DOCS = Path(__file__).parents[2] / "docs"


def test_a_table_in_markdown() -> None:
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | --: |\n| x | 1 |"


@pytest.mark.parametrize(("value", "text"), [(0.01234, "0.0123"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234")])
def test_three_digits(value: float, text: str) -> None:
    assert digits(value) == text


def test_what_is_missed_is_listed() -> None:
    text = targets_table([Target("a / b", 1.0, {"here": 1.5, "there": 0.5}), Target("c / d", 2.0, {})])
    assert "| a / b | 1.00 | 1.50 (here) | missed (1 of 2 met) |" in text
    assert "| c / d | 2.00 |  | not run |" in text
    assert text.endswith("Missed:\n\n- a / b: 1.50 at here; the limit is 1.00")


def test_the_page_of_the_documentation_is_that_of_its_figures() -> None:
    figures = json.loads((DOCS / "performance.json").read_text("utf-8"))
    assert (DOCS / "performance.md").read_text("utf-8") == page(figures)
    assert (DOCS / "performance.png").read_bytes().startswith(b"\x89PNG")
