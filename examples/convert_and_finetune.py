"""Convert a Keras model, check it against what Keras answered, and fine-tune its last layer in PyTorch.

The model in ``examples/models`` reads handwritten digits. Here they come upside down, as from a scanner fed the wrong
way: the LSTM layers stay as Keras trained them, and only the classifier on top learns to read the digits again.

    python examples/convert_and_finetune.py [--epochs 10]
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from torch_keras_lstm.models import load_model

MODELS = Path(__file__).parent / "models"
TRAINING_IMAGES = 1198  # the Keras model was trained on the same ones


class Figures(NamedTuple):
    """The largest difference from Keras' answers, the size of what is trained, and accuracies on held-out images."""

    difference_from_keras: float
    trained_parameters: int
    accuracy_before: float
    accuracy_after: float


def upside_down_digits() -> tuple[Tensor, Tensor]:
    """The images turned by 180 degrees, as sequences of columns (1797, 8, 8) in 0..1, and their digits (1797,)."""
    digits = load_digits()
    columns = digits.images.transpose(0, 2, 1)[:, ::-1, ::-1] / 16
    return torch.tensor(columns.copy(), dtype=torch.float32), torch.tensor(digits.target)


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that the model reads right."""
    model.eval()
    with torch.no_grad():
        return float((model(images).argmax(dim=1) == labels).float().mean())


def main(epochs: int = 10) -> Figures:
    """Convert, check, fine-tune; print and return the figures."""
    torch.manual_seed(0)
    model = load_model(MODELS / "digits_bilstm.h5")
    with np.load(MODELS / "digits_bilstm.record.npz") as record, torch.no_grad():
        difference = np.abs(model(record["x0"]).numpy() - record["y0"]).max().item()
    print(f"largest difference from Keras: {difference:.1e}")

    images, labels = upside_down_digits()
    held_out = images[TRAINING_IMAGES:], labels[TRAINING_IMAGES:]
    before = accuracy(model, *held_out)

    model.requires_grad_(False)
    model.layers[-1].requires_grad_(True)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=0.02)
    training = TensorDataset(images[:TRAINING_IMAGES], labels[:TRAINING_IMAGES])
    model.train()
    for _ in range(epochs):
        for batch, digits in DataLoader(training, batch_size=32, shuffle=True):
            probabilities = model(batch)  # the softmax is a part of the Keras model
            loss = nn.functional.nll_loss(probabilities.clamp_min(1e-7).log(), digits)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    after = accuracy(model, *held_out)
    print(f"held-out accuracy on upside-down digits: {before:.3f} before, {after:.3f} after fine-tuning")
    return Figures(difference, sum(parameter.numel() for parameter in trained), before, after)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=10)
    main(parser.parse_args().epochs)
