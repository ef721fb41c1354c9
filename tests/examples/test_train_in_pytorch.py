import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "train_in_pytorch.py"


def test_the_lstm_beats_both_naive_forecasts(capsys: pytest.CaptureFixture[str]) -> None:
    errors = runpy.run_path(str(SCRIPT))["main"](epochs=30)
    naive = min(errors["as last year"], errors["as eleven years ago"])
    assert errors["LSTM"] < 0.8 * naive
    assert f"LSTM                 {errors['LSTM']:5.1f}" in capsys.readouterr().out


def test_the_naive_forecasts_are_those_of_the_sunspot_table() -> None:
    from statsmodels.datasets import sunspots

    table = sunspots.load_pandas().data.set_index("YEAR")["SUNACTIVITY"]
    errors = runpy.run_path(str(SCRIPT))["main"](epochs=0)
    for name, lag in (("as last year", 1), ("as eleven years ago", 11)):
        squares = ((table - table.shift(lag)) ** 2).loc[1921:]
        assert errors[name] == pytest.approx(squares.mean() ** 0.5, rel=1e-5)
    assert errors["LSTM"] > errors["as last year"], "an untrained model should not forecast well"
