"""The loop that a PyTorch user writes, with what ``fit`` reports: the epoch's loss and accuracy."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from benchmarks.fits.turns import Turns
from benchmarks.tasks import Task

set_threads = torch.set_num_threads


class Network(nn.Module):
    """The task's model. The second bias of each LSTM is zero and frozen, as Keras has one bias."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        sizes = [task.features, *task.units]
        self.lstms = nn.ModuleList(nn.LSTM(rows, units, batch_first=True) for rows, units in pairwise(sizes))
        self.dense = nn.Linear(sizes[-1], 1)
        arrays = list(task.weights)
        with torch.no_grad():
            for name, weight in self.named_parameters():
                second = "bias_hh" in name
                weight.copy_(torch.zeros_like(weight) if second else torch.from_numpy(arrays.pop(0).T))
                weight.requires_grad_(not second)

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities (batch, 1)."""
        for lstm in self.lstms:
            x, _ = lstm(x)
        return torch.sigmoid(self.dense(x[:, -1]))


def fit(task: Task, turns: Turns, fused: bool = False) -> None:
    """Train it, by slices of the data."""
    network = Network(task)
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(weights, lr=1e-3, eps=1e-7, fused=fused)  # Keras' default rate and epsilon
    criterion = nn.BCELoss()
    x, y = torch.from_numpy(task.x), torch.from_numpy(task.y).float()
    for _ in range(task.epochs):
        turns.begin()
        total, correct = torch.zeros(()), torch.zeros(())
        for start in range(0, task.samples, task.batch):
            inputs, targets = x[start : start + task.batch], y[start : start + task.batch]
            optimizer.zero_grad()
            outputs = network(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(inputs)
            correct += ((outputs > 0.5) == targets).sum()
        (correct / task.samples).item()
        turns.end(total.item() / task.samples)
