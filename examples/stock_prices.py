"""What an LSTM can forecast about a stock index, and what not: tomorrow's volatility, and tomorrow's price.

The daily prices of the S&P 500 from 1999 to 2018 come with the package `arch`. The model reads 44 days and forecasts
the next day's volatility and price. It learns on 1999 to 2010, stops by 2011 to 2013, and is measured on 2014 to 2018.
Prices are close to a random walk, so that "as yesterday" is hard to beat and nobody should believe a large gain there.
Volatility comes in clusters; the naive forecasts of it are yesterday's and the means over the last 5 and 22 days, and a
linear regression on these three (Corsi, 2009) is the one that economists use. A day's volatility is told from its
range, which is noisy: even the true one would miss the logarithm by 0.29.

    python examples/stock_prices.py [--epochs 40] [--pictures pictures]
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from arch.data import sp500
from matplotlib.figure import Figure
from numpy.typing import NDArray

import torch_keras_lstm as keras
from torch_keras_lstm.callbacks import EarlyStopping, ReduceLROnPlateau
from torch_keras_lstm.layers import LSTM, Dense, Dropout

WINDOW = 44  # days: two months of trading
FIRST_VALIDATION_DAY, FIRST_HELD_OUT_DAY = pd.Timestamp("2011-01-01"), pd.Timestamp("2014-01-01")
Array = NDArray[np.float64]


class Days(NamedTuple):
    """Each day that has a whole window before it: what is known the evening before, and what there is to forecast."""

    dates: pd.DatetimeIndex
    past: Array  # (days, WINDOW, 2): log volatility and change, standardized
    target: Array  # (days, 2): the day's own, standardized
    mean: Array  # (2,), of the training days
    deviation: Array  # (2,)
    log_volatility: Array  # (days, WINDOW + 1): of the window, and of the day itself
    close: Array  # (days, 2): the evening before, and of the day itself


def days_of(prices: pd.DataFrame) -> Days:
    """Windows over daily ``Open``, ``High``, ``Low`` and ``Close``, scaled by the training days alone.

    The volatility of a day, in percent a year, is that of a random walk with the day's range (Parkinson, 1980). A
    change is that of the logarithm of the closing price, in percent.
    """
    spread = np.log(prices["High"] / prices["Low"]).to_numpy()
    log_volatility = np.log(100 * np.sqrt(252 / (4 * np.log(2))) * spread)[1:]
    change = 100 * np.diff(np.log(prices["Close"]))
    both = np.stack([log_volatility, change], axis=1)
    dates = prices.index[1:]
    training = both[dates < FIRST_VALIDATION_DAY]
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    windows = np.lib.stride_tricks.sliding_window_view((both - mean) / deviation, WINDOW + 1, axis=0).swapaxes(1, 2)
    close = prices["Close"].to_numpy()
    return Days(
        dates[WINDOW:],
        windows[:, :WINDOW],
        windows[:, WINDOW],
        mean,
        deviation,
        np.lib.stride_tricks.sliding_window_view(log_volatility, WINDOW + 1),
        np.stack([close[WINDOW:-1], close[WINDOW + 1 :]], axis=1),
    )


def build_model() -> keras.Model:
    """(batch, WINDOW, 2) -> the next day's log volatility (batch, 1) and change (batch, 1), both standardized."""
    past = keras.Input((WINDOW, 2))
    memory = Dropout(0.2)(LSTM(32)(past))
    volatility = Dense(1, name="volatility")(memory)
    change = Dense(1, name="change", kernel_initializer="zeros")(memory)  # begins as a random walk
    model = keras.Model(past, [volatility, change])
    # The change is nearly all noise, which would drown what there is to learn from volatility.
    model.compile(
        optimizer="adam",
        loss={"volatility": "mean_squared_error", "change": "mean_squared_error"},
        loss_weights={"volatility": 1.0, "change": 0.1},
    )
    return model


def rms(errors: Array) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(errors))))


