"""Functional models: layers called on each other's outputs, as Keras' files describe them."""

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Self

import torch
from torch import nn

from torch_keras_lstm.layers.input import InputLayer
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.models.graph import (
    Call,
    Graph,
    TensorSource,
    calls_from_config,
    ends_from_config,
    flatten,
    map_sources,
    sources_in,
)
from torch_keras_lstm.models.model import Model, as_layer
from torch_keras_lstm.models.operation_layer import OperationLayer
from torch_keras_lstm.models.specs import TensorSpec, flatten_shapes, layer_specs, operation_specs, shapes_of

_Values = dict[TensorSource, Any]


class _Specs(dict[TensorSource, TensorSpec]):
    """What is known of each tensor."""

    def __missing__(self, source: TensorSource) -> TensorSpec:
        raise ValueError(f"Call {source.call} of layer `{source.layer}` has no output {source.output}.")


@register("keras")
class Functional(Model):
    """A model whose layers are joined by a graph: several inputs and outputs, shared layers, states passed on.

    It is what the converter makes of a functional Keras model; ``print(model)`` shows its layers as a table. Masks go
    with the tensors, as in Keras. A call that was made with ``training=True`` stays in training mode for ever.

    Args:
        layers: each once, input layers included, in Keras' order.
        graph: their calls.
        name: as in Keras.
        trainable: ``False`` freezes all layers.

    Raises:
        ValueError: when the graph does not fit the layers, or a layer's call does not take an argument that it gets.
    """

    def __init__(self, layers: Iterable[Layer], graph: Graph, name: str | None = None, trainable: bool = True) -> None:
        super().__init__(name=name)
        self.layers = nn.ModuleList(layers)
        self._places = {as_layer(layer).name: place for place, layer in enumerate(self.layers)}
        if len(self._places) < len(self.layers):
            raise ValueError(f"The names of a model's layers must differ, got {[*self._names()]}.")
        unknown = [name for name in graph.calls if name not in self._places]
        unknown += [end.layer for end in sources_in(graph.inputs) if not isinstance(self._find(end.layer), InputLayer)]
        if unknown:
            raise ValueError(f"The graph needs a layer `{unknown[0]}`, or needs it as an input, which it is not.")
        self.graph = Graph(
            {name: tuple(_fitted(call, self._layer(name)) for call in calls) for name, calls in graph.calls.items()},
            graph.inputs,
            graph.outputs,
        )
        self._order = self.graph.order()
        if not trainable:
            self.trainable = False

    # -- layers -----------------------------------------------------------------------------------------------------

    def _names(self) -> Iterable[str]:
        return (as_layer(layer).name for layer in self.layers)

    def _find(self, name: str) -> Layer | None:
        return self._layer(name) if name in self._places else None

    def _layer(self, name: str) -> Layer:
        return as_layer(self.layers[self._places[name]])

    @property
    def input_names(self) -> list[str]:
        """The names by which a dictionary gives the inputs, in their order: the input layers', or the model's own."""
        inputs = self.graph.inputs
        return [*inputs] if isinstance(inputs, Mapping) else [end.layer for end in sources_in(inputs)]

    @property
    def output_names(self) -> list[str]:
        """The layers that the outputs come from, in their order."""
        return [end.layer for end in sources_in(self.graph.outputs)]

    @property
    def input_shape(self) -> Any:
        """The shape of each input, in the structure of the inputs."""
        return map_sources(lambda source: self._layer(source.layer).batch_input_shape, self.graph.inputs)

    @property
    def output_shape(self) -> Any:
        """The shape of each output, in the structure of the outputs."""
        return self.compute_output_shape(self.input_shape)

    # -- building ---------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Build every layer, for the shapes of the model's own inputs unless others are given."""
        self._specs(self.input_shape if input_shape is None else input_shape, build=True)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for those of the inputs, in the structures of outputs and inputs."""
        specs = self._specs(input_shape, build=False)
        return _single(map_sources(lambda source: specs[source].shape, self.graph.outputs))

    def layer_output_shapes(self) -> dict[str, Any]:
        """The shape of what each layer's first call gives, a list of shapes when that is several tensors."""
        specs = self._specs(self.input_shape, build=False)
        first = {source.layer: source.call for source in sorted(specs, reverse=True)}
        shapes: dict[str, list[Shape]] = {}
        for source, spec in specs.items():
            if source.call == first[source.layer]:
                shapes.setdefault(source.layer, []).append(spec.shape)
        return {name: _single(several) for name, several in shapes.items()}

    def _specs(self, input_shape: Any, build: bool) -> _Specs:
        ends = [*sources_in(self.graph.inputs)]
        in_order = [input_shape[name] for name in self.input_names] if isinstance(input_shape, Mapping) else input_shape
        shapes = flatten_shapes(in_order)
        if len(shapes) != len(ends):
            raise ValueError(f"Model `{self.name}` has {len(ends)} inputs, got {len(shapes)} shapes.")
        specs = _Specs()
        for end, shape in zip(ends, shapes, strict=True):
            specs[end] = TensorSpec.of(shape, self._layer(end.layer).dtype)
        for name, number in self._order:
            outputs = self._call_specs(self._layer(name), self.graph.calls[name][number], specs, build)
            specs |= {TensorSource(name, number, index): spec for index, spec in enumerate(outputs)}
        return specs

    def _call_specs(self, layer: Layer, call: Call, specs: _Specs, build: bool) -> list[TensorSpec]:
        try:
            if isinstance(layer, OperationLayer):
                return operation_specs(layer, call, specs)
            shapes = _shape_arguments(layer, call, specs)
            if build:
                layer.build(*shapes)
            return layer_specs(layer.compute_output_shape(*shapes), layer.dtype)
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}): {error}") from None

    # -- calling ----------------------------------------------------------------------------------------------------

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None, return_mask: bool = False) -> Any:
        """Call the layers in the order of the graph.

        Args:
            inputs: a tensor for a model of one input; else a list of tensors in the inputs' order, or a dictionary by
                the inputs' names.
            mask: a mask for each input, in the same structure; ``None`` for none.
            training: handed to every layer that takes it, unless its call has one of its own; ``None`` leaves each to
                its own ``training`` flag.
            return_mask: return the pair of the outputs and their masks.

        Returns:
            The outputs: a tensor, or a list or dictionary of them, as the model was made.

        Raises:
            ValueError: when the inputs are not those of the model.
        """
        if not self.built:
            self.build()
        ends = [*sources_in(self.graph.inputs)]
        arranged = self._arranged(inputs, "inputs")
        values: _Values = {end: self._layer(end.layer)(arranged[end]) for end in ends}
        given = dict.fromkeys(ends) if mask is None else self._arranged(mask, "masks")
        masks: _Values = {end: given[end] for end in ends}
        for name, number in self._order:
            outputs, output_masks = self._run(name, number, values, masks, training)
            sources = [TensorSource(name, number, index) for index in range(len(outputs))]
            values |= zip(sources, outputs, strict=True)
            masks |= zip(sources, output_masks, strict=True)
        results = _single(map_sources(values.__getitem__, self.graph.outputs))
        return (results, _single(map_sources(masks.__getitem__, self.graph.outputs))) if return_mask else results

    def _run(
        self, name: str, number: int, values: _Values, masks: _Values, training: bool | None
    ) -> tuple[list[Any], list[Any]]:
        """The outputs of one call and their masks."""
        layer, call = self._layer(name), self.graph.calls[name][number]
        args = map_sources(values.__getitem__, call.args)
        kwargs = map_sources(values.__getitem__, call.kwargs)
        accepted = layer.call_arguments
        mask = _masks_of(call.args[0], masks) if call.args else None
        if "mask" in accepted:
            kwargs.setdefault("mask", mask)
        for parameter, argument in _arguments(layer, call).items():
            if f"{parameter}_mask" in accepted:
                kwargs.setdefault(f"{parameter}_mask", _masks_of(argument, masks))
        if "training" in accepted:
            kwargs.setdefault("training", training)
        if "return_mask" in accepted:
            outputs, output_masks = layer(*args, **kwargs, return_mask=True)
        else:
            outputs = layer(*args, **kwargs)
            given = kwargs.get("mask")
            output_masks = layer.compute_mask(args[0] if args else None, mask if given is None else given)
        flat = flatten(outputs)
        return flat, [None] * len(flat) if output_masks is None else flatten(output_masks)

    def _arranged(self, given: Any, what: str) -> dict[TensorSource, Any]:
        """What was given for each input."""
        ends = [*sources_in(self.graph.inputs)]
        if isinstance(given, Mapping):
            names = self.input_names
            if given.keys() != set(names):
                found = ", ".join(map(str, given))
                raise ValueError(f"Model `{self.name}` takes {what} by the names {', '.join(names)}, got {found}.")
            return {end: given[name] for end, name in zip(ends, names, strict=True)}
        if len(ends) == 1 and not (isinstance(given, list | tuple) and len(given) == 1):
            return {ends[0]: given}
        if not isinstance(given, list | tuple) or len(given) != len(ends):
            found = f"{len(given)}" if isinstance(given, list | tuple) else f"{type(given).__name__}"
            raise ValueError(
                f"Model `{self.name}` takes {len(ends)} {what} in a list ({', '.join(self.input_names)}), got {found}."
            )
        return dict(zip(ends, given, strict=True))

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks of the outputs; the model is run for them, so ``return_mask=True`` in a call costs less."""
        with torch.no_grad():
            return self(inputs, mask=mask, return_mask=True)[1]

    # -- configuration and text -------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations and their calls, in Keras 3's form."""
        graph = self.graph.to_config()
        nodes = graph.pop("inbound_nodes")
        layers = [
            {**serialize(layer), "name": layer.name, "inbound_nodes": nodes.get(layer.name, [])}
            for layer in map(as_layer, self.layers)
        ]
        return {"name": self.name, "trainable": self.trainable, "layers": layers, **graph}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """A new model with new layers, which are built by ``build()`` or the first call."""
        layers = [deserialize(entry) for entry in config["layers"]]
        nodes = {layer.name: entry["inbound_nodes"] for layer, entry in zip(layers, config["layers"], strict=True)}
        graph = Graph(
            {name: calls_from_config(calls, f"Layer `{name}`") for name, calls in nodes.items()},
            ends_from_config(config["input_layers"], "`input_layers`"),
            ends_from_config(config["output_layers"], "`output_layers`"),
        )
        return cls(layers, graph, config.get("name"), config.get("trainable", True))

    def __repr__(self) -> str:
        shapes = self.layer_output_shapes()
        rows = [("layer", "output shape", "parameters", "takes")]
        for layer in map(as_layer, self.layers):
            calls = self.graph.calls.get(layer.name, ())
            takes = "; ".join(", ".join(dict.fromkeys(source.layer for source in call.sources())) for call in calls)
            kind = layer.operation if isinstance(layer, OperationLayer) else type(layer).__name__
            parameters = f"{layer.count_params():,}" if layer.built else "not built"
            rows.append((f"{layer.name} ({kind})", str(shapes.get(layer.name, "")), parameters, takes))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n  ".join([f"{type(self).__name__}({self.extra_repr()})", *lines])


