"""Our side of a comparison: a case run by this package, outputs and gradients under the reference's names."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from tests.parity.lstm_cases import Case, factors, name_outputs
from torch_keras_lstm.layers import LSTM, Layer
from torch_keras_lstm.layers.lstm_base import LSTMBase


def our_lstm(case: Case, use_cudnn: Any, dtype: str = "float64") -> dict[str, np.ndarray]:
    """Outputs, final states and gradients of the case in our layer."""
    arrays = case.arrays()
    layer = LSTM(**{**case.config, "dtype": dtype, "use_cudnn": use_cudnn}, input_size=case.sizes[2])
    layer.set_weights(case.weights(arrays))
    hand_dropout(layer, case, arrays)
    return run(layer, case, arrays, [f"{name}_0" for name in ("hidden", "cell")])


def run(layer: Layer, case: Case, arrays: Mapping[str, np.ndarray], state_names: list[str]) -> dict[str, np.ndarray]:
    """Call a recurrent layer with the case's inputs; a stateful one after a first call that leaves it a state."""
    inputs = torch.tensor(arrays["inputs"], dtype=layer.dtype.torch, requires_grad=True)
    states = {name: torch.tensor(arrays[name], dtype=layer.dtype.torch, requires_grad=True) for name in state_names}
    if case.config["stateful"]:
        layer(arrays["more_inputs"], mask=arrays.get("more_mask"), training=case.training)
    outputs = layer(
        inputs,
        mask=arrays.get("mask"),
        initial_state=list(states.values()) if case.with_initial_state else None,
        training=case.training,
    )
    named = name_outputs(outputs)
    sum((value * torch.tensor(factors(case, name, value.shape))).sum() for name, value in named.items()).backward()
    gradients = {"d inputs": inputs.grad, **weight_gradients(layer)}
    if case.with_initial_state:
        gradients |= {f"d {name}": _zeros_for_none(state) for name, state in states.items()}
    return {name: value.detach().numpy() for name, value in {**named, **gradients}.items()}


def weight_gradients(layer: Layer) -> dict[str, torch.Tensor]:
    """The gradients of all weights in Keras' layouts, numbered in the order of ``get_weights``."""
    rows = [(inner, row) for inner in layer.weighted_layers() for row in inner._rows]
    parameters = [(row, getattr(inner, row.parameter)) for inner, row in rows]
    return {
        f"d {index} {row.name}": row.to_keras(_zeros_for_none(parameter))
        for index, (row, parameter) in enumerate(parameters)
    }


def hand_dropout(layer: LSTMBase, case: Case, arrays: Mapping[str, np.ndarray], half: int = 0) -> None:
    """Let the layer's next calls take the case's dropout masks instead of drawing their own."""

    def given(inputs: torch.Tensor, training: bool) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        for_inputs, for_hidden = layer.dropout_counts(training)
        masks = [
            torch.tensor(arrays[f"{name}_dropout_{half}"][:count], dtype=inputs.dtype) if count else None
            for name, count in (("input", for_inputs), ("recurrent", for_hidden))
        ]
        return masks[0], masks[1]

    layer.draw_dropout = given  # type: ignore[method-assign]


def _zeros_for_none(tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
