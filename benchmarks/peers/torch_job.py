"""What the peers on PyTorch share: calling a module forwards, with a backward pass, or as a stream."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.cases import Case
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


def in_keras_layouts(module: torch.nn.Module) -> list[Tensor]:
    """The gradients of the weights of ``torch.nn.LSTM``; its second bias repeats the first one's."""
    named = [(name, weight.grad) for name, weight in module.named_parameters() if "bias_hh" not in name]
    return [gradient.T if gradient.dim() == 2 else gradient for _, gradient in named if gradient is not None]
