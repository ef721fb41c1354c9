"""What the runtimes of ``model.export`` compute, beside the model itself: ``python -m benchmarks.deployment``.

With names of formats it tries those alone. ``pip install "torch-keras-lstm[deploy]"`` installs their libraries; what
Core ML's writes runs on a Mac. Each row has the largest error of outputs and states, of the largest value, for five
sizes: that of the example, fewer steps, more rows, one of both, and more steps; "refused" where the runtime says so.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm.layers import (
    GRU,
    LSTM,
    Bidirectional,
    ConvLSTM2D,
    Dense,
    Embedding,
    Flatten,
    Input,
    SimpleRNN,
    StatesAsArguments,
)
from torch_keras_lstm.models import Sequential, load_model

BATCH, STEPS = 3, 7
SIZES = ((BATCH, STEPS), (BATCH, 5), (4, STEPS), (1, 1), (BATCH, 11))
DIGITS = Path(__file__).parents[1] / "examples" / "models" / "digits_bilstm.keras"


class Kind(NamedTuple):
    """A model, and what draws inputs for it, given how many rows and steps."""

    model: Any
    draw: Callable[[int, int], Tensor]


def kinds() -> Iterator[tuple[str, Kind]]:
    """Those of the table."""

    def numbers(batch: int, steps: int) -> Tensor:
        return torch.randn(batch, steps, 3)

    def words(batch: int, steps: int) -> Tensor:
        """One row without padding, one with all of it, one padded in front, others with gaps."""
        drawn = torch.randint(1, 9, (batch, steps))
        gaps = torch.rand(batch, steps) < 0.7
        gaps[:1], gaps[1:2] = True, False
        gaps[2:3] = torch.arange(steps) >= steps // 2
        return drawn * gaps

    text: list[Any] = [
        Embedding(9, 3, mask_zero=True),
        Bidirectional(LSTM(4, return_sequences=True)),
        LSTM(5),
        Dense(8),
    ]
    yield "masked text", Kind(Sequential([Input((None,), dtype="int64"), *text]), words)
    plain: list[Any] = [Input((None, 3)), LSTM(4, return_sequences=True), LSTM(5), Dense(8)]
    yield "plain stack", Kind(Sequential(plain), numbers)
    hard: list[Any] = [Input((None, 3)), LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True), Dense(8)]
    yield "hard_sigmoid", Kind(Sequential(hard), numbers)
    stateful: list[Any] = [Input((None, 3)), LSTM(4, stateful=True, return_sequences=True), GRU(5, stateful=True)]
    yield "stateful", Kind(Sequential([*stateful, Dense(8)]), numbers)
    gated: list[Any] = [Input((None, 3)), GRU(4, return_sequences=True), GRU(5, reset_after=False), Dense(8)]
    yield "GRU, both kinds", Kind(Sequential(gated), numbers)
    yield "SimpleRNN", Kind(Sequential([Input((None, 3)), SimpleRNN(4), Dense(8)]), numbers)
    images: list[Any] = [Input((None, 6, 7, 2)), ConvLSTM2D(3, 3), Flatten(), Dense(8)]
    yield "ConvLSTM2D", Kind(Sequential(images), lambda batch, steps: torch.randn(batch, steps, 6, 7, 2))
    digits: Any = load_model(DIGITS)
    yield "a Keras file", Kind(digits, lambda batch, _: torch.rand(batch, *digits.inputs[0].shape[1:]))


Run = Callable[[list[Tensor]], list[Any]]


def _torch(path: Path) -> Run:
    program: Any = torch.export.load(path).module()
    return lambda given: _flat(program(given[0], *([given[1:]] if given[1:] else [])))


def _torchscript(path: Path) -> Run:
    module: Any = torch.jit.load(path)
    return lambda given: _flat(module(given[0], *([given[1:]] if given[1:] else [])))


def _aotinductor(path: Path) -> Run:
    package: Any = torch._inductor.aoti_load_package(str(path))
    return lambda given: _flat(package(given[0], *([given[1:]] if given[1:] else [])))


def _onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [one.name for one in session.get_inputs()]
    return lambda given: list(session.run(None, dict(zip(names, map(np.asarray, given), strict=True))))


def _openvino(path: Path) -> Run:
    import openvino

    model = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda given: list(model([np.asarray(one) for one in given]).values())


def _executorch(path: Path) -> Run:
    from executorch.runtime import Runtime

    method: Any = Runtime.get().load_program(str(path)).load_method("forward")
    return lambda given: list(method.execute(given))


def _litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(model_path=str(path)).get_signature_runner()
    details = run.get_input_details()

    def call(given: list[Tensor]) -> list[Any]:
        named = zip(sorted(details), given, strict=True)
        outputs = run(**{name: np.asarray(one).astype(details[name]["dtype"]) for name, one in named})
        return [outputs[name] for name in sorted(outputs)]  # which are fewer than ten

    return call


def _ncnn(path: Path) -> Run:
    import ncnn

    def call(given: list[Tensor]) -> list[Any]:
        with ncnn.Net() as net:
            net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
            net.load_param(str(path))
            net.load_model(str(path.with_suffix(".bin")))
            with net.create_extractor() as run:
                for index, one in enumerate(given):
                    run.input(f"in{index}", ncnn.Mat(np.ascontiguousarray(one[0])).clone())
                names = [f"out{index}" for index in range(len(net.output_names()))]
                return [np.array(run.extract(name)[1]) for name in names]

    return call


FORMATS: dict[str, tuple[str, Callable[[Path], Run] | None]] = {
    "torch": (".pt2", _torch),
    "torchscript": (".ts", _torchscript),
    "aotinductor": (".pt2", _aotinductor),
    "onnx": (".onnx", _onnx),
    "openvino": (".xml", _openvino),
    "executorch": (".pte", _executorch),
    "litert": (".tflite", _litert),
    "coreml": (".mlpackage", None),
    "ncnn": (".param", _ncnn),
}


def _flat(found: Any) -> list[Any]:
    return [leaf for item in found for leaf in _flat(item)] if isinstance(found, list | tuple) else [found]


def row(kind: Kind, format: str, folder: Path) -> str:
    """The largest error for each of the sizes, of the largest value; or what went wrong."""
    suffix, runner = FORMATS[format]
    rows = 1 if format == "ncnn" else BATCH
    path, example = folder / f"model{suffix}", kind.draw(rows, STEPS)
    begin = time.perf_counter()
    try:
        kind.model.export(path, format=format, example=example)
    except Exception as error:
        return f"not written: {str(error).splitlines()[0][:200]}"
    took = f"written in {time.perf_counter() - begin:.0f} s"
    if runner is None:
        return took
    run, found = runner(path), []
    for size in [(1, STEPS)] if format == "ncnn" else SIZES:  # it checks no size, and ends the process at another
        try:
            found.append(_error(run, kind, size))
        except (RuntimeError, ValueError):
            found.append("refused")
        except Exception as error:  # onnxruntime has its own
            found.append(f"refused ({type(error).__name__})")
    return f"{', '.join(found)}; {took}"


def _error(run: Run, kind: Kind, size: tuple[int, int]) -> str:
    inputs = kind.draw(*size)
    states = list[Tensor]()
    if any(getattr(layer, "stateful", False) for layer in kind.model.layers):
        wrapped = StatesAsArguments(kind.model)
        states = [torch.rand_like(state) for state in wrapped.states_of(inputs)]
        expected = _flat(wrapped(inputs, states))
    else:
        expected = _flat(kind.model(inputs))
    got, worst = [np.asarray(one) for one in run([inputs, *states])], 0.0
    for mine, one in zip(got, map(np.asarray, expected), strict=True):
        if mine.size != one.size:
            return f"OTHER SHAPE {mine.shape}"
        worst = max(worst, np.abs(mine.reshape(one.shape) - one).max() / np.abs(one).max())
    return f"{worst:.0e}"


def main(formats: list[str]) -> None:
    """Print a row for each model and format."""
    warnings.simplefilter("ignore")  # of the exporters, about themselves
    torch.set_grad_enabled(False)
    for name, kind in kinds():
        for format in formats or FORMATS:
            with tempfile.TemporaryDirectory() as folder:
                print(f"{name:16} {format:12} {row(kind, format, Path(folder))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
