"""``keras.Sequential``: layers one after the other, masks handed on as Keras hands them on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers.input import InputLayer
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import deserialize, register, serialize


@register("keras")
class Sequential(Layer):
    """A stack of layers, each of which has one input and one output.

    A layer that makes a mask (``Masking``, ``Embedding(mask_zero=True)``) hands it to those after it, as far as they
    pass it on. The model is built when the shape of its input is known: from an ``Input`` in front, from the first
    layer's ``input_shape=``, by ``build``, or by the first call.

    Args:
        layers: the layers in order; an ``Input(shape)`` may stand first.
        name: as in Keras.
        trainable: ``False`` freezes all layers.

    Example:
        >>> model = Sequential([Input((10, 5)), LSTM(50, return_sequences=True), LSTM(30), Dense(1)])
        >>> model(torch.randn(16, 10, 5)).shape
        torch.Size([16, 1])
    """

    layers: nn.ModuleList

    def __init__(self, layers: Iterable[Layer] = (), name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name, trainable=trainable)
        self.input_layer: InputLayer | None = None
        self.layers = nn.ModuleList()
        for layer in layers:
            self.add(layer)

    def add(self, layer: Layer) -> None:
        """Put ``layer`` at the end; it is built at once if the shape of its input is known.

        Raises:
            TypeError: when it is not a layer.
            ValueError: when an ``Input`` does not come first, a name stands twice, or the layer cannot take its input.
        """
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
            layer_input = self.compute_output_shape(model_input)
            layer.build(layer_input)
            if _is_nested(layer.compute_output_shape(layer_input)):
                raise ValueError(_several_outputs(self, layer))
        self.batch_input_shape = model_input
        if not self.trainable:
            layer.trainable = False
        self.layers.append(layer)

    def pop(self) -> Layer:
        """Take the last layer off and return it."""
        if not self.layers:
            raise ValueError("There are no layers in the model.")
        return cast(Layer, self.layers.pop(-1))

    @property
    def output_shape(self) -> Shape:
        """The shape of the output, batch axis included; the model's input shape must be known."""
        if self.batch_input_shape is None:
            raise ValueError(
                f"The input shape of model `{self.name}` is not known yet: call it, or `build(input_shape)`."
            )
        return cast(Shape, self.compute_output_shape(self.batch_input_shape))

    @property
    def built(self) -> bool:
        """Whether every layer is built."""
        return all(cast(Layer, layer).built for layer in self.layers)

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build every layer for inputs of ``input_shape``, batch axis included."""
        shape: Any = tuple(input_shape)
        for layer in map(_as_layer, self.layers):
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.batch_input_shape = self.batch_input_shape or (None, *input_shape[1:])

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None, return_mask: bool = False) -> Any:
        """Call the layers in turn.

        Args:
            inputs: of the shape that the first layer takes.
            mask: (batch, time), boolean, for the first layer.
            training: handed to every layer that takes it; ``None`` leaves each to its own ``training`` flag.
            return_mask: return the pair of the output and its mask.

        Raises:
            ValueError: when a layer gives several outputs.
        """
        if self.batch_input_shape is None:
            self.build(torch.as_tensor(inputs).shape)
        outputs = inputs
        for layer in map(_as_layer, self.layers):
            outputs, mask = call_with_mask(layer, outputs, mask, training)
            if not isinstance(outputs, Tensor):
                raise ValueError(_several_outputs(self, layer))
        return (outputs, mask) if return_mask else outputs

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the output; the model is run for it, so ``return_mask=True`` in a call costs less."""
        with torch.no_grad():
            return self(inputs, mask=mask, return_mask=True)[1]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The shape after the last layer."""
        shape: Any = tuple(input_shape)
        for layer in map(_as_layer, self.layers):
            shape = layer.compute_output_shape(shape)
        return shape

    def reset_states(self) -> None:
        """Forget the kept states of every stateful layer inside."""
        for module in self.modules():
            reset = getattr(module, "reset_state", None)
            if reset is not None:
                reset()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer of that name, or at that index.

        Raises:
            ValueError: when there is none.
        """
        if index is not None:
            if not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"Model `{self.name}` has {len(self.layers)} layers, there is none at index {index}.")
            return _as_layer(self.layers[index])
        for layer in map(_as_layer, self.layers):
            if layer.name == name:
                return layer
        names = ", ".join(_as_layer(layer).name for layer in self.layers)
        raise ValueError(f"Model `{self.name}` has no layer {name!r}; it has {names}.")

    def get_config(self) -> dict[str, Any]:
        """The name and every layer's configuration, the input first if its shape is known."""
        layers = [serialize(_as_layer(layer)) for layer in self.layers]
        entry = self.input_layer
        if entry is None and self.batch_input_shape is not None:
            entry = InputLayer(batch_shape=self.batch_input_shape, dtype=self.dtype, name=f"{self.name}_input")
        if entry is not None:
            layers.insert(0, serialize(entry))
        return {"name": self.name, "trainable": self.trainable, "layers": layers}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new model with new layers."""
        layers = [deserialize(layer) for layer in config["layers"]]
        return cls(layers, config.get("name"), config.get("trainable", True))


def call_with_mask(layer: Layer, inputs: Any, mask: Any, training: bool | None) -> tuple[Any, Any]:
    """Call a layer with those of ``mask`` and ``training`` that it takes; the output and its mask."""
    accepted = layer.call_arguments
    given = {"mask": mask, "training": training, "return_mask": True}
    outputs = layer(inputs, **{name: value for name, value in given.items() if name in accepted})
    return outputs if "return_mask" in accepted else (outputs, layer.compute_mask(inputs, mask))


def _as_layer(module: nn.Module) -> Layer:
    return cast(Layer, module)  # a ModuleList does not know what it holds


def _is_nested(shape: Any) -> bool:
    return any(isinstance(size, (tuple, list)) for size in shape)


def _several_outputs(model: Sequential, layer: Layer) -> str:
    return (
        f"Layer `{layer.name}` gives several outputs, but a Sequential model such as `{model.name}` hands on one: set "
        "`return_state=False` (and a `merge_mode`), or write the forward pass as a torch module."
    )
