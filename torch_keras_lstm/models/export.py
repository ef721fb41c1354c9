"""``model.export``: the forward pass as a file that runs without this package."""

import copy
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.structure import map_leaves

# A size, of which there is no other in the model, that stands for a free one; torch takes 0 and 1 for fixed.
_SIZE = 3


def export(model: Any, filepath: str | Path, format: str = "onnx", verbose: bool = False) -> None:
    """Write what a model computes in inference, for inputs of any size where theirs is free.

    Args:
        model: a ``Sequential`` or functional model whose input shape is known.
        filepath: of the file.
        format: "onnx", for onnxruntime and others (needs ``pip install "torch-keras-lstm[onnx]"``), or "torch" for
            ``torch.export.load``.
        verbose: whether the exporter tells what it does.

    Raises:
        ValueError: for another format; when the shape of the input is not known.
        RuntimeError: when torch cannot write the model.
    """
    check_choice("format", format, ("onnx", "torch"))
    if not hasattr(model, "input"):
        raise ValueError(
            f"The input shape of model `{model.name}` is not known: call it, or `build(input_shape)`, first."
        )
    inputs = map_leaves(KerasTensor, lambda tensor: _example(tensor, model.device), model.input)
    free = map_leaves(KerasTensor, _free_sizes, model.input)
    still = copy.deepcopy(model).eval()
    if format == "torch":
        torch.export.save(torch.export.export(still, (inputs,), dynamic_shapes=(free,), strict=False), filepath)
    else:
        torch.onnx.export(still, (inputs,), filepath, dynamo=True, dynamic_shapes=(free,), verbose=verbose)


def _example(tensor: KerasTensor, device: torch.device) -> torch.Tensor:
    return torch.ones([_SIZE if size is None else size for size in tensor.shape], dtype=tensor.dtype, device=device)


def _free_sizes(tensor: KerasTensor) -> dict[int, Any]:
    return {axis: Dim.DYNAMIC for axis, size in enumerate(tensor.shape) if size is None}
