"""Files of LiteRT, which run any number of rows, and refuse any other size than those that they were written for.

Its converter takes fixed sizes, and its runtime whatever it is given: of a longer input, or of more rows, it would
leave out the rest without a word. So each input is first joined to something of the sizes that count.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.models.export import Call, Flat, Free, refuse_free_sizes, traced
from torch_keras_lstm.models.litert_rows import with_free_rows
from torch_keras_lstm.recurrence.lowering import Lowering
from torch_keras_lstm.structure import leaves, map_leaves

# Numbers of rows that are no other size in a model of people's, of which the first that is none in it is taken.
_PRIMES = (97, 211, 331, 499, 773, 1009)
_ERROR = 1e-4  # of the largest value, that another number of rows may make


class _Sized(nn.Module):
    """``module``, which refuses inputs of other sizes than in the example when it runs in LiteRT.

    Args:
        module: that takes tensors.
        rows: whether their number counts.
    """

    def __init__(self, module: Any, rows: bool) -> None:
        super().__init__()
        self.module, self.rows = module, rows
        self.training = False  # of which the converter would warn

    def forward(self, *tensors: Tensor) -> Any:
        return self.module(*map(self._sized, tensors))

    def _sized(self, tensor: Tensor) -> Tensor:
        """The same, joined to zeros along one axis, for which the others must agree, and cut off them again."""
        is_table = self.rows and tensor.ndim < 3  # both of whose sizes count
        joined, axis = (tensor.unsqueeze(-1) if is_table else tensor), -1 if self.rows else 0
        size, shape = joined.shape[axis], list(joined.shape)
        shape[axis] = 1
        # Seen through, joining and cutting would be taken for nothing. The barrier is of several tensors, or none.
        barrier = torch.ops.litert_torch.optimization_barrier
        joined, _ = barrier([torch.cat((joined.new_zeros(shape), joined), axis), joined.new_zeros(1)])
        cut: Tensor = joined.narrow(axis, 1, size)
        return cut.squeeze(-1) if is_table else cut


def convert(model: nn.Module, example: Any) -> bytes:
    """The file of a model; arguments and errors as of :func:`torch_keras_lstm.export` with ``target="litert"``."""
    call = Call.of(model, example)
    refuse_free_sizes(call, example, "litert")
    if all(0 in one.axes for one in leaves(Free, call.free)):
        rows = next(rows for rows in _PRIMES if not _is_in(rows, call))
        file = with_free_rows(_converted(_with_rows(call, rows), rows_count=False), rows)
        if file is not None and all(_computes(file, _with_rows(call, count).flat()) for count in (1, 2, rows)):
            return file
    return _converted(call, rows_count=True)


def _converted(call: Call, rows_count: bool) -> bytes:
    import litert_torch

    program: Any = traced(call.with_fixed_sizes(), Lowering(loops=False)).module()
    module = _Sized(Flat(program, call.arguments), rows_count)
    file: bytes = litert_torch.convert(module, call.flat().arguments).model_content()
    return file


def _is_in(rows: int, call: Call) -> bool:
    tensors = (*leaves(Tensor, call.arguments), *call.model.state_dict().values())
    return any(size % rows == 0 for tensor in tensors for size in tensor.shape if size)


def _with_rows(call: Call, rows: int) -> Call:
    """The call with so many rows, those of the example again and again."""
    arguments = map_leaves(Tensor, lambda one: one[torch.arange(rows) % len(one)], call.arguments)
    return call._replace(arguments=arguments)


def _computes(file: bytes, flat: Call) -> bool:
    """Whether LiteRT computes from a file what the call does."""
    with torch.no_grad():
        expected: Sequence[Tensor] = flat.model(*flat.arguments)
    try:
        found = _run(file, flat.arguments)
    except (RuntimeError, ValueError):  # of its interpreter
        return False
    return len(found) == len(expected) and all(
        got.shape == tuple(one.shape) and np.abs(got - one.numpy()).max() <= _ERROR * max(1e-6, float(one.abs().max()))
        for got, one in zip(found, expected, strict=True)
    )


def _run(file: bytes, inputs: Sequence[Tensor]) -> list[Any]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter: Any = Interpreter(model_content=file)
    run = interpreter.get_signature_runner()
    details = run.get_input_details()
    named = zip(sorted(details, key=_number), inputs, strict=True)
    outputs = run(**{name: one.numpy().astype(details[name]["dtype"]) for name, one in named})
    return [outputs[name] for name in sorted(outputs, key=_number)]


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
