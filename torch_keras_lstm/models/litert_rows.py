"""A file of LiteRT for one number of rows, made one for any: its runtime follows the sizes of inputs where it may.

What a file fixes are the sizes that its slices and reshapes are to have, and constants that are the same in each row.
"""

import copy
from typing import Any

import numpy as np

# Operators that stretch a single row over all.
_STRETCHING = {"ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SELECT_V2", "EQUAL", "NOT_EQUAL", "LESS", "GREATER"}
# Where an operator takes sizes, of which -1 stands for what there is.
_SIZES = {"SLICE": 2, "RESHAPE": 1}
_INT32 = 2  # the type of such sizes, in the numbers of the format


def with_free_rows(file: bytes, rows: int) -> bytes | None:
    """The file without a fixed number of rows, or ``None`` where it depends on it elsewhere.

    Args:
        file: for ``rows`` rows.
        rows: a number that is no other size in it, nor a factor of one.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(file, 0)
    names = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
    for graph in model.subgraphs:
        for operator in graph.operators:
            code = model.operatorCodes[operator.opcodeIndex]
            name = names[max(code.builtinCode, code.deprecatedBuiltinCode)]
            if not _free_operator(model, graph, operator, name, rows):
                return None
        for tensor in graph.tensors:
            if len(tensor.shape) and tensor.shape[0] == rows:
                tensor.shapeSignature = np.array([-1, *tensor.shape[1:]], np.int32)
                tensor.shape = np.array([1, *tensor.shape[1:]], np.int32)
    builder = flatbuffers.Builder(len(file))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _free_operator(model: Any, graph: Any, operator: Any, name: str, rows: int) -> bool:
    """Free what an operator takes from constants; whether that could be done."""
    operator.inputs = np.array(operator.inputs)  # as read they cannot be written
    for place, index in enumerate(operator.inputs):
        tensor = graph.tensors[index] if index >= 0 else None
        data = None if tensor is None else model.buffers[tensor.buffer].data
        if tensor is None or data is None or not len(data):
            continue
        values, shape = bytes(data), list(tensor.shape)
        if rows in shape:
            per_row = len(values) // rows
            if shape[0] != rows or name not in _STRETCHING or values != values[:per_row] * rows:
                return False
            operator.inputs[place] = _constant(model, graph, tensor, values[:per_row], [1, *shape[1:]])
        elif tensor.type == _INT32 and len(shape) == 1:
            sizes = np.frombuffer(values, np.int32)
            counts = (sizes > 0) & (sizes % rows == 0)
            if not counts.any():
                continue
            if _SIZES.get(name) != place or counts.sum() > 1:
                return False
            freed = np.where(counts, -1, sizes).astype(np.int32)
            operator.inputs[place] = _constant(model, graph, tensor, freed.tobytes(), shape)
            if name == "RESHAPE" and operator.builtinOptions is not None:
                operator.builtinOptions.newShape = freed
    return True


def _constant(model: Any, graph: Any, like: Any, values: bytes, shape: list[int]) -> int:
    """The number of a new constant, since others may use the one that is there."""
    buffer = copy.copy(model.buffers[like.buffer])
    buffer.data = np.frombuffer(values, np.uint8)
    model.buffers.append(buffer)
    tensor = copy.copy(like)
    tensor.buffer, tensor.shape, tensor.shapeSignature = len(model.buffers) - 1, np.array(shape, np.int32), None
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1
