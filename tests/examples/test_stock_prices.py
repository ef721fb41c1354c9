import runpy
from pathlib import Path

import numpy as np
import pytest
from arch.data import sp500

EXAMPLE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "stock_prices.py"))


def test_the_lstm_forecasts_volatility_and_leaves_the_price_to_chance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = EXAMPLE["main"](epochs=6, pictures=tmp_path)
    volatility, price = errors["log volatility"], errors["price"]
    naive = min(volatility[name] for name in ("as yesterday", "mean of 5 days", "mean of 22 days"))
    assert 0.29 < volatility["LSTM"] < 0.99 * naive
    assert price["LSTM"] == pytest.approx(price["as yesterday"], rel=0.01), "a walk that nobody forecasts"
    assert f"log volatility  LSTM               {volatility['LSTM']:7.3f}" in capsys.readouterr().out
    for name in ("stock_prices.png", "stock_prices_training.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_the_naive_forecasts_are_those_of_the_table_of_prices() -> None:
    prices = sp500.load()
    errors = EXAMPLE["main"](epochs=0)
    log_range = np.log(np.log(prices["High"] / prices["Low"]))  # up to a constant, the log volatility
    for name, length in (("as yesterday", 1), ("mean of 5 days", 5), ("mean of 22 days", 22)):
        forecast = log_range.rolling(length).mean().shift(1)
        squares = ((log_range - forecast) ** 2).loc["2014":]
        assert errors["log volatility"][name] == pytest.approx(squares.mean() ** 0.5, rel=1e-9)
    squares = (prices["Close"].diff() ** 2).loc["2014":]
    assert errors["price"]["as yesterday"] == pytest.approx(squares.mean() ** 0.5, rel=1e-9)
    assert errors["price"]["LSTM"] == pytest.approx(errors["price"]["as yesterday"], rel=1e-3), "it begins as a walk"


def test_nothing_of_a_day_or_later_is_known_before_it() -> None:
    prices = sp500.load()[["Open", "High", "Low", "Close"]]
    days = EXAMPLE["days_of"](prices)
    changed = prices.copy()
    later = changed.index >= "2014-01-02"
    changed.loc[later] *= np.linspace(1, 3, later.sum())[:, None]
    changed.loc[later, "High"] *= 1.1
    others = EXAMPLE["days_of"](changed)
    known = days.dates <= "2014-01-02"  # the first changed day is forecast from unchanged ones
    np.testing.assert_array_equal(others.past[known], days.past[known])
    np.testing.assert_array_equal(others.mean, days.mean)
    np.testing.assert_array_equal(others.deviation, days.deviation)
    before = days.dates < "2014-01-02"
    np.testing.assert_array_equal(others.target[before], days.target[before])
    assert np.abs(others.target[~before] - days.target[~before]).max() > 0
