"""Functional models: layers called on each other's outputs, as Keras' files describe them."""

import inspect
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Self, cast

import torch
from torch import Tensor

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.chained_call import CannotChainError, ChainedCall, Chains, Links
from torch_keras_lstm.layers.constant import Constant
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.input import InputLayer
from torch_keras_lstm.layers.keras_mask import mask_of, masked, unmasked
from torch_keras_lstm.layers.keras_tensor import KerasTensor
from torch_keras_lstm.layers.layer import Layer, Shape
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.layers.operation_layer import OperationLayer
from torch_keras_lstm.layers.serialization import deserialize, register, serialize
from torch_keras_lstm.layers.symbolic_call import argument_specs, connect_with_masks
from torch_keras_lstm.models.arranged import arranged
from torch_keras_lstm.models.fitted_call import fitted
from torch_keras_lstm.models.graph import (
    Call,
    Graph,
    TensorSource,
    calls_from_config,
    ends_from_config,
    map_sources,
    sources_in,
)
from torch_keras_lstm.models.layer_list import LayerList
from torch_keras_lstm.models.model import Model, as_layer
from torch_keras_lstm.models.trace import calls_in_order, layers_with_masks, trace
from torch_keras_lstm.operations.tensor_spec import TensorSpec, map_shapes
from torch_keras_lstm.structure import flatten, map_leaves, single

_Values = dict[TensorSource, Any]


class _Specs(dict[TensorSource, TensorSpec]):
    """What is known of each tensor."""

    def __missing__(self, source: TensorSource) -> TensorSpec:
        raise ValueError(f"Call {source.call} of layer `{source.layer}` has no output {source.output}.")


