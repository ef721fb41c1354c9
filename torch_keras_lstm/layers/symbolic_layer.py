"""A layer on symbolic tensors: what a call gives, and between which tensors the layer stands."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.layers import own_layer
from torch_keras_lstm.layers.keras_tensor import KerasTensor, Node
from torch_keras_lstm.layers.masked_call import MaskedCall
from torch_keras_lstm.layers.symbolic_call import bound_arguments, shape_arguments
from torch_keras_lstm.operations.tensor_spec import Shape, TensorSpec, map_shapes
from torch_keras_lstm.structure import leaves, single


class NoOneTensorError(AttributeError, ValueError):
    """A layer was not called on symbolic tensors just once: ``hasattr`` and what looks at everything passes over it."""


class SymbolicLayer(MaskedCall):
    """The half of a layer that puts functional models together."""

    def symbolic_arguments(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments of a symbolic call as a functional model keeps them."""
        return bound_arguments(self, args, kwargs)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What a call gives: shape and type in the place of each tensor, in the arguments as in the result.

        Args:
            args, kwargs: of the call.
            build: whether to build the layer for them.
        """
        shapes = shape_arguments(self, args, kwargs)
        if build:
            self.build(*shapes)
        if self._is_traced:
            return own_layer.traced_specs(self, args, kwargs)
        shape = self.compute_output_shape(*shapes)
        return map_shapes(lambda shape: TensorSpec.of(shape, self._dtype), shape)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shape of the output for inputs of ``input_shape``, ``None`` where a size is free.

        A class of one's own that does not tell it is run on zeros.
        """
        return own_layer.traced_shapes(self, input_shape) if self._is_traced else tuple(input_shape)

    @property
    def _is_traced(self) -> bool:
        """Whether what a call gives is found by running it: no class of its own tells its shape."""
        return self._is_own and type(self).compute_output_shape is SymbolicLayer.compute_output_shape

    @property
    def input(self) -> Any:
        """The symbolic tensor, or a list of those, that the layer was called on.

        Raises:
            AttributeError: unless it was called on symbolic tensors just once; a ``ValueError`` too.
        """
        node = self._only_node("input")
        return single([*leaves(KerasTensor, [*node.args, *node.kwargs.values()])])

    @property
    def output(self) -> Any:
        """The symbolic tensor, or a list of those, that the layer gave, for a model that ends here; as ``input``."""
        return single(self._only_node("output").outputs)

    def _only_node(self, what: str) -> Node:
        if len(self._inbound_nodes) != 1:
            raise self._has_no_one(what)
        node: Node = self._inbound_nodes[0]
        return node

    def _has_no_one(self, what: str) -> NoOneTensorError:
        return NoOneTensorError(
            f"Layer `{self.name}` was called on symbolic tensors {len(self._inbound_nodes)} times, so it has no one "
            f"{what}. Call it once on an `Input`, or keep what each call gives."
        )

    def __getattr__(self, name: str) -> Any:
        if name in ("input", "output"):  # a property that raised AttributeError, which torch would put in its own words
            raise self._has_no_one(name)
        return super().__getattr__(name)
