import runpy
from pathlib import Path

import numpy as np
import pytest
from statsmodels.datasets import co2

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "forecast_co2.py"))


def test_the_lstm_beats_the_naive_forecasts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    errors = EXAMPLE["main"](epochs=25, pictures=tmp_path)
    assert errors["LSTM"] < 0.9 * errors["as last year, and its growth"] < errors["as last year"]
    assert f"LSTM                         {errors['LSTM']:5.2f}" in capsys.readouterr().out
    for name in ("forecast_co2.png", "forecast_co2_training.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_naive_forecasts_are_those_of_the_measurements() -> None:
    errors = EXAMPLE["main"](epochs=0)
    series = co2.load_pandas().data["co2"].resample("MS").mean().interpolate()
    last_year, with_growth = [], []
    for start in range(series.index.get_loc("1990-01-01"), len(series) - 23):
        growth = series.iloc[start - 12 : start].mean() - series.iloc[start - 24 : start - 12].mean()
        for month in range(24):
            same_month = series.iloc[start - 12 + month % 12]
            truth = series.iloc[start + month]
            last_year.append((same_month - truth) ** 2)
            with_growth.append((same_month + growth * (1 + month // 12) - truth) ** 2)
    assert errors["as last year"] == pytest.approx(np.mean(last_year) ** 0.5, rel=1e-9)
    assert errors["as last year, and its growth"] == pytest.approx(np.mean(with_growth) ** 0.5, rel=1e-9)
    assert errors["LSTM"] > errors["as last year, and its growth"], "an untrained model should not forecast well"


def test_forecasts_to_learn_from_end_before_those_that_are_held_out() -> None:
    series = EXAMPLE["monthly"]()
    windows = EXAMPLE["windows_of"](series)
    parts = [windows.between(*years) for years in ((0, 1985), (1985, 1990), (1990, 9999))]
    assert [f"{part.starts[0]:%Y-%m}" for part in parts] == ["1961-03", "1985-01", "1990-01"]
    assert [f"{part.starts[-1]:%Y-%m}" for part in parts] == ["1983-01", "1988-01", "2000-01"]
    for part in parts:
        for which in (0, -1):
            first = series.index.get_loc(part.starts[which])
            np.testing.assert_array_equal(part.past[which], series.iloc[first - 36 : first])
            np.testing.assert_array_equal(part.future[which], series.iloc[first : first + 24])