def _fitted(call: Call, layer: Layer) -> Call:
    """The call as the layer takes it."""
    if isinstance(layer, OperationLayer):
        return call
    args, kwargs = call.args, dict(call.kwargs)
    if not any(True for _ in call.sources()):
        raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}) is called without a tensor.")
    if not args:
        # The first argument was given by its name, which is not the same in all Keras' and our layers.
        first = next(name for name, value in kwargs.items() if any(True for _ in sources_in(value)))
        args = (kwargs.pop(first),)
    if isinstance(args[0], list) and args[0] and "initial_state" in layer.call_arguments:
        # Keras 2 wrote the initial state of a recurrent layer behind its input.
        args, kwargs["initial_state"] = (args[0][0],), args[0][1:]
    if "training" not in layer.call_arguments:
        kwargs.pop("training", None)
    unknown = [name for name in kwargs if name not in layer.call_arguments]
    if unknown:
        kind = type(layer).__name__
        raise ValueError(f"Layer `{layer.name}` ({kind}) is called with `{unknown[0]}`, which its call does not take.")
    return Call(args, kwargs)


@cache
def _parameters(function: Any) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


def _arguments(layer: Layer, call: Call) -> dict[str, Any]:
    """The arguments of the call by their names in the layer's ``forward``."""
    return {**dict(zip(_parameters(type(layer).forward), call.args, strict=False)), **call.kwargs}


def _shape_arguments(layer: Layer, call: Call, specs: Mapping[TensorSource, TensorSpec]) -> list[Any]:
    """What ``build`` gets: the shape of the first argument, or of each one that ``build`` names ``..._shape``."""
    given = _arguments(layer, call)
    wanted = [name.removesuffix("_shape") for name in _parameters(type(layer).build)]
    if len(wanted) < 2:
        return [shapes_of(call.args[0], specs)]
    return [shapes_of(given[name], specs) if name in given else None for name in wanted]


def _masks_of(argument: Any, masks: Mapping[TensorSource, Any]) -> Any:
    """The masks of the tensors in an argument, in its structure; ``None`` when there is none at all."""
    if all(masks[source] is None for source in sources_in(argument)):
        return None
    return map_sources(masks.__getitem__, argument)


def _single(value: Any) -> Any:
    """Keras hands out a list of one as what is in it."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value
