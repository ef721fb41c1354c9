"""The operations that functional models have as nodes, as functions over torch tensors."""

from torch_keras_lstm.operations.resolve import (
    Operation,
    is_known,
    is_operation,
    operation,
    operation_name,
    written_constant,
)

__all__ = ["Operation", "is_known", "is_operation", "operation", "operation_name", "written_constant"]
