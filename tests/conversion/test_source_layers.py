"""Every layer as parity tests draw it, written as plain PyTorch or refused by its name, under a mask as well."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.parity.random_layers import DRAWS, Drawn
from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.conversion.python_source import source_of
from torch_keras_lstm.layers import Input, Masking
from torch_keras_lstm.models import Functional

# What is refused, some of it for some arguments alone. What load_model has and is not here must be written.
REFUSED = {
    *("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract", "Concatenate"),  # masks that meet
    *("BatchNormalization", "LayerNormalization", "UnitNormalization", "GlobalAveragePooling1D"),
    *("CategoryEncoding", "CenterCrop", "STFTSpectrogram", "ReversibleEmbedding", "Bidirectional"),
    *("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "MultiHeadAttention", "TimeDistributed", "RNN"),
}


def _model(drawn: Drawn, masked: bool) -> Functional:
    layer = drawn.spec.make(layers)
    inputs = [Input(shape[1:], dtype="int32" if drawn.integers else "float64") for shape in drawn.shapes]
    given = [Masking(dtype="float64")(one) if masked else one for one in inputs]
    outputs = layer(*given) if drawn.apart else layer(given if len(given) > 1 else given[0])
    return Functional(inputs, list(outputs) if isinstance(outputs, list | tuple) else outputs)


@pytest.mark.filterwarnings("ignore:Layer .* was passed an input with a mask:UserWarning")
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", DRAWS)
def test_as_drawn(name: str, masked: bool, tmp_path: Path) -> None:
    random = np.random.default_rng(sum(map(ord, name)))
    torch.manual_seed(3)
    drawn = DRAWS[name](name, random)
    # A convolutional LSTM takes no mask of each place of its inputs.
    takes_masks = drawn.maskable and drawn.integers is None and "ConvLSTM" not in name
    model = _model(drawn, masked and takes_masks and all(len(shape) > 2 for shape in drawn.shapes))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    model.eval()
    refusal = ""
    try:
        text, state = source_of(model, "A model")
    except ValueError as error:
        refusal = str(error)
    if refusal:
        assert name in REFUSED, refusal
        assert "cannot be written as plain PyTorch" in refusal
        return
    scope: dict[str, Any] = {"__name__": "model", "__file__": str(tmp_path / "model.py")}
    exec(compile(text, "model.py", "exec"), scope)
    torch.save(state, tmp_path / "model.pt")
    written = scope["load"]()
    x = [
        torch.randint(drawn.integers, shape) if drawn.integers else torch.randn(shape, dtype=torch.float64)
        for shape in drawn.shapes
    ]
    for one in x:
        one[0, -2:], one[-1, 1:] = 0, 0
    found = []
    for run in (written, model):
        given = [one.clone().requires_grad_(one.is_floating_point()) for one in x]
        outputs = run(*given) if run is written else model(given)
        outputs = [*outputs] if isinstance(outputs, list | tuple) else [outputs]
        total = torch.stack([output.double().square().sum() for output in outputs]).sum()
        if total.requires_grad:
            total.backward()
        gradients = [one.grad for one in given if one.grad is not None]
        squares = [weight.grad.square().sum() for weight in run.parameters() if weight.grad is not None]
        found.append([*outputs, *gradients, torch.stack([torch.zeros((), dtype=torch.float64), *squares]).sum()])
    for one, other in zip(*found, strict=True):
        assert_close(one.detach(), other.detach(), "float32 model")