@register("keras")
class Functional(ChainedCall, Model):
    """A model whose layers are joined by a graph: several inputs and outputs, shared layers, states passed on.

    ``Model(inputs, outputs)`` makes one, and the converter of a functional Keras model; ``print(model)`` shows its
    layers as a table. Masks go with the tensors, as in Keras. A call that was made with ``training=True`` stays in
    training mode for ever.

    Args:
        inputs: what the model takes: a symbolic tensor, or a list or dictionary of them. One that is no ``Input`` but
            inside another model becomes an input of this one.
        outputs: what it gives, in the same forms. All layers in between are the model's, and shared with other models.
        name: as in Keras.
        trainable: ``False`` freezes all layers.

    Raises:
        ValueError: when the inputs do not lead to an output, or two layers have one name.
        TypeError: when an input or output is no symbolic tensor.

    Example:
        >>> inputs = Input((4,))
        >>> model = Model(inputs, layers.Dense(2, name="head")(layers.Dense(3)(inputs)))
        >>> isinstance(model, Functional), model.get_layer("head").units
        (True, 2)
    """

    _tensors: dict[TensorSource, KerasTensor] | None

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, trainable: bool | None = None) -> None:
        traced = trace(inputs, outputs)
        self._join(traced.layers, traced.graph, name, trainable is not False)
        if traced.tensors is None:
            self._connect()
        else:
            self._joined(traced.tensors)

    @classmethod
    def from_graph(cls, layers: Iterable[Layer], graph: Graph, name: str | None = None, trainable: bool = True) -> Self:
        """A model of layers and the graph of their calls, built by ``build()`` or the first call.

        Args:
            layers: each once, input layers included, in Keras' order.
            graph: their calls.
            name, trainable: as in the constructor.

        Raises:
            ValueError: when the graph does not fit the layers, or a layer's call does not take an argument it gets.
        """
        model = cls.__new__(cls)
        model._join(layers, graph, name, trainable)
        return model

    def _join(self, layers: Iterable[Layer], graph: Graph, name: str | None, trainable: bool) -> None:
        super().__init__(name=name)
        self.layers = LayerList(layers)
        for layer in map(as_layer, self.layers):
            if not layer._inbound_nodes:
                layer.join_model()
        self._tensors = None
        self._chains = Chains()
        self._places = {as_layer(layer).name: place for place, layer in enumerate(self.layers)}
        if len(self._places) < len(self.layers):
            raise ValueError(f"The names of a model's layers must differ, got {[*self._names()]}.")
        unknown = [name for name in graph.calls if name not in self._places]
        unknown += [end.layer for end in sources_in(graph.inputs) if not isinstance(self._find(end.layer), InputLayer)]
        if unknown:
            raise ValueError(f"The graph needs a layer `{unknown[0]}`, or needs it as an input, which it is not.")
        self.graph = Graph(
            {name: tuple(fitted(call, self._layer(name)) for call in calls) for name, calls in graph.calls.items()},
            graph.inputs,
            graph.outputs,
        )
        self._order = self.graph.order()
        chain = self.graph.chain()
        # a plain chain, which need not go through the graph: the layers behind the input
        self._chain = None if chain is None or len(chain) < 2 else [self._places[name] for name in chain[1:]]
        ends = [*sources_in(graph.inputs)]
        if len(ends) == 1:
            self.batch_input_shape = self._layer(ends[0].layer).batch_input_shape
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

    # -- symbolic tensors -------------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbolic tensors that the model starts from, in the structure of its inputs."""
        return map_sources(self._symbolic().__getitem__, self.graph.inputs)

    @property
    def inputs(self) -> list[KerasTensor]:
        """The same in a list."""
        return flatten(self.input)

    @property
    def output(self) -> Any:
        """The symbolic tensors that the model ends in, in the structure of its outputs."""
        return map_sources(self._symbolic().__getitem__, self.graph.outputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The same in a list."""
        return flatten(self.output)

    def tensor(self, source: TensorSource) -> KerasTensor:
        """The symbolic tensor that stands for an output of a call in the graph."""
        return self._symbolic()[source]

    def _symbolic(self) -> dict[TensorSource, KerasTensor]:
        if self._tensors is None:
            self.build()
        assert self._tensors is not None  # for mypy
        return self._tensors

    def _connect(self) -> None:
        """Note the calls of the graph at the layers, so that ``layer.output`` is there for further models."""
        ends = [*sources_in(self.graph.inputs)]
        tensors: dict[TensorSource, Any] = {end: self._layer(end.layer).output for end in ends}
        specs = self._specs({end: tensor.spec for end, tensor in tensors.items()}, build=True)
        for name, number in self._order:
            call = self.graph.calls[name][number]
            args, kwargs = map_sources(tensors.__getitem__, [call.args, call.kwargs])
            results = [spec for source, spec in specs.items() if source[:2] == (name, number)]
            outputs = connect_with_masks(self._layer(name), tuple(args), kwargs, results)
            tensors |= {TensorSource(name, number, index): tensor for index, tensor in enumerate(outputs)}
        self._joined(tensors)

    def _joined(self, tensors: dict[TensorSource, KerasTensor]) -> None:
        """Keep the symbolic tensors, and the order in which Keras runs the calls, which hangs on them."""
        self._tensors = tensors
        numbered = {tensor.node: source[:2] for source, tensor in tensors.items()}
        in_order = [numbered[node] for node in calls_in_order(self.inputs, self.outputs) if node in numbered]
        self._order = [key for key in in_order if self.graph.calls.get(key[0])]

    def call_order(self) -> list[tuple[str, int]]:
        """The calls of the graph, layer and number, in the order in which they run."""
        self._symbolic()
        return [*self._order]

    # -- building ---------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any = None) -> None:
        """Build every layer, for the shapes of the model's own inputs unless others are given."""
        if input_shape is not None:
            self._specs(self._ends(input_shape), build=True)
        elif self._tensors is None:
            self._connect()

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shapes of the outputs for those of the inputs, in the structures of outputs and inputs."""
        specs = self._specs(self._ends(input_shape), build=False)
        return single(map_sources(lambda source: specs[source].shape, self.graph.outputs))

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """What the model gives for such inputs."""
        specs = self._specs(self._arranged(args[0], "symbolic inputs"), build)
        return single(map_sources(specs.__getitem__, self.graph.outputs))

    def layer_output_shapes(self) -> dict[str, Any]:
        """The shape of what each layer's first call gives, a list of shapes when that is several tensors.

        The operations that :meth:`listed_layers` adds are among them.
        """
        specs = self._specs(self._ends(self.input_shape), build=False)
        first = {source.layer: source.call for source in sorted(specs, reverse=True)}
        shapes: dict[str, list[Shape]] = {}
        for source, spec in specs.items():
            if source.call == first[source.layer]:
                shapes.setdefault(source.layer, []).append(spec.shape)
        masks = {layer.name: layer.output.shape for layer in self._mask_operations()}
        return {name: single(several) for name, several in shapes.items()} | masks

    def listed_layers(self) -> list[Layer]:
        """The layers, and among them the operations that give their masks, which are nodes of Keras' models."""
        if self._tensors is None:
            return super().listed_layers()
        listed = layers_with_masks(self.inputs, self.outputs)
        for layer in listed:
            while layer.name in self._places and self._find(layer.name) is not layer:
                layer.name = unique_name(layer.name)
        return listed

    def _mask_operations(self) -> list[Layer]:
        """What :meth:`listed_layers` lists beside the layers."""
        return [layer for layer in self.listed_layers() if layer.name not in self._places]

    def connections(self) -> dict[str, list[TensorSource]] | None:
        """The tensors that each layer is called on, in all its calls; ``None`` when the layers are one chain."""
        taken: dict[str, list[TensorSource]] = {}
        sources = {tensor: source for source, tensor in (self._tensors or {}).items()}
        handed = {source[:2]: tensor.node.masks for tensor, source in sources.items()}
        for operation in self._mask_operations():
            sources[operation.output] = TensorSource(operation.name, 0, 0)
            taken[operation.name] = [sources[tensor] for tensor in flatten(operation.input)]
        for name, number in sorted(self._order, key=lambda key: key[1]):
            masks = [sources[mask] for mask in handed.get((name, number), ())]
            taken.setdefault(name, []).extend([*self.graph.calls[name][number].sources(), *masks])
        several = [sources for sources in taken.values() if len(sources) > 1]
        used = [source.layer for sources in taken.values() for source in sources]
        return taken if several or len(used) > len(set(used)) else None

    def _ends(self, input_shape: Any) -> dict[TensorSource, TensorSpec]:
        """The inputs, of these shapes."""
        ends = [*sources_in(self.graph.inputs)]
        in_order = [input_shape[name] for name in self.input_names] if isinstance(input_shape, Mapping) else input_shape
        shapes: list[Shape] = []
        map_shapes(shapes.append, in_order)
        if len(shapes) != len(ends):
            raise ValueError(f"Model `{self.name}` has {len(ends)} inputs, got {len(shapes)} shapes.")
        return {
            end: TensorSpec.of(shape, self._layer(end.layer)._dtype) for end, shape in zip(ends, shapes, strict=True)
        }

    def _specs(self, ends: Mapping[TensorSource, TensorSpec], build: bool) -> _Specs:
        specs = _Specs(ends)
        for name, number in self._order:
            outputs = self._call_specs(self._layer(name), self.graph.calls[name][number], specs, build)
            specs |= {TensorSource(name, number, index): spec for index, spec in enumerate(outputs)}
        return specs

    def _call_specs(self, layer: Layer, call: Call, specs: _Specs, build: bool) -> list[TensorSpec]:
        try:
            args, kwargs = argument_specs(map_sources(specs.__getitem__, [call.args, call.kwargs]))
            return flatten(layer.output_specs(args, kwargs, build))
        except (TypeError, ValueError, OverflowError, RuntimeError) as error:
            raise ValueError(f"Layer `{layer.name}` ({type(layer).__name__}): {error}") from None

    # -- calling ----------------------------------------------------------------------------------------------------

    def forward(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Call the layers in the order of the graph.

        Args:
            inputs: a tensor for a model of one input; else a list of tensors in the inputs' order, or a dictionary by
                the inputs' names.
            mask: a mask for each input, in the same structure; ``None`` for none.
            training: handed to every layer, unless its call has one of its own; ``None`` leaves each to its own
                ``training`` flag.

        Returns:
            The outputs, with their masks: a tensor, or a list or dictionary of them, as the model was made.

        Raises:
            ValueError: when the inputs are not those of the model.
        """
        if self._tensors is None and not self.built:
            self.build()
        arranged = self._arranged(inputs, "inputs")
        if mask is not None:
            masks = self._arranged(mask, "masks")
            arranged = {end: masked(value, masks[end]) for end, value in arranged.items()}
        values: _Values = {end: self._layer(end.layer)(value) for end, value in arranged.items()}
        if self._chain is not None:
            (outputs,) = values.values()
            given = {} if training is None else {"training": training}
            for place in self._chain:
                outputs = as_layer(self.layers[place])(outputs, **given)
                if not isinstance(outputs, Tensor):
                    outputs = flatten(outputs)[0]
            if mask is None and not (training or torch.is_grad_enabled() or torch.compiler.is_compiling()):
                self._chains.after(self, [as_layer(self.layers[place]) for place in self._chain], inputs)
            return outputs
        for name, number in self._order:
            outputs = flatten(self._run(name, number, values, training))
            values |= {TensorSource(name, number, index): output for index, output in enumerate(outputs)}
        return single(map_sources(values.__getitem__, self.graph.outputs))

    def chain_facts(self, links: Links, inputs: Tensor) -> None:
        """What calls on such inputs depend on beside the layers, for a chain of these.

        Raises:
            CannotChainError: when the input layer makes others of them.
        """
        (entry,) = [self._layer(end.layer) for end in sources_in(self.graph.inputs)]
        links.module(entry)
        first, made = as_layer(self.layers[self._chain[0]]), entry(inputs)  # type: ignore[index]  # a chain has one
        # Keras' inputs are floating numbers unless it is told, and indices that a table has are whole ones then.
        are_indices = not inputs.is_floating_point() and isinstance(first, Embedding) and first.input_dim <= 2**24
        if type(entry) is not InputLayer or not (made is inputs or (are_indices and made.shape == inputs.shape)):
            raise CannotChainError(self.name)
        links.attributes(entry, "batch_input_shape", "_placed_dtype")
        links.attributes(self, "_chain", "graph")
        links.listed(self)

    def _run(self, name: str, number: int, values: _Values, training: bool | None) -> Any:
        """What one call gives."""
        layer, call = self._layer(name), self.graph.calls[name][number]
        args = map_sources(values.__getitem__, [*call.args])
        kwargs = map_sources(values.__getitem__, call.kwargs)
        if call.has_constants:
            args, kwargs = map_leaves(Constant, lambda constant: constant.beside(layer), [args, kwargs])
        if "mask" in layer.call_arguments and kwargs and args:
            others = any(True for _ in sources_in([*call.kwargs.values()]))
            if "mask" not in kwargs:
                # In a call with further tensors, such as states, Keras 3 writes `mask=None`, and older ones meant it.
                kwargs["mask"] = mask_of(args[0])
            elif kwargs["mask"] is None and not others:
                args[0] = unmasked(args[0])
        if training is not None:
            kwargs.setdefault("training", training)
        return layer(*args, **kwargs)

    supports_masking = True
    masks_inside = True

    def mask_outputs(self, outputs: Any, inputs: Any, mask: Any) -> Any:
        """The outputs as they are: the layers inside have masked them."""
        return outputs

    def _arranged(self, given: Any, what: str) -> dict[TensorSource, Any]:
        """What was given for each input."""
        inputs = self.graph.inputs
        if type(inputs) is TensorSource and isinstance(given, Tensor):  # nearly every call, which need not be slow
            return {inputs: given}
        return arranged(given, inputs, self.input_names, what, self.name)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The masks of the outputs; the model is run for them, whose outputs have them already."""
        with torch.no_grad():
            return mask_of(self(inputs, mask=mask))

    # -- configuration and text -------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The layers' configurations and their calls, in Keras 3's form.

        A class whose constructor takes other arguments than this one has the configuration of any model of one's own.
        """
        own: Any = type(self)
        if not is_made_as_functional(own):
            return super().get_config()
        graph = self.graph_config()
        nodes = graph.pop("inbound_nodes")
        layers = [
            {**serialize(layer), "name": layer.name, "inbound_nodes": nodes.get(layer.name, [])}
            for layer in map(as_layer, self.layers)
        ]
        return {"name": self.name, "trainable": self.trainable, "layers": layers, **graph}

    def graph_config(self) -> dict[str, Any]:
        """The calls in Keras 3's form, as :meth:`Graph.to_config`, with the shapes and types of their tensors."""
        specs: Mapping[TensorSource, Any] = self._tensors or self._specs(self._ends(self.input_shape), build=False)

        def described(source: TensorSource) -> dict[str, Any]:
            found = specs[source]
            return {"shape": [*found.shape], "dtype": dtypes.name(found.dtype)}

        models = {layer.name for layer in self.layers if isinstance(layer, Functional)}
        return self.graph.to_config(models, described)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """A new model with new layers.

        A class of one's own is called as ``cls(inputs=, outputs=, name=, trainable=, ...)`` with what else ``config``
        has.

        Args:
            config: of :meth:`get_config`, ours or Keras 3's.
            custom_objects: as of :func:`torch_keras_lstm.layers.deserialize`.
        """
        own: Any = cls
        if cls is not Functional and not ("layers" in config and is_made_as_functional(own)):
            return cast(Self, super().from_config(config))
        return cast(Self, cls.in_class(cls, config, custom_objects))

    @staticmethod
    def in_class(
        model_class: type[Any], config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """As :meth:`from_config`, a model of ``model_class``, which need not have become one of functional models."""
        model = Functional.unbuilt_from_config(config, custom_objects)
        model.build()
        if model_class is Functional:
            return model
        others = {name: value for name, value in config.items() if name not in _CONFIG}
        return model_class(model.input, model.output, name=model.name, trainable=model.trainable, **others)

    @classmethod
    def unbuilt_from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """As :meth:`from_config`; a model of this very class is built by ``build()`` or the first call."""
        if cls is not Functional:
            return cls.from_config(config, custom_objects)
        layers = [deserialize(entry, custom_objects) for entry in config["layers"]]
        nodes = {layer.name: entry["inbound_nodes"] for layer, entry in zip(layers, config["layers"], strict=True)}
        graph = Graph(
            {name: calls_from_config(calls, f"Layer `{name}`") for name, calls in nodes.items()},
            ends_from_config(config["input_layers"], "`input_layers`"),
            ends_from_config(config["output_layers"], "`output_layers`"),
        )
        graph = graph.ends_counted_from_zero({layer.name for layer in layers if isinstance(layer, Functional)})
        return cls.from_graph(layers, graph, config.get("name"), config.get("trainable", True))

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_tensors": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch has not annotated it
        if self.built:
            self._connect()

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


@cache
def is_made_as_functional(model_class: Any) -> bool:
    """Whether the constructor takes inputs and outputs, by these names or as whatever it is given."""
    parameters = inspect.signature(model_class.__init__).parameters.values()
    names = [one.name for one in parameters if one.kind is one.POSITIONAL_OR_KEYWORD][1:]
    kinds = {one.kind for one in parameters}
    takes_all = inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    return takes_all or names[:2] == ["inputs", "outputs"]


# What `from_config` reads itself.
_CONFIG = frozenset(["name", "trainable", "layers", "input_layers", "output_layers"])
