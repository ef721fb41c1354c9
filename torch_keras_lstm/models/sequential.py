"""``keras.Sequential``: layers one after the other, masks handed on as Keras hands them on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.chained_call import CannotChainError, ChainedCall, Chains, Links
from torch_keras_lstm.layers.input import InputLayer, of_rank
from torch_keras_lstm.layers.keras_mask import mask_of, masked
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.torch_rnn import warn_of_batch_axis
from torch_keras_lstm.models.layer_list import LayerList
from torch_keras_lstm.models.model import Model, as_layer
from torch_keras_lstm.models.torch_stack import layers_of, module_of
from torch_keras_lstm.strings import as_strings, is_strings
from torch_keras_lstm.structure import flatten

# The attributes that there are only when the shape of the input is known.
_NEEDS_SHAPE = frozenset(["input", "inputs", "output", "outputs", "input_shape", "output_shape"])


@register("keras")
class Sequential(ChainedCall, Model):
    """A stack of layers, each of which takes what the one before gives; the last may give several tensors.

    ``model.output`` and ``layer.output`` are symbolic tensors, from which ``Model`` makes further models.

    A layer that makes a mask (``Masking``, ``Embedding(mask_zero=True)``) hands it to those after it, as far as they
    pass it on. The model is built when the shape of its input is known: from an ``Input`` in front, from the first
    layer's ``input_shape=``, by ``build``, or by the first call.

    Args:
        layers: the layers in order; an ``Input(shape)`` may stand first.
        name: as in Keras.
        trainable: ``False`` freezes all layers.

    Example:
        >>> model = Sequential([Input((None, 3)), layers.LSTM(8), layers.Dense(1)])
        >>> model.compile("adam", "mse")
        >>> history = model.fit(np.ones((4, 5, 3)), np.zeros((4, 1)), epochs=2, verbose=0)
        >>> model.predict(np.ones((2, 7, 3)), verbose=0).shape
        (2, 1)
    """

    def __init__(
        self, layers: Iterable[Layer | KerasTensor] = (), name: str | None = None, trainable: bool = True
    ) -> None:
        super().__init__(name=name, trainable=trainable)
        self.input_layer: InputLayer | None = None
        self.layers = LayerList()
        # The input and what each layer gives, once the model's input shape is known.
        self._tensors: list[Any] = []
        self._chains = Chains()
        for layer in layers:
            self.add(layer)

    def add(self, layer: Layer | KerasTensor) -> None:
        """Put ``layer``, or an ``Input``, at the end; it is built at once if the shape of its input is known.

        Raises:
            TypeError: when it is not a layer.
            ValueError: when an ``Input`` does not come first, a name stands twice, or the layer cannot take its input.
        """
        if isinstance(layer, KerasTensor):
            layer = cast(Layer, layer.node.layer)
        if not isinstance(layer, Layer):
            raise TypeError(f"`Sequential` takes layers of torch_keras_lstm, got {layer!r}.")
        if isinstance(layer, InputLayer):
            if self.layers or self.batch_input_shape is not None:
                raise ValueError("`Input` must be the first entry of a Sequential model, and the only one.")
            self.input_layer = layer
            self.batch_input_shape = layer.batch_input_shape
            return
        if any(layer.name == other.name for other in self.layers):
            raise ValueError(f"The names of a model's layers must differ, but {layer.name!r} stands twice.")
        model_input = self.batch_input_shape or (None if self.layers else layer.batch_input_shape)
        if model_input is not None:
            self._tensors = self._through([layer], model_input)
        self.batch_input_shape = model_input
        if not self.trainable:
            layer.trainable = False
        if not self.training and not layer._inbound_nodes:
            layer.join_model()
        self.layers.append(layer)

    def _through(self, layers: Iterable[Layer], input_shape: Shape) -> list[Any]:
        """The model's symbolic tensors with those behind them that ``layers`` give, called in turn."""
        tensors = self._tensors or [self._entry(input_shape).output]
        with self.building():
            for layer in layers:
                layer.take_place()
                tensors = [*tensors, layer(tensors[-1])]
        return tensors

    def _entry(self, input_shape: Shape) -> InputLayer:
        """The model's input layer, or one of that shape if it has none."""
        if self.input_layer is None:
            dtype = getattr(self.layers[0], "entry_dtype", None) if self.layers else None
            return InputLayer(batch_shape=input_shape, dtype=dtype or self._dtype, name=f"{self.name}_input")
        return self.input_layer

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self.layers:
            raise ValueError("There are no layers in the model.")
        self._tensors = self._tensors[: len(self.layers)]
        return cast(Layer, self.layers.pop(-1))

    @property
    def input(self) -> KerasTensor:
        """The symbolic tensor that the model starts from; its input shape must be known."""
        return cast(KerasTensor, self._symbolic()[0])

    @property
    def inputs(self) -> list[KerasTensor]:
        """The same in a list."""
        return [self.input]

    @property
    def output(self) -> Any:
        """The symbolic tensor, or tensors, that the last layer gives; the model's input shape must be known."""
        return self._symbolic()[-1]

    @property
    def outputs(self) -> list[KerasTensor]:
        """The same in a list."""
        return flatten(self.output)

    def _symbolic(self) -> list[Any]:
        return self._through([], self._known_input_shape())

    def _known_input_shape(self) -> Shape:
        if self.batch_input_shape is None:
            raise AttributeError  # whose words are those of `__getattr__`
        return self.batch_input_shape

    def __getattr__(self, name: str) -> Any:
        if name in _NEEDS_SHAPE:
            raise AttributeError(
                f"The input shape of model `{self.name}` is not known yet: call it, or `build(input_shape)`."
            )
        return super().__getattr__(name)

    @property
    def input_shape(self) -> Shape:
        """The shape of the input, batch axis included; it must be known."""
        return self._known_input_shape()

    @property
    def output_shape(self) -> Any:
        """The shape of the output, batch axis included; the model's input shape must be known."""
        return self.compute_output_shape(self._known_input_shape())

    def layer_output_shapes(self) -> dict[str, Any]:
        """The shape that each layer gives, by the layer's name; empty while the shape of the input is not known."""
        shapes: dict[str, Any] = {}
        shape: Any = self.batch_input_shape
        for layer in map(as_layer, self.layers if shape is not None else ()):
            shape = shapes[layer.name] = layer.compute_output_shape(shape)
        return shapes

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build every layer for inputs of ``input_shape``, batch axis included."""
        shape: Any = tuple(input_shape)
        for layer in map(as_layer, self.layers):
            with self.building():
                layer.take_place()
                layer.build(shape)
            shape = layer.compute_output_shape(shape)
        if self.batch_input_shape is None:
            self.batch_input_shape = (None, *input_shape[1:])
            self._tensors = self._through(map(as_layer, self.layers), self.batch_input_shape)

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Call the layers in turn.

        Args:
            inputs: of the shape that the first layer takes; a dictionary or a list of tensors for a layer that takes
                such. The model has no ``input`` then.
            mask: (batch, time), boolean, for the first layer.
            training: handed to every layer; ``None`` leaves each to its own ``training`` flag.
        """
        if self.batch_input_shape is None and not _is_structure(inputs):
            self.build(as_strings(inputs).shape if is_strings(inputs) else torch.as_tensor(inputs).shape)
        outputs = inputs if _is_structure(inputs) else masked(self._of_rank(inputs), mask)
        given = {} if training is None else {"training": training}
        for layer in map(as_layer, self.layers):
            outputs = layer(outputs, **given)
        if mask is None and not (training or torch.is_grad_enabled() or torch.compiler.is_compiling()):
            self._chains.after(self, [*self.layers], inputs)
        return outputs

    def chain_facts(self, links: Links, inputs: Tensor) -> None:
        """What calls on such inputs depend on beside the layers, for a chain of these.

        Raises:
            CannotChainError: when the inputs are put into another shape.
        """
        if self._of_rank(inputs) is not inputs:
            raise CannotChainError(self.name)
        links.attributes(self, "batch_input_shape")
        links.listed(self)

    supports_masking = True
    masks_inside = True

    def mask_outputs(self, outputs: Any, inputs: Any, mask: Any) -> Any:
        """The outputs as they are: the last layer has masked them."""
        return outputs

    def _of_rank(self, inputs: Any) -> Any:
        """The inputs with a last axis of size 1 put on or taken off where the model's have it otherwise."""
        shape = self.batch_input_shape
        if isinstance(inputs, np.ndarray) and not is_strings(inputs):
            inputs = torch.as_tensor(inputs, device=self.device)
        return of_rank(inputs, shape) if shape is not None and isinstance(inputs, Tensor) else inputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output; the model is run for it, whose output has it already."""
        with torch.no_grad():
            return mask_of(self(inputs, mask=mask))

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shape after the last layer."""
        shape: Any = tuple(input_shape)
        for layer in map(as_layer, self.layers):
            shape = layer.compute_output_shape(shape)
        return shape

    # -- torch's modules --------------------------------------------------------------------------------------------

    @classmethod
    def from_torch(cls, rnn: nn.RNNBase, **kwargs: Any) -> Self:
        """As many layers as a ``torch.nn.LSTM``, ``GRU`` or ``RNN`` has, with copies of its weights.

        Args:
            rnn: with ``bidirectional=True`` the layers are ``Bidirectional``; with ``dropout`` there is a ``Dropout``
                between them. A warning says what changes if it is not ``batch_first``.
            **kwargs: arguments of the model.

        Raises:
            ValueError: when it has a projection.
            TypeError: when it is none of torch's.
        """
        layers = layers_of(rnn)
        warn_of_batch_axis(rnn)
        return cls(layers, **kwargs).train(rnn.training)

    def to_torch(self) -> Any:
        """One ``torch.nn.LSTM``, ``GRU`` or ``RNN`` that computes what the recurrent layers of this model do.

        Raises:
            ValueError: when there is none: another layer is in the model, or they are not alike.
        """
        return module_of([*self.layers], self.name)

    def get_config(self) -> dict[str, Any]:
        """The name and every layer's configuration, the input first if its shape is known."""
        layers = [serialize(as_layer(layer)) for layer in self.layers]
        if self.batch_input_shape is not None:
            layers.insert(0, serialize(self._entry(self.batch_input_shape)))
        return {"name": self.name, "trainable": self.trainable, "layers": layers}

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_tensors": []}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch has not annotated it
        if self.batch_input_shape is not None:
            self._tensors = self._through(map(as_layer, self.layers), self.batch_input_shape)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A new model with new layers; ``custom_objects`` as of :func:`torch_keras_lstm.layers.deserialize`."""
        layers = [deserialize(layer, custom_objects) for layer in config["layers"]]
        return cls(layers, config.get("name"), config.get("trainable", True))


def _is_structure(inputs: Any) -> bool:
    """Whether these are several tensors, and not one or the numbers of one."""
    if isinstance(inputs, Mapping):
        return True
    tensors = Tensor | np.ndarray | KerasTensor
    return isinstance(inputs, list | tuple) and any(isinstance(one, tensors) for one in inputs)
