"""``model.export``: the files of other runtimes, each written by the library that defines it."""

import contextlib
import importlib
import io
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
from torch_keras_lstm.models.export import (
    Call,
    FreeSizeError,
    RefusalError,
    export,
    refusal,
    refuse_free_sizes,
    trace,
    trace_of_fixed_sizes,
)
from torch_keras_lstm.models.int8 import in_eight_bits
from torch_keras_lstm.models.layer_that_fails import layer_that_fails
from torch_keras_lstm.recurrence.lowering import Lowering, lowered
from torch_keras_lstm.structure import flatten, leaves


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
        libraries: what it takes beside torch, by the names that are imported.
        extra: of this package, which installs them.
        suffix: that the file's name must have, or "" for any.
    """

    write: Callable[[_Order], None]
    libraries: tuple[str, ...] = ()
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
    if format == "tf_saved_model":
        raise ValueError(
            "Format 'tf_saved_model' is TensorFlow's own, which nothing but TensorFlow writes. For TensorFlow Serving "
            "save a `.keras` file, and have Keras load and export that. For a phone there is format 'litert', for a "
            "server 'onnx'."
        )
    check_choice("format", format, tuple(_FORMATS))
    check_choice("masks", masks, ("lengths", "graph"))
    kind, path = _FORMATS[format], Path(filepath)
    if kind.suffix and path.suffix != kind.suffix:
        raise ValueError(f"A file of format {format!r} is named with {kind.suffix!r}, got {path.name!r}.")
    for library in kind.libraries:
        try:
            with contextlib.suppress(ImportError):  # behind TensorFlow, which some import, it ends the process
                importlib.import_module("triton")
            importlib.import_module(library)
        except ImportError as error:
            raise ImportError(
                f'Format {format!r} takes the library `{library}`: `pip install "torch-keras-lstm[{kind.extra}]"` '
                f"({error})."
            ) from error
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}") as folder:
        try:
            kind.write(_Order(model, example, Path(folder) / path.name, masks, verbose))
        except FreeSizeError:
            raise
        except Exception as error:  # whatever the library of a format raises
            refused = error if isinstance(error, RefusalError) else refusal(model, error)
            if refused.layer is None:  # no layer was at work when it failed
                layer = layer_that_fails(model, example, lambda alone, given: _try(kind, alone, given, masks, path))
                refused = RefusalError(model, refused.reason, layer)
            raise refused from error
        for written in Path(folder).iterdir():
            goal = path.parent / written.name
            if goal.is_dir():
                shutil.rmtree(goal)
            written.replace(goal)


def _try(kind: _Format, model: nn.Module, example: tuple[Any, ...], masks: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kind.write(_Order(model, example, Path(folder) / path.name, masks, False))


def _torch(order: _Order) -> None:
    torch.export.save(export(order.model, order.example), order.path)


def _torchscript(order: _Order) -> None:
    found = trace(Call.of(order.model, order.example))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of torch.jit as a whole
        torch.jit.save(found, order.path)


def _aotinductor(order: _Order) -> None:
    program = export(order.model, order.example, target="aotinductor")
    torch._inductor.aoti_compile_and_package(program, package_path=str(order.path))


def _onnx(order: _Order) -> None:
    _write_onnx(order, Lowering(lengths=order.masks == "lengths"))


def _write_onnx(order: _Order, lowering: Lowering) -> None:
    call = Call.of(order.model, order.example)
    outputs = _output_names(order.model, call) if isinstance(call.model, StatesAsArguments) else None
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


def _output_names(model: Any, call: Call) -> list[str] | None:
    """Those of the outputs and the states after a call; ``None`` of a model that has no names for its inputs."""
    if not call.names:
        return None
    given = len(flatten(model.output))
    outputs = ["output"] if given == 1 else [f"output_{index}" for index in range(given)]
    return outputs + [f"next_{name}" for name in call.names if name.startswith("state_")]


def _onnx_int8(order: _Order) -> None:
    _onnx(order)
    in_eight_bits(order.path)


def _executorch(order: _Order) -> None:
    from executorch.exir import to_edge  # which takes seconds, as the libraries below do

    program = export(order.model, order.example, target="executorch")
    order.path.write_bytes(to_edge(program).to_executorch().buffer)


def _litert(order: _Order) -> None:
    from torch_keras_lstm.models.litert import convert

    with _said(order):
        order.path.write_bytes(convert(order.model, order.example))


def _ncnn(order: _Order) -> None:
    from torch_keras_lstm.models.ncnn import convert

    with _said(order):
        convert(order.model, order.example, order.path)


def _said(order: _Order) -> contextlib.AbstractContextManager[Any]:
    """What an exporter prints, which asks nobody whether it may."""
    return contextlib.nullcontext() if order.verbose else contextlib.redirect_stdout(io.StringIO())


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
    tensors = list(leaves(Tensor, call.arguments))
    inputs = [
        coremltools.TensorType(
            name=name, shape=tensor.shape, dtype=np.float32 if tensor.is_floating_point() else np.int32
        )
        for name, tensor in zip(call.names or [f"input_{index}" for index in range(len(tensors))], tensors, strict=True)
    ]
    names = _output_names(order.model, call)
    # Its loops cannot gather what they give out.
    found = trace_of_fixed_sizes(call, Lowering(loops=False, kernels=frozenset({"lstm"})))
    converted = coremltools.convert(
        found,
        inputs=inputs,
        outputs=None if names is None else [coremltools.TensorType(name=name) for name in names],
        convert_to="mlprogram",
        minimum_deployment_target=coremltools.target.iOS16,
        compute_precision=coremltools.precision.FLOAT32,  # by default half of it
    )
    converted.save(str(order.path))


_FORMATS: Mapping[str, _Format] = {
    "onnx": _Format(_onnx, ("onnxscript",), "onnx"),
    "onnx-int8": _Format(_onnx_int8, ("onnxscript", "onnxruntime"), "onnx"),
    "torch": _Format(_torch),
    "torchscript": _Format(_torchscript),
    "aotinductor": _Format(_aotinductor, suffix=".pt2"),
    "executorch": _Format(_executorch, ("executorch.exir",)),
    "litert": _Format(_litert, ("litert_torch", "ai_edge_litert")),
    "openvino": _Format(_openvino, ("openvino",), suffix=".xml"),
    "coreml": _Format(_coreml, ("coremltools",), suffix=".mlpackage"),
    "ncnn": _Format(_ncnn, ("pnnx", "ncnn"), suffix=".param"),
}
