"""``model.export``: the files of other runtimes, each written by the library that defines it."""

import importlib
import shutil
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers.states_as_arguments import StatesAsArguments
from torch_keras_lstm.models.export import Call, FreeSizeError, RefusalError, export, refusal, refuse_free_sizes
from torch_keras_lstm.models.int8 import in_eight_bits
from torch_keras_lstm.recurrence.lowering import Lowering, lowered
from torch_keras_lstm.structure import flatten, leaves, map_leaves


class _Flat(nn.Module):
    """``module`` called with the tensors in ``arguments`` one after the other, for who knows no lists."""

    def __init__(self, module: nn.Module, arguments: Any) -> None:
        super().__init__()
        self.module, self.arguments = module, arguments

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        rest = iter(tensors)
        return tuple(flatten(self.module(*map_leaves(Tensor, lambda _: next(rest), self.arguments))))


class _Order(NamedTuple):
    """What is to be written.

    Attributes:
        model: to be exported.
        example: of what it is called with, or ``None``.
        path: of the file, in a folder of its own.
        masks: "lengths" or "graph", see :func:`write`.
        verbose: whether the exporter tells what it does.
    """

    model: Any
    example: Any
    path: Path
    masks: str
    verbose: bool


class _Format(NamedTuple):
    """A kind of file.

    Attributes:
        write: writes it.
        library: what it takes beside torch, by the name that is imported; "" for nothing.
        extra: of this package, which installs that.
        suffix: that the file's name must have, or "" for any.
    """

    write: Callable[[_Order], None]
    library: str = ""
    extra: str = "deploy"
    suffix: str = ""


def write(
    model: Any,
    filepath: str | Path,
    format: str = "onnx",
    verbose: bool = False,
    *,
    example: Any = None,
    masks: str = "lengths",
) -> None:
    """Write what a model computes in inference; nothing is written where that fails.

    Args:
        model: as of :func:`torch_keras_lstm.export`.
        filepath: of the file.
        format: see :meth:`torch_keras_lstm.models.Model.export`.
        verbose: whether the exporter tells what it does.
        example: as of :func:`torch_keras_lstm.export`.
        masks: what becomes of a mask in ONNX: "lengths" of rows for its operators, or "graph", a part of the graph.

    Raises:
        ValueError: for another format or suffix; when the input shape, or a length that counts, is not known.
        ImportError: when the library that writes the format is not installed; it names the extra that installs it.
        RuntimeError: when the model cannot be written; it names the layer.
    """
    check_choice("format", format, tuple(_FORMATS))
    check_choice("masks", masks, ("lengths", "graph"))
    kind, path = _FORMATS[format], Path(filepath)
    if kind.suffix and path.suffix != kind.suffix:
        raise ValueError(f"A file of format {format!r} is named with {kind.suffix!r}, got {path.name!r}.")
    if kind.library:
        try:
            importlib.import_module(kind.library)
        except ImportError as error:
            raise ImportError(
                f'Format {format!r} takes the library `{kind.library}`: `pip install "torch-keras-lstm[{kind.extra}]"` '
                f"({error})."
            ) from error
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}") as folder:
        try:
            kind.write(_Order(model, example, Path(folder) / path.name, masks, verbose))
        except (FreeSizeError, RefusalError):
            raise
        except Exception as error:  # whatever the library of a format raises
            raise refusal(model, error) from error
        for written in Path(folder).iterdir():
            goal = path.parent / written.name
            if goal.is_dir():
                shutil.rmtree(goal)
            written.replace(goal)


def _torch(order: _Order) -> None:
    torch.export.save(export(order.model, order.example), order.path)


def _torchscript(order: _Order) -> None:
    found = _traced(Call.of(order.model, order.example))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        torch.jit.save(found, order.path)


def _traced(call: Call) -> Any:
    """The call as ``torch.jit.trace`` has it."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
            warnings.simplefilter("ignore", FutureWarning)
            return torch.jit.trace(call.model, call.arguments, check_trace=False)
    except Exception as error:
        raise refusal(call.model, error) from error


def _aotinductor(order: _Order) -> None:
    program = export(order.model, order.example, target="aotinductor")
    torch._inductor.aoti_compile_and_package(program, package_path=str(order.path))


def _onnx(order: _Order) -> None:
    _write_onnx(order, Lowering(lengths=order.masks == "lengths"))


def _write_onnx(order: _Order, lowering: Lowering) -> None:
    call = Call.of(order.model, order.example)
    outputs: list[str] | None = None
    if call.names and isinstance(call.model, StatesAsArguments):
        given = len(flatten(order.model.output))
        outputs = ["output"] if given == 1 else [f"output_{index}" for index in range(given)]
        outputs += [f"next_{name}" for name in call.names if name.startswith("state_")]
    try:
        with lowered(lowering), torch.no_grad():
            torch.onnx.export(
                call.model,
                call.arguments,
                order.path,
                input_names=call.names or None,
                output_names=outputs,
                dynamo=True,
                dynamic_shapes=call.shapes(),
                verbose=order.verbose,
            )
    except Exception as error:
        raise refusal(call.model, error) from error


def _onnx_int8(order: _Order) -> None:
    _onnx(order)
    in_eight_bits(order.path)


def _executorch(order: _Order) -> None:
    from executorch.exir import to_edge  # which takes seconds, as the libraries below do

    program = export(order.model, order.example, target="executorch")
    order.path.write_bytes(to_edge(program).to_executorch().buffer)


def _litert(order: _Order) -> None:
    import litert_torch

    call = Call.of(order.model, order.example)
    program: Any = export(order.model, order.example, target="litert").module()
    tensors = tuple(leaves(Tensor, call.arguments))
    litert_torch.convert(_Flat(program, call.arguments), tensors).export(str(order.path))


def _openvino(order: _Order) -> None:
    import openvino

    # Its LSTM ignores lengths where sizes are free, and has no hard sigmoid on a CPU.
    file = order._replace(path=order.path.with_suffix(".onnx"))
    _write_onnx(file, Lowering(lengths=False, activations=False))
    openvino.save_model(openvino.convert_model(file.path), order.path, compress_to_fp16=False)
    file.path.unlink()


def _coreml(order: _Order) -> None:
    import coremltools
    import numpy as np

    call = Call.of(order.model, order.example)
    refuse_free_sizes(call, order.example, "coreml")
    inputs = [
        coremltools.TensorType(shape=tensor.shape, dtype=np.float32 if tensor.is_floating_point() else np.int32)
        for tensor in leaves(Tensor, call.arguments)
    ]
    goal = coremltools.target.iOS16
    flat = call._replace(
        model=_Flat(call.model, call.arguments).eval(), arguments=tuple(leaves(Tensor, call.arguments))
    )
    with lowered(Lowering(loops=False)):  # its loops cannot gather what they give out
        found = _traced(flat)
    converted = coremltools.convert(found, inputs=inputs, convert_to="mlprogram", minimum_deployment_target=goal)
    converted.save(str(order.path))


_FORMATS: Mapping[str, _Format] = {
    "onnx": _Format(_onnx, "onnxscript", "onnx"),
    "torch": _Format(_torch),
    "torchscript": _Format(_torchscript),
    "aotinductor": _Format(_aotinductor, suffix=".pt2"),
    "executorch": _Format(_executorch, "executorch.exir"),
    "litert": _Format(_litert, "litert_torch"),
    "openvino": _Format(_openvino, "openvino", suffix=".xml"),
    "coreml": _Format(_coreml, "coremltools", suffix=".mlpackage"),
    "onnx-int8": _Format(_onnx_int8, "onnxruntime", "onnx"),
}
