"""An ordinary PyTorch training loop around the Keras LSTM: forecast next year's sunspots from the last 22 years.

The yearly sunspot numbers since 1700 come with statsmodels. The model learns on the years before 1921 and forecasts
each year from 1921 to 2008; it has to beat saying "as last year" and "as eleven years ago", a solar cycle before.

    python examples/train_in_pytorch.py [--epochs 60]
"""

import argparse

import torch
from statsmodels.datasets import sunspots
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from torch_keras_lstm.layers import LSTM
from torch_keras_lstm.regularizers import L2

WINDOW = 22  # years: two solar cycles
FIRST_HELD_OUT_YEAR = 1921
SCALE = 100.0  # sunspots


def windows() -> tuple[TensorDataset, TensorDataset]:
    """Pairs of 22 years (22, 1) and the year after them (1,), in hundreds of sunspots: to learn from, and held out."""
    table = sunspots.load_pandas().data
    series = torch.tensor(table["SUNACTIVITY"].to_numpy(), dtype=torch.float32) / SCALE
    runs = series.unfold(0, WINDOW + 1, 1)
    held_out = torch.tensor(table["YEAR"].to_numpy())[WINDOW:] >= FIRST_HELD_OUT_YEAR
    past, following = runs[:, :WINDOW, None], runs[:, WINDOW:]
    return TensorDataset(past[~held_out], following[~held_out]), TensorDataset(past[held_out], following[held_out])


def rms_error(forecast: Tensor, truth: Tensor) -> float:
    """The root mean square error, in sunspots."""
    return SCALE * nn.functional.mse_loss(forecast, truth).sqrt().item()


def main(epochs: int = 60) -> dict[str, float]:
    """Train, and return the held-out error of the LSTM and of both naive forecasts, in sunspots."""
    torch.manual_seed(0)
    training, held_out = windows()
    lstm = LSTM(32, input_size=1, kernel_regularizer=L2(1e-4))
    model = nn.Sequential(lstm, nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for epoch in range(1, epochs + 1):
        for past, following in DataLoader(training, batch_size=16, shuffle=True):
            loss = nn.functional.mse_loss(model(past), following) + sum(lstm.losses)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if epoch % 10 == 0:
            print(f"epoch {epoch}: last batch's loss {loss.item():.4f}")

    past, truth = held_out.tensors
    model.eval()
    with torch.no_grad():
        errors = {
            "LSTM": rms_error(model(past), truth),
            "as last year": rms_error(past[:, -1], truth),
            "as eleven years ago": rms_error(past[:, -11], truth),
        }
    print(f"held-out error over {len(held_out)} years from {FIRST_HELD_OUT_YEAR}, in sunspots:")
    for forecast, error in errors.items():
        print(f"  {forecast:20} {error:5.1f}")
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=60)
    main(parser.parse_args().epochs)
