"""Forecast two years of the carbon dioxide on Mauna Loa, month by month, from the three years before.

The weekly measurements from 1958 to 2001 come with statsmodels. The LSTM gives all 24 months at once. It learns on
forecasts that end before 1985, stops by those of 1985 to 1989, and is measured on those of 1990 to 2001, which lie
above all that it has seen: so it reads and gives differences from the last year's mean. The naive forecasts are "as in
the same month of the last year", and the same plus the growth of the last year for each year that has gone by.

    python examples/forecast_co2.py [--epochs 300] [--pictures pictures]
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray
from statsmodels.datasets import co2

import torch_keras_lstm as keras
from torch_keras_lstm.callbacks import EarlyStopping, ReduceLROnPlateau
from torch_keras_lstm.layers import LSTM, Dense

PAST, AHEAD = 36, 24  # months
FIRST_VALIDATION_YEAR, FIRST_HELD_OUT_YEAR = 1985, 1990

Array = NDArray[np.float64]


def monthly() -> pd.Series:
    """Parts per million, a mean for each month; the five months without measurements, all before 1965, on a line."""
    return co2.load_pandas().data["co2"].resample("MS").mean().interpolate()


class Windows(NamedTuple):
    """Every forecast that can be made, by its first month."""

    starts: pd.DatetimeIndex
    past: Array  # (forecasts, PAST), parts per million
    future: Array  # (forecasts, AHEAD)

    def between(self, first: int, end: int) -> "Windows":
        """The forecasts that lie wholly in the years from ``first`` to before ``end``."""
        last_months = self.starts + pd.DateOffset(months=AHEAD - 1)
        inside = (self.starts.year >= first) & (last_months.year < end)
        return Windows(self.starts[inside], self.past[inside], self.future[inside])

    def level(self) -> Array:
        """The mean of the last year, (forecasts, 1)."""
        level: Array = self.past[:, -12:].mean(axis=1, keepdims=True)
        return level


def windows_of(series: pd.Series) -> Windows:
    """Cut a monthly series into all its windows."""
    windows = np.lib.stride_tricks.sliding_window_view(series.to_numpy(), PAST + AHEAD)
    return Windows(series.index[PAST : PAST + len(windows)], windows[:, :PAST], windows[:, PAST:])


def naive_forecasts(windows: Windows) -> dict[str, Array]:
    """What one would say without a model, (forecasts, AHEAD)."""
    last_year = np.tile(windows.past[:, -12:], AHEAD // 12)
    growth = windows.level() - windows.past[:, -24:-12].mean(axis=1, keepdims=True)
    years_gone_by = np.arange(AHEAD) // 12 + 1
    return {"as last year": last_year, "as last year, and its growth": last_year + growth * years_gone_by}


def build_model() -> keras.Sequential:
    """(batch, PAST, 1) -> (batch, AHEAD)."""
    model = keras.Sequential([keras.Input((PAST, 1)), LSTM(48), Dense(AHEAD)])
    model.compile(optimizer="adam", loss="mean_squared_error", metrics=["mean_absolute_error"])
    return model


def draw(path: Path, series: pd.Series, windows: Windows, forecasts: dict[str, Array]) -> None:
    """Every other year's forecast against what came, and the errors by how far they look ahead."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    curves, errors = figure.subplots(1, 2, width_ratios=(2, 1))
    curves.plot(series[str(FIRST_HELD_OUT_YEAR) :], color="0.6", linewidth=3, label="measured")
    for start in range(0, len(windows.starts), AHEAD):
        months = pd.date_range(windows.starts[start], periods=AHEAD, freq="MS")
        for colour, (name, forecast) in zip(("C0", "C1", "C2"), forecasts.items(), strict=True):
            label = name if start == 0 else None
            curves.plot(months, forecast[start], color=colour, linewidth=1, label=label)
    curves.set(title="held out: two years forecast at each dashed line", ylabel="CO₂, parts per million")
    for start in windows.starts[::AHEAD]:
        curves.axvline(start, color="0.8", linestyle="--", linewidth=1, zorder=0)
    curves.legend()
    for name, forecast in forecasts.items():
        errors.plot(range(1, AHEAD + 1), np.sqrt(np.mean((forecast - windows.future) ** 2, axis=0)), label=name)
    errors.set(title="error", xlabel="months ahead", ylabel="parts per million", ylim=(0, None))
    figure.savefig(path)


def main(epochs: int = 300, pictures: Path | None = None) -> dict[str, float]:
    """Train, and return the held-out error of each forecast: root mean square, in parts per million."""
    keras.utils.set_random_seed(0)
    series = monthly()
    windows = windows_of(series)
    training = windows.between(0, FIRST_VALIDATION_YEAR)
    validation = windows.between(FIRST_VALIDATION_YEAR, FIRST_HELD_OUT_YEAR)
    held_out = windows.between(FIRST_HELD_OUT_YEAR, 9999)
    scale = float((training.future - training.level()).std())

    def pairs(part: Windows) -> tuple[Array, Array]:
        """Inputs (forecasts, PAST, 1) and targets (forecasts, AHEAD)."""
        return (part.past[..., None] - part.level()[..., None]) / scale, (part.future - part.level()) / scale

    model = build_model()
    model.summary()
    history = model.fit(
        *pairs(training),
        batch_size=16,
        epochs=epochs,
        verbose=2,
        validation_data=pairs(validation),
        callbacks=[ReduceLROnPlateau(factor=0.5, patience=25), EarlyStopping(patience=40, restore_best_weights=True)],
    )
    forecasts = {
        "LSTM": model.predict(pairs(held_out)[0], verbose=0) * scale + held_out.level(),
        **naive_forecasts(held_out),
    }
    errors = {name: float(np.sqrt(np.mean((forecast - held_out.future) ** 2))) for name, forecast in forecasts.items()}
    print(f"held-out error of {len(held_out.starts)} forecasts over {AHEAD} months, in parts per million:")
    for name, error in errors.items():
        print(f"  {name:28} {error:5.2f}")

    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
        draw(pictures / "forecast_co2.png", series, held_out, forecasts)
        history.plot("loss", "mean_absolute_error").savefig(pictures / "forecast_co2_training.png")
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=300, help="at most so many")
    parser.add_argument("--pictures", type=Path, default=Path("pictures"), help="the folder to write pictures to")
    arguments = parser.parse_args()
    main(arguments.epochs, arguments.pictures)
