"""Loops over time that a traced graph keeps as loops, so that it runs any number of steps.

Traced as it stands, a loop in Python would be written out for the number of steps at hand. ``torch.export`` has an
operator that holds a loop, ``scan``, which ``torch.onnx.export`` and AOTInductor translate; ``torch.jit.trace`` takes
a loop in TorchScript. Both run one function: what happens at a step, which is traced once.
"""

import linecache
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm import torch_internals
from torch_keras_lstm.recurrence.lowering import images_loop, lowering

# (what is carried from step to step, what the sequences have at this step, what is the same at every step) -> what is
# carried on, and what is given out at this step, if anything is. Nothing else may come into it: a graph would take it
# for a constant.
Body = Callable[[tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]], tuple[tuple[Tensor, ...], Tensor | None]]
# A body, the first of what is carried, sequences (time, ...), constants -> the last of what is carried, and all that
# was given out, (time, ...).
Loop = Callable[
    [Body, tuple[Tensor, ...], tuple[Tensor, ...], tuple[Tensor, ...]], tuple[tuple[Tensor, ...], Tensor | None]
]


def loop_of_graph() -> Loop | None:
    """What holds a loop in the graph that is being traced; ``None`` without a graph, or where loops are unrolled."""
    if torch.compiler.is_compiling():
        wanted = lowering()
        return None if wanted is None or not wanted.loops else _as_operator
    if not torch_internals.is_jit_traced():
        return None
    wanted = lowering()
    return None if wanted is not None and not wanted.loops else _scripted


def _as_operator(
    body: Body, carried: tuple[Tensor, ...], sequences: tuple[Tensor, ...], constants: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """A :data:`Loop` as ``torch.ops.higher_order.scan``."""
    if not images_loop() and any(tensor.ndim > 2 for tensor in carried):
        return _as_operator_of_vectors(body, carried, sequences, constants)
    width, given = len(carried), len(sequences)
    # A free size of the carried tensors goes in as a number, where inductor looks for it.
    sizes = [size for size in carried[0].shape if not isinstance(size, int)][:1]

    def step(*flat: Any) -> list[Tensor]:
        rest = flat[width + given :]
        after, output = body(flat[:width], flat[width : width + given], rest[: len(constants)])
        # What goes round stays as it lies in memory, whatever inductor makes of a convolution, and no two results may
        # be one tensor.
        around = [_copied(tensor) if tensor.ndim > 2 else tensor.contiguous() for tensor in after]
        return [*around, *([] if output is None else [_copied(output)])]

    first = [_copied(tensor) for tensor in carried]
    found = torch_internals.scan_operator(step, first, [*sequences], (*constants, *sizes))
    return tuple(found[:width]), found[width] if len(found) > width else None


def _as_operator_of_vectors(
    body: Body, carried: tuple[Tensor, ...], sequences: tuple[Tensor, ...], constants: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """The same with one vector for each row's image: the compiled code of a loop over images ends the process."""
    shapes, steps = [one.shape[1:] for one in carried], [one.shape[2:] for one in sequences]
    outputs: list[torch.Size] = []

    def flat(
        before: tuple[Tensor, ...], now: tuple[Tensor, ...], given: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        images = tuple(one.unflatten(1, shape) for one, shape in zip(before, shapes, strict=True))
        inputs = tuple(one.unflatten(1, shape) if shape else one for one, shape in zip(now, steps, strict=True))
        after, output = body(images, inputs, given)
        if output is not None:
            outputs[:] = [output.shape[1:]]
            output = output.flatten(1)
        return tuple(one.flatten(1) for one in after), output

    vectors = tuple(one.flatten(2) if one.ndim > 2 else one for one in sequences)
    last, output = _as_operator(flat, tuple(one.flatten(1) for one in carried), vectors, constants)
    images = tuple(one.unflatten(1, shape) for one, shape in zip(last, shapes, strict=True))
    return images, None if output is None else output.unflatten(2, outputs[-1])


def _copied(tensor: Tensor) -> Tensor:
    return tensor.clone(memory_format=torch.contiguous_format)


_SOURCE = """
def loop({arguments}):
    outputs: List[Tensor] = []
    for index in range(x0.size(0)):
        {results}, = step({carried}, {now}, {constants})
        {keep}
    return {returned},
"""


def _scripted(
    body: Body, carried: tuple[Tensor, ...], sequences: tuple[Tensor, ...], constants: tuple[Tensor, ...]
) -> tuple[tuple[Tensor, ...], Tensor | None]:
    """A :data:`Loop` in TorchScript, around the trace of one step."""
    width, given = len(carried), len(sequences)
    outputs: list[str] = []  # what the output of a step is called: one of what is carried, where it is that

    def flat(*tensors: Tensor) -> tuple[Tensor, ...]:
        after, output = body(tensors[:width], tensors[width : width + given], tensors[width + given :])
        outputs[:] = (
            [] if output is None else [f"c{i}" for i, one in enumerate(after) if one is output][:1] or ["output"]
        )
        return (*after, output) if output is not None and outputs == ["output"] else after

    with torch_internals.tracing_paused(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch's own deprecation, which whoever traces has been told of
        examples = [one.detach().clone() for one in (*carried, *(one[0] for one in sequences), *constants)]
        step = torch.jit.trace(flat, tuple(examples), check_trace=False)
        loop = _compiled_loop(step, width, given, len(constants), *outputs)
    found = loop(*carried, *sequences, *constants)
    return tuple(found[:width]), found[width] if outputs else None


def _compiled_loop(step: Any, carried: int, sequences: int, constants: int, output: str = "") -> Any:
    """The loop around ``step``, of so many tensors; those who read traces want them apart, and in no list.

    Args:
        output: the name of what is given out, if anything is.
    """
    states, given = [f"c{index}" for index in range(carried)], [f"x{index}" for index in range(sequences)]
    same = [f"w{index}" for index in range(constants)]
    source = _SOURCE.format(
        arguments=", ".join((*states, *given, *same)),
        results=", ".join((*states, *(["output"] if output == "output" else []))),
        carried=", ".join(states),
        now=", ".join(f"{name}[index]" for name in given),
        constants=", ".join(same),
        keep=f"outputs.append({output})" if output else "pass",
        returned=", ".join((*states, *(["torch.stack(outputs)"] if output else []))),
    )
    name = (
        f"<loop of {carried} states, {sequences} sequences and {constants} constants, {output or 'nothing'} given out>"
    )
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # where TorchScript reads it
    names: dict[str, Any] = {"step": step, "torch": torch, "Tensor": Tensor, "List": list, "__name__": __name__}
    exec(compile(source, name, "exec"), names)
    return torch.jit.script(names["loop"])
