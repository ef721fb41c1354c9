"""A function of the user's own as a layer, in the place of a ``Lambda`` of a file, whose code is never run."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from torch_keras_lstm.layers.layer import Layer
from torch_keras_lstm.layers.structure import flatten, single
from torch_keras_lstm.layers.tensor_spec import TensorSpec
from torch_keras_lstm.models.specs import operation_specs


class Lambda(Layer):
    """A function, or a torch module, as a layer that hands on no mask.

    Args:
        function: called with the inputs as tensors, and with ``mask`` and ``training`` when it names them.
        arguments: further keyword arguments for it, as in Keras.
        name: as of any layer.
        trainable: ``False`` freezes the parameters of a module.
        dtype: as of any layer.
    """

    # the function may do so, and `TimeDistributed` calls it step by step in training
    mixes_samples = True

    def __init__(
        self,
        function: Any,
        arguments: Mapping[str, Any] | None = None,
        name: str | None = None,
        trainable: bool = True,
        dtype: object = None,
    ) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        self.function = function
        self.arguments = dict(arguments or {})
        parameters = inspect.signature(function.forward if isinstance(function, nn.Module) else function).parameters
        self._takes = tuple(name for name in ("mask", "training") if name in parameters)
        if not trainable:
            self.trainable = False

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """What the function gives for the inputs."""
        given = {"mask": mask, "training": self.training if training is None else training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self._takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """``None``, as of a ``Lambda`` in Keras that was given no mask."""
        return None

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What the function gives for such tensors."""
        return single(operation_specs(self, args, kwargs))

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of what the function gives for tensors without numbers.

        Raises:
            ValueError: when it cannot be called with such.
        """
        several = any(isinstance(size, tuple | list) for size in input_shape)
        specs = [TensorSpec.of(shape, self._dtype) for shape in (input_shape if several else [input_shape])]
        runs = []
        for examples in zip(*(spec.examples for spec in specs), strict=True):
            runs.append(flatten(self._without_numbers([*examples] if several else examples[0])))
        shapes = [TensorSpec(examples).shape for examples in zip(*runs, strict=True)]
        return shapes[0] if len(shapes) == 1 else shapes

    def _without_numbers(self, inputs: Any) -> Any:
        try:
            if not isinstance(self.function, nn.Module):
                return self(inputs)
            tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
            empty = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
            return torch.func.functional_call(self, empty, (inputs,))
        except (TypeError, RuntimeError, NotImplementedError) as error:
            raise ValueError(f"The function cannot be called with such tensors: {error}") from None

    def get_config(self) -> dict[str, Any]:
        """The name and the arguments; a function is in no configuration."""
        return {**super().get_config(), "arguments": self.arguments}
