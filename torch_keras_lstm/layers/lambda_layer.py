"""``keras.layers.Lambda``: a function of the user's own as a layer. The code of one in a file is never run."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.operations.specs import operation_specs
from torch_keras_lstm.operations.tensor_spec import TensorSpec, map_shapes
from torch_keras_lstm.registry import with_registered
from torch_keras_lstm.structure import flatten, map_leaves, single

_LAMBDA = "<lambda>"


@register("keras.layers")
class Lambda(Layer):
    """A function, or a torch module, as a layer. It hands on no mask unless ``mask`` says which.

    The function is called with the inputs as tensors, and with ``mask`` and ``training`` when it names them; write it
    with ``torch_keras_lstm.ops`` or torch. A configuration holds the function's name and never its code, so that a
    model that has a Lambda is read back with the function in ``custom_objects``, under its name or the layer's.

    Args:
        function: what the layer computes.
        output_shape: the shape of the output without the batch axis, or a function from the shape of the inputs, batch
            axis included, to that of the output; ``None`` to find it by calling ``function`` on tensors without
            numbers.
        mask: the mask of the output, or a function of the inputs and their mask that gives it.
        arguments: further keyword arguments for ``function``.
        **kwargs: the arguments of every layer; see :class:`Layer`. ``trainable=False`` freezes a module's parameters.

    Example:
        >>> Lambda(lambda x, factor: factor * x, arguments={"factor": 3.0})(torch.ones(1, 2))
        tensor([[3., 3.]])
    """

    # the function may do so, and `TimeDistributed` calls it step by step in training
    mixes_samples = True

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(f"`function` of a Lambda must be a function or a torch module, got {function!r}.")
        self.function = function
        self.mask = mask
        self.arguments = dict(arguments or {})
        self._output_shape = output_shape
        self.supports_masking = mask is not None
        parameters = _parameters(function.forward if isinstance(function, nn.Module) else function)
        self._takes = tuple(name for name in ("mask", "training") if name in parameters)
        if not self.trainable:
            self.trainable = False  # of the module's parameters, too

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """What the function gives for the inputs, arrays made tensors and numbers cast to the layer's type."""
        inputs = map_leaves(np.ndarray, self.as_input, map_leaves(Tensor, self.as_input, inputs))
        given = {"mask": mask, "training": self.training if training is None else training}
        return self.function(inputs, **self.arguments, **{name: given[name] for name in self._takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that ``mask`` of the constructor is or gives, ``None`` by default."""
        return self.mask(inputs, mask) if callable(self.mask) else self.mask

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What the function gives for such tensors."""
        if self._output_shape is None:
            return single(operation_specs(self._run_without_numbers, args, kwargs))
        shapes = self.compute_output_shape(map_leaves(TensorSpec, lambda spec: spec.shape, args[0]))
        return map_shapes(lambda shape: TensorSpec.of(shape, self._dtype), shapes)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output, as ``output_shape`` tells or the function gives it for tensors without numbers.

        Raises:
            ValueError: when the function cannot be called with such, and nothing else tells the shape.
        """
        if callable(self._output_shape):
            return self._output_shape(input_shape)
        if self._output_shape is not None:
            batch = flatten(input_shape)[0]
            return map_shapes(lambda shape: (batch, *shape), self._output_shape)
        several = any(isinstance(size, tuple | list) for size in input_shape)
        specs = [TensorSpec.of(tuple(shape), self._dtype) for shape in (input_shape if several else [input_shape])]
        shapes = [
            spec.shape for spec in operation_specs(self._run_without_numbers, (specs if several else specs[0],), {})
        ]
        return single(shapes)

    def _run_without_numbers(self, *args: Any, **kwargs: Any) -> Any:
        try:
            if not isinstance(self.function, nn.Module):
                return self(*args, **kwargs)
            tensors = {**dict(self.named_parameters()), **dict(self.named_buffers())}
            empty = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors.items()}
            return torch.func.functional_call(self, empty, args, kwargs)
        except (TypeError, RuntimeError, NotImplementedError) as error:
            raise ValueError(
                f"The function of Lambda layer `{self.name}` cannot be called with tensors that have no numbers yet: "
                f"{error}. Write it with `torch_keras_lstm.ops` or torch, and pass `output_shape=` if the shape of its "
                "output cannot be found without numbers."
            ) from None

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments, functions by their names alone."""
        config: dict[str, Any] = {"function": _function_config(self.function)}
        if self._output_shape is not None:
            config["output_shape"] = _function_config(self._output_shape)
        if self.mask is not None:
            config["mask"] = _function_config(self.mask)
        return {**super().get_config(), **config, "arguments": self.arguments}

    @classmethod
    def from_config(
        cls,
        config: Mapping[str, Any],
        custom_objects: Mapping[str, Any] | None = None,
        safe_mode: bool | None = None,
    ) -> Self:
        """The layer of a configuration whose functions are the user's.

        Args:
            config: what ``get_config`` gave, or Keras.
            custom_objects: functions by name, or by the layer's name.
            safe_mode: taken as Keras takes it, without a meaning: code in a configuration is never run.

        Raises:
            ValueError: when a function is code, or none of its name is known.
        """
        name = str(config.get("name"))
        functions = {
            key: _function(config[key], name, custom_objects)
            for key in ("function", "output_shape", "mask")
            if config.get(key) is not None
        }
        return cls(**{**config, **functions})

    def extra_repr(self) -> str:
        """The name and the function's."""
        return f"{super().extra_repr()}, function={_name(self.function)}"


def _parameters(function: Any) -> Sequence[str]:
    try:
        return tuple(inspect.signature(function).parameters)
    except ValueError:  # a function in C that tells none
        return ()


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__))


def _function_config(value: Any) -> Any:
    if not callable(value):
        return value.tolist() if isinstance(value, Tensor | np.ndarray) else value
    name = _name(value)
    module = getattr(value, "__module__", None)
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def _function(value: Any, layer: str, custom_objects: Mapping[str, Any] | None) -> Any:
    """The function that a configuration names; any other value as it stands, a list of sizes as a tuple."""
    if isinstance(value, list | tuple) and all(size is None or isinstance(size, int) for size in value):
        return tuple(value)
    if not isinstance(value, Mapping) or "class_name" not in value:
        return value
    name = _LAMBDA if value["class_name"] == "__lambda__" else value.get("config")
    known = with_registered(custom_objects)
    found = known.get(str(name), known.get(layer))
    if found is not None:
        return found
    if name == _LAMBDA:
        raise ValueError(
            f"Requested the deserialization of a `Lambda` layer whose `function` is a Python lambda (layer `{layer}`). "
            "Its code is never run here, with `safe_mode=False` neither: give the function under the layer's name, "
            f"`custom_objects={{{layer!r}: function}}`."
        )
    raise ValueError(
        f"Lambda layer `{layer}` has the function `{name}`, which is not known: give it in "
        f"`custom_objects={{{name!r}: function}}`."
    )
