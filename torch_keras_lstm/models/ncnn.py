"""Files of ncnn, which pnnx translates from a trace.

The steps of a recurrent layer are written out: of torch's LSTM pnnx translates the module alone, not the operator, and
a loop it takes for a constant, without a word. So what it has written is run, and compared, before anybody gets it.
"""

import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.models.export import Call, FreeSizeError, refuse_free_sizes, trace_of_fixed_sizes
from torch_keras_lstm.recurrence.lowering import Lowering

_TYPES = {torch.float32: "f32", torch.int64: "i64", torch.int32: "i32"}
# Of the largest value. ncnn approximates tanh and exponentials; what is wrong is off by more.
_ERROR = 1e-3


def convert(model: nn.Module, example: Any, path: Path) -> None:
    """Write ``path`` and, beside it, the weights under the same name and ``.bin``.

    Args:
        model: as of :func:`torch_keras_lstm.export`.
        example: as there, of one row.
        path: of the file, named with ``.param``.

    Raises:
        ValueError: unless it is one row, or when the number of steps is not known.
        RuntimeError: when a layer cannot be traced, or ncnn does not compute what the model does.
    """
    call = Call.of(model, example)
    refuse_free_sizes(call, example, "ncnn")
    flat = call.flat()
    if any(tensor.shape[:1] != (1,) for tensor in flat.arguments):
        shapes = [tuple(tensor.shape) for tensor in flat.arguments]
        raise FreeSizeError(f"'ncnn' has no axis for rows: give an `example` of one row, got {shapes}.")
    if unknown := [tensor.dtype for tensor in flat.arguments if tensor.dtype not in _TYPES]:
        raise FreeSizeError(f"'ncnn' takes inputs of float32 and integers, got {unknown[0]}.")
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        torch.jit.save(trace_of_fixed_sizes(call, Lowering(loops=False)), Path(name) / "model.pt")
        _translate(Path(name) / "model.pt", flat.arguments)
        written = Path(name) / "model.ncnn.param"
        _compare(flat, written)
        written.replace(path)
        written.with_suffix(".bin").replace(path.with_suffix(".bin"))


def _translate(trace: Path, inputs: Sequence[Tensor]) -> None:
    import pnnx

    shapes = [f"[{','.join(map(str, tensor.shape))}]{_TYPES[tensor.dtype]}" for tensor in inputs]
    command = [pnnx.EXEC_PATH, str(trace), f"inputshape={','.join(shapes)}", "fp16=0"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=trace.parent, check=False)
    if done.returncode or not trace.with_name("model.ncnn.param").exists():
        raise RuntimeError(f"pnnx ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-200:]}")


def _compare(call: Call, path: Path) -> None:
    """Raise a ``RuntimeError`` unless ncnn computes what the call does, for other inputs than its own too."""
    for inputs in (call.arguments, [tensor.flip(-1) for tensor in call.arguments]):
        with torch.no_grad():
            expected = call.model(*inputs)
        for got, one in zip(_run(path, inputs, len(expected)), expected, strict=True):
            error = (got.reshape(-1) - one.reshape(-1)).abs().max() / one.abs().max().clamp(min=1e-6)
            if not error <= _ERROR:
                raise RuntimeError(f"what ncnn computes is {error:.0e} of the largest value off")


def _run(path: Path, inputs: Sequence[Tensor], outputs: int) -> list[Tensor]:
    import ncnn

    with ncnn.Net() as net:
        net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
        if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
            kinds = sorted({line.split()[0] for line in path.read_text().splitlines()[2:]})
            left = [kind for kind in kinds if "." in kind or "::" in kind]  # under torch's names
            raise RuntimeError(f"ncnn has no layer for what pnnx wrote: {', '.join(left or kinds)}")
        with net.create_extractor() as run:
            for index, tensor in enumerate(inputs):
                array = tensor[0].numpy()
                array = array.astype(np.int32) if array.dtype == np.int64 else array
                run.input(f"in{index}", ncnn.Mat(np.ascontiguousarray(array)).clone())
            found = [run.extract(f"out{index}") for index in range(outputs)]
            if any(status for status, _ in found):
                raise RuntimeError("ncnn cannot run what pnnx wrote")
            return [torch.from_numpy(np.array(mat)) for _, mat in found]
