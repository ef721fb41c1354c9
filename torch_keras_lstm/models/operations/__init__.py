"""The operations that functional models have as nodes, as functions over torch tensors."""

from torch_keras_lstm.models.operations.resolve import Operation, is_operation, operation, written_constant

__all__ = ["Operation", "is_operation", "operation", "written_constant"]