def volatility_forecasts(days: Days, from_lstm: Array) -> dict[str, Array]:
    """Log volatility of each day (days,), as it is forecast the evening before."""
    means = {length: days.log_volatility[:, WINDOW - length : WINDOW].mean(axis=1) for length in (1, 5, 22)}
    regressors = np.stack([np.ones(len(days.dates)), *means.values()], axis=1)
    training = days.dates < FIRST_VALIDATION_DAY
    coefficients = np.linalg.lstsq(regressors[training], days.log_volatility[training, WINDOW], rcond=None)[0]
    return {
        "LSTM": from_lstm,
        "as yesterday": means[1],
        "mean of 5 days": means[5],
        "mean of 22 days": means[22],
        "linear regression": regressors @ coefficients,
    }


def draw(path: Path, dates: pd.DatetimeIndex, truth: Array, forecasts: dict[str, Array]) -> None:
    """Volatility and its forecast over the held-out days, and the errors of all forecasts."""
    figure = Figure(figsize=(11, 4), layout="constrained")
    series, bars = figure.subplots(1, 2, width_ratios=(3, 1))
    series.plot(dates, np.exp(truth), ".", markersize=2, color="0.6", label="the day's range")
    series.plot(dates, np.exp(forecasts["LSTM"]), linewidth=1, label="LSTM, the evening before")
    series.set(yscale="log", title="S&P 500, held out: volatility in percent a year")
    series.yaxis.set_major_formatter("{x:g}")
    series.yaxis.set_minor_formatter("")
    series.legend()
    errors = {name: rms(forecast - truth) for name, forecast in forecasts.items()}
    bars.barh(list(errors), list(errors.values()), color=["C0"] + ["0.7"] * (len(errors) - 1))
    bars.bar_label(bars.containers[0], fmt="%.3f", label_type="center")
    bars.invert_yaxis()
    bars.set(title="error of the logarithm")
    figure.savefig(path)


def main(epochs: int = 40, pictures: Path | None = None) -> dict[str, dict[str, float]]:
    """Train, and return the held-out errors by target and forecast: log volatility, and price in index points."""
    keras.utils.set_random_seed(0)
    days = days_of(sp500.load())
    held_out = days.dates >= FIRST_HELD_OUT_DAY
    training = days.dates < FIRST_VALIDATION_DAY
    validation = ~training & ~held_out

    model = build_model()
    model.summary()

    def targets(part: NDArray[np.bool_]) -> dict[str, Array]:
        return {"volatility": days.target[part, :1], "change": days.target[part, 1:]}

    history = model.fit(
        days.past[training],
        targets(training),
        batch_size=64,
        epochs=epochs,
        verbose=2,
        validation_data=(days.past[validation], targets(validation)),
        callbacks=[
            ReduceLROnPlateau("val_volatility_loss", mode="min", patience=4),
            EarlyStopping("val_volatility_loss", mode="min", patience=8, restore_best_weights=True),
        ],
    )
    outputs = np.concatenate(model.predict(days.past, verbose=0), axis=1) * days.deviation + days.mean
    truth = days.log_volatility[held_out, WINDOW]
    forecasts = {name: each[held_out] for name, each in volatility_forecasts(days, outputs[:, 0]).items()}
    before, close = days.close[held_out].T
    errors = {
        "log volatility": {name: rms(each - truth) for name, each in forecasts.items()},
        "price": {
            "LSTM": rms(before * np.exp(outputs[held_out, 1] / 100) - close),
            "as yesterday": rms(before - close),
        },
    }
    print(f"held-out errors over {len(close)} days from {days.dates[held_out][0]:%Y-%m-%d} (root mean square):")
    for target, by_forecast in errors.items():
        for name, error in by_forecast.items():
            print(f"  {target:15} {name:18} {error:7.3f}")

    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw(pictures / "stock_prices.png", days.dates[held_out], truth, forecasts)
        history.plot("volatility_loss", "change_loss").savefig(pictures / "stock_prices_training.png")
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=40, help="at most so many")
    parser.add_argument("--pictures", type=Path, default=Path("pictures"), help="the folder to write pictures to")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.pictures)
