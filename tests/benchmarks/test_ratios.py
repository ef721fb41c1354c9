"""Medians of ratios within a round."""

from benchmarks.ratios import Ratio, ratio, ratios


def test_each_round_is_divided_before_the_median_is_taken() -> None:
    # the machine slows down by 10 and then by 100; the medians' own ratio would be 20 / 30
    assert ratio([2.0, 20.0, 300.0], [1.0, 30.0, 100.0]) == Ratio(2.0, (2 / 3 + 2) / 2, 2.5)


def test_a_single_round_is_its_own_median() -> None:
    assert ratio([3.0], [2.0]) == Ratio(1.5, 1.5, 1.5)


def test_ratios_are_to_the_baseline() -> None:
    found = ratios({"torch": [1.0, 2.0], "ours": [2.0, 4.0]}, "torch")
    assert {peer: value.median for peer, value in found.items()} == {"torch": 1.0, "ours": 2.0}


def test_without_the_baseline_there_are_none() -> None:
    assert ratios({"ours": [2.0, 4.0]}, "torch") == {}
