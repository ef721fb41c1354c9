"""The operations in the graph of a functional model, as layers without weights."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations import operation as function_of
from torch_keras_lstm.operations import written_constant
from torch_keras_lstm.operations.specs import operation_specs
from torch_keras_lstm.operations.table import MODULES, OPERATIONS
from torch_keras_lstm.operations.tensor_spec import TensorSpec
from torch_keras_lstm.structure import flatten, map_leaves, single


@register("torch_keras_lstm.models")
class OperationLayer(Layer):
    """A node of a functional model that computes a function, such as ``x * 2`` or ``keras.ops.mean(x)``.

    Args:
        operation: the class of the node in Keras' files, such as "Mean", or "TFOpLambda" of tf.keras, whose
            ``arguments`` name the function of TensorFlow.
        arguments: the ``config`` of the node.
        name: as of any layer.

    Raises:
        ValueError: when the operation is unknown.

    Example:
        >>> OperationLayer("Mean", {"axis": 1})(torch.tensor([[1.0, 3.0]]))
        tensor([2.])
    """

    def __init__(self, operation: str, arguments: Mapping[str, Any], name: str | None = None) -> None:
        super().__init__(name=unique_name(operation) if name is None else name)
        self.operation = operation
        self.arguments = dict(arguments)
        self._function = function_of(operation, self.arguments)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The function of the arguments: tensors, and constants as they stand in the file."""
        return self._function(*args, **kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output, or a list of them, for one tensor of ``input_shape`` and of the layer's dtype."""
        spec = TensorSpec.of(tuple(input_shape), self._dtype)
        return map_leaves(TensorSpec, lambda output: output.shape, self.output_specs((spec,), {}))

    def warn_of_lost_mask(self) -> None:
        """Operations are no layers in Keras: they hand on no masks, and say nothing of it."""

    def symbolic_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments, constants among them as they stand in a file."""
        return tuple(written_constant(value) for value in args), written_constant(kwargs)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What the function gives for such tensors."""
        return single(operation_specs(self, args, kwargs))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments."""
        return {"name": self.name, "operation": self.operation, "arguments": self.arguments}

    def entry_of_its_own(self) -> dict[str, Any] | None:
        """The operation under its name in Keras 3; ``None`` for one of TensorFlow's, or with a function among them."""
        name = self.operation
        if name not in MODULES or any(map(callable, flatten(self.arguments))):
            return None
        taken = signature(OPERATIONS[name]).parameters
        own = {key: value for key, value in self.arguments.items() if key not in ("trainable", "dtype") or key in taken}
        config = {**own, "name": self.name}
        return {
            "module": f"keras.src.ops.{MODULES[name]}",
            "class_name": name,
            "config": config,
            "registered_name": name,
        }

    def extra_repr(self) -> str:
        """The name and the operation."""
        return f"{super().extra_repr()}, {self.operation}"

    def __getstate__(self) -> dict[str, Any]:
        # A closure cannot be pickled; it follows from the configuration.
        return {**super().__getstate__(), "_function": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch has not annotated it
        self._function = function_of(self.operation, self.arguments)
