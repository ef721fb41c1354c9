"""What each case must give: the recurrence as the paper writes it, step by step in float64, gradients by autograd."""

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.cases import Case

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "hard_sigmoid": lambda x: torch.clamp(x / 6 + 0.5, 0.0, 1.0),  # torch's own has float32's sixth
}


def run_layer(inputs: Tensor, weights: list[Tensor], mask: Tensor | None, case: Case) -> Tensor:
    """The outputs of all steps; a masked step leaves the states alone and repeats the output before it."""
    kernel, recurrent_kernel, *bias = weights
    activation = ACTIVATIONS[case.configuration.activation]
    recurrent_activation = ACTIVATIONS[case.configuration.recurrent_activation]
    hidden = cell = output = inputs.new_zeros(len(inputs), len(recurrent_kernel))
    outputs = []
    for step in range(inputs.shape[1]):
        x = inputs[:, step] @ kernel
        new_cell = cell
        if case.configuration.cell == "LSTM":
            i, f, g, o = (x + hidden @ recurrent_kernel + sum(bias)).chunk(4, dim=1)
            new_cell = recurrent_activation(f) * cell + recurrent_activation(i) * activation(g)
            new_hidden = recurrent_activation(o) * activation(new_cell)
        elif case.configuration.cell == "SimpleRNN":
            new_hidden = activation(x + hidden @ recurrent_kernel + sum(bias))
        else:
            of_inputs, of_state = bias[0] if case.configuration.reset_after else (*bias, torch.zeros_like(bias[0]))
            x_z, x_r, x_n = (x + of_inputs).chunk(3, dim=1)
            h_z, h_r, h_n = (hidden @ recurrent_kernel + of_state).chunk(3, dim=1)
            z, r = recurrent_activation(x_z + h_z), recurrent_activation(x_r + h_r)
            if not case.configuration.reset_after:
                h_n = (r * hidden) @ recurrent_kernel.chunk(3, dim=1)[2]
            n = activation(x_n + (r * h_n if case.configuration.reset_after else h_n))
            new_hidden = z * hidden + (1 - z) * n
        if mask is None:
            hidden, cell, output = new_hidden, new_cell, new_hidden
        else:
            counts = mask[:, step, None]
            hidden, cell = torch.where(counts, new_hidden, hidden), torch.where(counts, new_cell, cell)
            output = torch.where(counts, new_hidden, output)
        outputs.append(output)
    return torch.stack(outputs, dim=1)


@lru_cache(maxsize=8)
def reference(case: Case) -> dict[str, NDArray[np.float64]]:
    """``output``, and in training the gradients: ``inputs``, then ``weight 0``, ``weight 1``, ... in Keras' order."""
    training = case.mode == "training"
    inputs = torch.from_numpy(case.inputs).double().requires_grad_(training)
    weights = [[torch.from_numpy(a).double().requires_grad_(training) for a in arrays] for arrays in case.weights]
    mask = None if case.mask is None else torch.from_numpy(case.mask)
    if case.configuration.bidirectional:
        backward = run_layer(inputs.flip(1), weights[1], None, case).flip(1)
        output = torch.cat((run_layer(inputs, weights[0], None, case), backward), dim=2)
    else:
        output = inputs.flip(1) if case.configuration.go_backwards else inputs
        for arrays in weights:
            output = run_layer(output, arrays, mask, case)
    results = {"output": output.detach().numpy()}
    if training:
        flat = [weight for arrays in weights for weight in arrays]
        gradients = torch.autograd.grad(output, [inputs, *flat], torch.from_numpy(case.output_gradient).double())
        names = ["inputs", *(f"weight {index}" for index in range(len(flat)))]
        results |= {name: gradient.numpy() for name, gradient in zip(names, gradients, strict=True)}
    return results
