"""What the peers on PyTorch share: calling a module forwards, with a backward pass, or as a stream."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.cases import Case, Configuration
from benchmarks.peers.job import Job


def torch_job(
    case: Case,
    call: Callable[[Tensor], Tensor],
    weights: Sequence[Tensor],
    gradients: Callable[[], Sequence[Tensor]],
) -> Job:
    """The job of a module.

    Args:
        case: what to run.
        call: the outputs (batch, time, units) for inputs (batch, time, features).
        weights: what gets gradients.
        gradients: those of the weights, in Keras' layouts and order, after a backward pass.
    """
    inputs = torch.from_numpy(case.inputs)
    if case.mode == "forward":
        return Job(torch.inference_mode()(lambda: call(inputs)), lambda: {"output": outputs(call, [inputs])})
    if case.mode == "stream":
        steps = [inputs[:, index : index + 1].contiguous() for index in range(inputs.shape[1])]
        return Job(torch.inference_mode()(lambda: call(steps[0])), lambda: {"output": outputs(call, steps)})
    inputs.requires_grad_()
    output_gradient = torch.from_numpy(case.output_gradient)

    def step() -> Tensor:
        output = call(inputs)
        output.backward(output_gradient)
        return output

    def forget_gradients() -> None:
        inputs.grad = None
        for weight in weights:
            weight.grad = None

    def run() -> None:
        step()
        forget_gradients()

    def results() -> Mapping[str, NDArray[Any]]:
        output = step().detach()
        assert inputs.grad is not None
        named = {"output": output, "inputs": inputs.grad}
        named |= {f"weight {index}": gradient for index, gradient in enumerate(gradients())}
        arrays = {name: tensor.numpy().copy() for name, tensor in named.items()}
        forget_gradients()
        return arrays

    return Job(run, results)


@torch.inference_mode()
def outputs(call: Callable[[Tensor], Tensor], inputs: Sequence[Tensor]) -> NDArray[Any]:
    """The outputs of calls one after the other, side by side in time."""
    array: NDArray[Any] = torch.cat([call(tensor) for tensor in inputs], dim=1).numpy()
    return array


def reordered(rows: Tensor, configuration: Configuration) -> Tensor:
    """(gates * units, ...) of a GRU in Keras' order of gates, update before reset, in torch's; or back."""
    if configuration.cell != "GRU":
        return rows
    first, second, last = rows.chunk(3)
    return torch.cat((second, first, last))


def in_keras_layouts(module: torch.nn.Module, case: Case) -> list[Tensor]:
    """The gradients of the weights of ``torch.nn.LSTM``; its second bias repeats the first one's, but a GRU's."""
    configuration, found = case.configuration, list[Tensor]()
    for name, weight in module.named_parameters():
        if weight.grad is None:
            continue
        gradient = reordered(weight.grad, configuration)
        if "bias_hh" not in name:
            found.append(gradient.T if gradient.dim() == 2 else gradient)
        elif configuration.bias_rows > 1:
            found[-1] = torch.stack((found[-1], gradient))
    return found
