"""What PyTorch's tools do with these layers, beside ``torch.nn.LSTM`` in the same place.

``python -m benchmarks.pytorch_tools`` runs each tool that is installed on both and prints a line for each: whether it
went through, and how far the numbers lie from those without the tool. docs/pytorch_tools.md says what to install.
"""

import copy
import importlib
import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers import LSTM, Bidirectional, Dropout

ROWS, STEPS, FEATURES, UNITS = 8, 5, 4, 6


class Last(nn.Module):
    """The last output of torch's module."""

    def forward(self, outputs: tuple[Tensor, Any]) -> Tensor:
        """Of what ``torch.nn.LSTM`` returns."""
        return outputs[0][:, -1]


def ours() -> nn.Module:
    """A bidirectional layer, another one, a regression."""
    stack = (Bidirectional(LSTM(UNITS, return_sequences=True), input_shape=(STEPS, FEATURES)), Dropout(0.0))
    return nn.Sequential(*stack, LSTM(UNITS, input_size=2 * UNITS), nn.Linear(UNITS, 2))


def theirs() -> nn.Module:
    """The nearest to it of torch's modules."""
    return nn.Sequential(nn.LSTM(FEATURES, UNITS, batch_first=True), Last(), nn.Linear(UNITS, 2))


def draw() -> tuple[Tensor, Tensor]:
    """Inputs and targets."""
    return torch.randn(ROWS, STEPS, FEATURES), torch.randn(ROWS, 2)


def loader() -> Any:
    """Batches of both."""
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(*draw()), 4)


def lightning(model: nn.Module) -> str:
    """Trained by Lightning's Trainer in bf16-mixed, saved and loaded."""
    library: Any = importlib.import_module("pytorch_lightning")

    class Module(library.LightningModule):  # type: ignore[misc]  # which mypy need not have installed
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def training_step(self, batch: Any, _: int) -> Tensor:
            return nn.functional.mse_loss(self.inner(batch[0]), batch[1])

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = library.Trainer(
            max_epochs=1, precision="bf16-mixed", accelerator="cpu", default_root_dir=folder, **options
        )
        trainer.fit(Module(), loader())
        trainer.save_checkpoint(Path(folder) / "model.ckpt")
        Module.load_from_checkpoint(Path(folder) / "model.ckpt")
    return ""


def accelerate(model: nn.Module) -> str:
    """Made without memory, loaded from safetensors by name, dispatched; then trained in bf16."""
    from safetensors.torch import save_file

    library: Any = importlib.import_module("accelerate")

    make = ours if isinstance(model[0], Bidirectional) else theirs  # type: ignore[index]
    with tempfile.TemporaryDirectory() as folder:
        save_file(model.state_dict(), f"{folder}/model.safetensors")
        with library.init_empty_weights():
            empty = make()
        loaded = library.load_checkpoint_and_dispatch(empty, f"{folder}/model.safetensors", device_map={"": "cpu"})
        inputs, _ = draw()
        distance = float((loaded(inputs) - model(inputs)).abs().max())
    accelerator = library.Accelerator(cpu=True, mixed_precision="bf16")
    trained, optimizer, batches = accelerator.prepare(model, torch.optim.Adam(model.parameters()), loader())
    for inputs, targets in batches:
        accelerator.backward(nn.functional.mse_loss(trained(inputs).float(), targets))
        optimizer.step()
        optimizer.zero_grad()
    return f"{distance:.0e}"


def skorch(model: nn.Module) -> str:
    """Cross-validated by scikit-learn."""
    library: Any = importlib.import_module("skorch")
    selection: Any = importlib.import_module("sklearn.model_selection")

    inputs, targets = (tensor.repeat(4, *(1,) * (tensor.dim() - 1)).numpy() for tensor in draw())
    selection.cross_val_score(
        library.NeuralNetRegressor(model, max_epochs=2, verbose=0), inputs, targets, cv=2, scoring="r2"
    )
    return ""


def opacus(model: nn.Module) -> str:
    """The gradient of each sample, against those of one sample after the other; then private training."""
    library: Any = importlib.import_module("opacus")

    plain, (inputs, targets) = copy.deepcopy(model), draw()
    each = library.GradSampleModule(copy.deepcopy(model), loss_reduction="sum")
    nn.functional.mse_loss(each(inputs), targets, reduction="sum").backward()
    distance = 0.0
    for row in range(ROWS):
        plain.zero_grad()
        nn.functional.mse_loss(plain(inputs[row : row + 1]), targets[row : row + 1], reduction="sum").backward()
        for mine, other in zip(each.parameters(), plain.parameters(), strict=True):
            distance = max(distance, float((mine.grad_sample[row] - other.grad).abs().max()))
    private, optimizer, batches = library.PrivacyEngine().make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), 0.1),
        data_loader=loader(),
        noise_multiplier=1.0,
        max_grad_norm=1.0,
    )
    for rows, wanted in batches:
        optimizer.zero_grad()
        nn.functional.mse_loss(private(rows), wanted).backward()
        optimizer.step()
    return f"{distance:.0e}"


def captum(model: nn.Module) -> str:
    """Integrated gradients, which sum to the difference of the outputs; occlusion; a layer's share."""
    library: Any = importlib.import_module("captum.attr")

    inputs, _ = draw()
    _, delta = library.IntegratedGradients(model).attribute(
        inputs, target=1, return_convergence_delta=True, n_steps=200
    )
    library.Occlusion(model).attribute(inputs, (1, FEATURES), target=0)
    library.LayerConductance(model, model[-1]).attribute(inputs, target=0)  # type: ignore[index]
    return f"{float(delta.abs().max()):.0e}"


def shap(model: nn.Module) -> str:
    """Shapley values by gradients."""
    library: Any = importlib.import_module("shap")

    inputs, _ = draw()
    assert np.isfinite(library.GradientExplainer(model.eval(), inputs).shap_values(inputs[:2], nsamples=20)).all()
    return ""


def torchinfo(model: nn.Module) -> str:
    """Its table of layers and parameters."""
    library: Any = importlib.import_module("torchinfo")
    told = library.summary(model, input_size=(ROWS, STEPS, FEATURES), verbose=0)
    count = sum(one.numel() for one in model.parameters())
    assert told.total_params == count, (told.total_params, count)
    return ""


TOOLS: dict[str, tuple[str, Callable[[nn.Module], str]]] = {
    "Lightning": ("pytorch_lightning", lightning),
    "accelerate": ("accelerate", accelerate),
    "skorch": ("skorch", skorch),
    "Opacus": ("opacus", opacus),
    "captum": ("captum", captum),
    "shap": ("shap", shap),
    "torchinfo": ("torchinfo", torchinfo),
}


def result(tool: Callable[[nn.Module], str], model: nn.Module) -> str:
    """One field of the table."""
    try:
        return f"works {tool(model)}".strip()
    except Exception as error:  # whatever a tool says is what the table is about
        return f"{type(error).__name__}: {str(error).splitlines()[0]:.70}"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print("| tool | here | `torch.nn.LSTM` |\n| --- | --- | --- |")
    for name, (library, tool) in TOOLS.items():
        if importlib.util.find_spec(library) is None:
            print(f"| {name} | not installed | |")
            continue
        cells = []
        for make in (ours, theirs):
            torch.manual_seed(0)
            cells.append(result(tool, make()))
        print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    main()
