"""Loading takes little more memory than the weights, and what a file replaces is not drawn."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.loading import write
from torch_keras_lstm import conversion
from torch_keras_lstm.layers import LSTM, Dense, Embedding, Layer
from torch_keras_lstm.models import Sequential

ROOT = Path(__file__).parents[2]
MEGABYTES = 96


def _peak(code: str, *arguments: str) -> int:
    """How many bytes more than before the code needs at most, in a process of its own."""
    script = f"""
import sys, torch
import torch_keras_lstm.models
from benchmarks.loading import CASES, memory
from torch_keras_lstm import conversion, layers
layers.Embedding(300, 200)  # which brings in whatever is imported late
before = memory("VmHWM")
{code}
print(memory("VmHWM") - before)
"""
    command = [sys.executable, "-c", script, *arguments]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("large")
    return folder, write(folder, MEGABYTES)


@pytest.mark.parametrize(("name", "bound"), [("model.h5", 1.3), ("model.keras", 1.3), ("folder", 0.3)])
def test_loading_needs_little_more_than_the_weights(files: tuple[Path, int], name: str, bound: float) -> None:
    folder, size = files
    assert _peak("model = conversion.load_model(sys.argv[1])", str(folder / name)) < bound * size


def test_drawing_needs_little_more_than_the_weight() -> None:
    size = 4 * 100_000 * 250
    assert _peak("layer = layers.Embedding(100_000, 250)") < 1.3 * size


class Scaled(Layer):
    """Draws numbers that are no weight, which therefore no file has."""

    def build(self, input_shape: object) -> None:
        from torch_keras_lstm import initializers

        self.kernel = self.add_weight(shape=(3,), name="kernel")
        self.offset = initializers.RandomNormal(seed=5)((3,))

    def call(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * self.kernel + self.offset


def test_what_no_file_replaces_is_drawn(tmp_path: Path) -> None:
    model = Sequential([Scaled()])
    x = torch.randn(2, 3)
    expected = model(x)
    model.save(tmp_path / "model.keras")
    loaded = conversion.load_model(tmp_path / "model.keras", custom_objects={"Scaled": Scaled})
    torch.testing.assert_close(loaded(x), expected)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "folder"])
def test_a_loaded_model_is_its_own(tmp_path: Path, name: str) -> None:
    """It can be trained, and is as it was when other weights take the place of its file."""
    torch.manual_seed(3)
    first, second = (Sequential([Embedding(7, 5), LSTM(3), Dense(2)]) for _ in range(2))
    x = torch.randint(7, (4, 6))
    expected, _ = first(x), second(x)
    path = tmp_path / name
    first.save(path)
    loaded = conversion.load_model(path)
    second.save(path)
    torch.testing.assert_close(loaded(x), expected, rtol=0, atol=0)
    loaded.compile("sgd", "mse")
    loaded.fit(x, torch.ones(4, 2), verbose=0)
    assert not torch.equal(loaded(x), expected)
    torch.testing.assert_close(conversion.load_model(path)(x), second(x), rtol=0, atol=0)
