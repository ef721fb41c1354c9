"""A model's configuration, as any Keras wrote it, into one frozen description in Keras 3's terms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Any

from torch_keras_lstm.conversion import tfjs_dialect, topology
from torch_keras_lstm.conversion.argument_kinds import (
    ARGUMENTS,
    LAYER,
    LAYERS,
    OPTIONAL_LAYER,
    check_arguments,
    is_layer,
    is_shape,
    with_flags,
)
from torch_keras_lstm.conversion.dialects import OVER_TIME, function_name, translate
from torch_keras_lstm.conversion.implicit_masks import without_implicit_masks
from torch_keras_lstm.conversion.old_sequential import as_functional, first_layer, has_branches, with_name
from torch_keras_lstm.conversion.producer import Generation, Producer, identify
from torch_keras_lstm.conversion.saved_policies import lora_alpha, policy_of
from torch_keras_lstm.layers.hashing import integer_type
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.models.graph import Graph, ends_from_config, sources_in
from torch_keras_lstm.operations import is_operation
from torch_keras_lstm.operations.table import OPERATIONS

Shape = tuple[int | None, ...]

_MODEL_CLASSES = ("Sequential", "Functional", "Model")
_OF_INTEGERS = ("HashedCrossing", "Hashing")  # the layers whose type is that of the integers they give
_FLOATING = ("float16", "bfloat16", "float32", "float64")
# TensorFlow takes these too, and Keras 1 and 2 wrote down what they had been given.
_NUMPY_NAMES = {"half": "float16", "float": "float32", "double": "float64"}


class OwnModelClass(ValueError):
    """The model is of a class of somebody's own, whose configuration does not describe its layers."""


@dataclass(frozen=True)
class LayerDescription:
    """A layer of the model.

    Attributes:
        class_name: Keras 3's name of the class.
        name: the layer's name.
        place: the layer as an error names it; a wrapped layer is named with its wrapper.
        arguments: the constructor's arguments in Keras 3's names; for an unknown class the configuration as it stands.
        children: layers among the arguments, by argument name: ``layer`` and ``backward_layer`` of ``Bidirectional``.
        lists: arguments that hold several layers each: ``cells`` of ``StackedRNNCells``.
        lora_alpha: by which its update of low rank counts, if it has one.
    """

    class_name: str
    name: str
    place: str
    arguments: Mapping[str, Any]
    children: Mapping[str, "LayerDescription"]
    lists: Mapping[str, tuple["LayerDescription", ...]] = field(default_factory=dict)
    lora_alpha: float | None = None

    def walk(self) -> Iterator["LayerDescription"]:
        """This layer and those inside it."""
        yield self
        for child in chain(self.children.values(), *self.lists.values()):
            yield from child.walk()

    def to_config(self) -> dict[str, Any]:
        """The layer as Keras 3 writes it: ``{"class_name": ..., "config": ...}``."""
        children = {name: child.to_config() for name, child in self.children.items()}
        lists = {name: [child.to_config() for child in several] for name, several in self.lists.items()}
        return {"class_name": self.class_name, "config": {**self.arguments, **children, **lists}}


@dataclass(frozen=True)
class NestedModel(LayerDescription):
    """A model that is a layer of another.

    Attributes:
        layers: in order.
        graph: how they are joined; ``None`` when they run one after the other.
    """

    layers: tuple[LayerDescription, ...] = ()
    graph: Graph | None = None

    def walk(self) -> Iterator[LayerDescription]:
        """This model and its layers, and those inside them."""
        yield self
        for layer in self.layers:
            yield from layer.walk()

    def to_config(self) -> dict[str, Any]:
        """The model as Keras 3 writes it."""
        return _model_config(self.name, self.layers, self.graph)


@dataclass(frozen=True)
class ModelDescription:
    """A model: layers that run one after the other, or that a graph joins.

    Attributes:
        name: the model's name.
        layers: in order; input layers are among them when there is a graph, and left out when there is none.
        input_shape: of a model without a graph, the batch axis in front; ``None`` when the file does not tell.
        input_dtype: of a model without a graph: "float32", or an integer type for embeddings.
        producer: who wrote the file, and so what its words mean.
        notes: what was read differently from how it stands, for the report.
        graph: how the layers are joined; ``None`` when they run one after the other.
    """

    name: str
    layers: tuple[LayerDescription, ...]
    input_shape: Shape | None
    input_dtype: str
    producer: Producer
    notes: tuple[str, ...] = ()
    graph: Graph | None = None

    @property
    def lora_alphas(self) -> Mapping[str, float]:
        """By which the updates of low rank of its layers count, by the layers' names."""
        parts = (part for layer in self.layers for part in layer.walk())
        return {part.name: part.lora_alpha for part in parts if part.lora_alpha is not None}

    @property
    def inputs(self) -> tuple[tuple[Shape | None, str], ...]:
        """Shape and type of each input, in order."""
        if self.graph is None:
            return ((self.input_shape, self.input_dtype),)
        named = {layer.name: layer.arguments for layer in self.layers}
        ends = [named[source.layer] for source in sources_in(self.graph.inputs)]
        return tuple((tuple(end["batch_shape"]), end["dtype"]) for end in ends)

    def to_config(self) -> dict[str, Any]:
        """The model as :func:`describe` reads it back with ``keras_version`` "3.15" and ``own``."""
        config = _model_config(self.name, self.layers, self.graph)
        if self.graph is None and self.input_shape is not None:
            entry = {"name": "input", "batch_shape": list(self.input_shape), "dtype": self.input_dtype}
            config["config"]["layers"].insert(0, {"class_name": "InputLayer", "config": entry})
        return config


def _model_config(name: str, layers: Sequence[LayerDescription], graph: Graph | None) -> dict[str, Any]:
    entries = [layer.to_config() for layer in layers]
    if graph is None:
        return {"class_name": "Sequential", "config": {"name": name, "layers": entries}}
    models = {layer.name for layer in layers if isinstance(layer, NestedModel) and layer.graph is not None}
    joined = graph.to_config(models)
    nodes = joined.pop("inbound_nodes")
    named = [
        {**entry, "name": layer.name, "inbound_nodes": nodes[layer.name]}
        for entry, layer in zip(entries, layers, strict=True)
    ]
    return {"class_name": "Functional", "config": {"name": name, "layers": named, **joined}}


def describe(
    root: Mapping[str, Any], keras_version: str | None, own: bool = False, for_tfjs: bool = False
) -> ModelDescription:
    """The description of a model from its configuration.

    Args:
        root: ``{"class_name": "Sequential", "config": ...}``, from ``model_config``, ``config.json`` or ``to_json()``.
        keras_version: what the file says of who wrote it.
        own: whether the configuration is that of :meth:`ModelDescription.to_config`, in Keras 3's words.
        for_tfjs: whether the file is one for TF.js.

    Raises:
        ValueError: when the configuration is broken, or holds an argument that a known layer does not have or that has
            the wrong type. Unknown layers are no error here: they stand in the description under their class.
    """
    class_name, config = root.get("class_name"), root.get("config")
    if class_name is None:
        raise ValueError(
            'This is not the configuration of a Keras model, {"class_name": ..., "config": ...}: it has '
            f"{', '.join(f'`{name}`' for name in [*root][:10]) or 'nothing'}."
        )
    if class_name not in _MODEL_CLASSES:
        raise OwnModelClass(
            f"The model's `class_name` is {class_name!r}; expected one of {', '.join(map(repr, _MODEL_CLASSES))}. "
            "A model class of one's own does not describe its layers: load its weights into a model made by hand."
        )
    table = _table(class_name, config)
    reader = _Reader(identify(keras_version, root, table["layers"], for_tfjs), own)
    name = reader.name(table, "sequential")
    layers, graph, first = reader.body(class_name, table)
    shape = first.get("batch_input_shape", first.get("batch_shape", table.get("build_input_shape")))
    if graph is None and shape is not None and not is_shape(shape):
        raise ValueError(f"The model's input shape must be a list of positive integers or nulls, got {shape!r}.")
    if reader.producer.tfjs is not None:
        every = [part for layer in layers for part in layer.walk()]
        reader.notes += tfjs_dialect.notes(every, from_keras=reader.producer.generation is Generation.TF_KERAS)
    if graph is None and not own and reader.producer.generation is Generation.KERAS_3:
        reader.notes += _notes_on_masks(reader.producer, layers)
    return ModelDescription(
        name,
        layers,
        tuple(shape) if graph is None and shape is not None else None,
        reader.input_dtype(first, layers),
        reader.producer,
        tuple(dict.fromkeys(reader.notes)),
        graph,
    )


def _notes_on_masks(producer: Producer, layers: Sequence[LayerDescription]) -> list[str]:
    """What is to be said of a row of layers whose numbers hang on the Keras 3 that saved it, which it does not tell."""
    parts = [part for layer in layers for part in layer.walk()]
    masked = any(part.class_name == "Masking" or part.arguments.get("mask_zero") is True for part in parts)
    if producer.version is not None or not masked or not any(part.class_name in OVER_TIME for part in parts):
        return []
    return [
        "It does not say which Keras 3 wrote it: masks go on behind layers over time, as up to 3.15. "
        '`"keras_version": "3.16.0"` beside its `"class_name"` ends them there.'
    ]


def producer_of(root: Mapping[str, Any], keras_version: str | None, for_tfjs: bool = False) -> Producer:
    """Who wrote the configuration of a model, of a class of somebody's own too; arguments as :func:`describe`."""
    is_own = root.get("class_name") not in _MODEL_CLASSES
    layers = [] if is_own else _table(root["class_name"], root.get("config"))["layers"]
    return identify(keras_version, root, layers, for_tfjs)


def _table(class_name: object, config: Any) -> Mapping[str, Any]:
    """The configuration of a model as a table with its ``layers``."""
    # A Sequential model of Keras 1, and of Keras 2 up to 2.2.2, is a bare list of its layers.
    table = {"layers": config} if class_name == "Sequential" and isinstance(config, list) else config
    entries = table.get("layers") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(entries, list) or not all(map(is_layer, entries)):
        raise ValueError("The model's `config` must hold `layers`, a list of objects with `class_name` and `config`.")
    return table


def _with_names(entries: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The layers of a row, those of somebody's own named as Keras names them where they wrote no ``get_config``."""
    configs = [entry["config"] for entry in entries]
    taken = {
        config["name"] for config in configs if isinstance(config, Mapping) and isinstance(config.get("name"), str)
    }
    named = []
    for entry in entries:
        config = entry["config"]
        if isinstance(config, Mapping) and "name" not in config and entry["class_name"] not in ARGUMENTS:
            base = snake_case(entry["class_name"].rpartition(">")[2])
            free = (base if number == 0 else f"{base}_{number}" for number in count())
            name = next(name for name in free if name not in taken)
            taken.add(name)
            entry = {**entry, "config": {**config, "name": name}}
        named.append(entry)
    return named


def _numpy_name(dtype: object) -> object:
    return _NUMPY_NAMES.get(dtype, dtype) if isinstance(dtype, str) else dtype


@dataclass
class _Reader:
    """The walk over one configuration: who wrote it, and the notes that gather on the way."""

    producer: Producer
    own: bool
    notes: list[str] = field(default_factory=list)
    floatx: str = "float32"

    def name(self, table: Mapping[str, Any], default: str) -> str:
        name = table.get("name", default)
        if not isinstance(name, str):
            raise ValueError(f"The model's `name` must be a string, got {name!r}.")
        return name

    def body(
        self, class_name: object, table: Mapping[str, Any], place: str = ""
    ) -> tuple[tuple[LayerDescription, ...], Graph | None, Mapping[str, Any]]:
        """A model's layers, its graph unless it is a row, and the configuration of the first entry of a row."""
        if class_name == "Sequential" and has_branches(table["layers"]):
            table = {**table, **as_functional(table["layers"])}
        elif class_name == "Sequential":
            return self._row(table["layers"], place)
        named: dict[str, Mapping[str, Any]] = {}
        for entry in table["layers"]:
            name = entry.get("name", None if isinstance(entry["config"], list) else entry["config"].get("name"))
            if not isinstance(name, str) or name in named:
                raise ValueError(f"The model's layers must have names, each its own; got {name!r}.")
            # Keras names a layer by its entry; the name in its configuration may differ.
            config = {"layers": entry["config"]} if isinstance(entry["config"], list) else entry["config"]
            named[name] = {**entry, "config": {**config, "name": name}}
        graph = self._graph(table, named)
        named = {name: named[name] for name in graph.calls}
        for entry in [*named.values()][:1]:
            self._note_floatx(entry["config"])
        return tuple(self.layer(entry, place) for entry in named.values()), graph, {}

    def _row(
        self, entries: Sequence[Mapping[str, Any]], place: str
    ) -> tuple[tuple[LayerDescription, ...], None, Mapping[str, Any]]:
        entries = _with_names(entries)
        start = first_layer(entries) if entries else {}
        first = start["config"] if isinstance(start.get("config"), dict) else {}
        self._note_floatx(first)
        layers = tuple(self.layer(entry, place) for entry in entries if entry["class_name"] != "InputLayer")
        names = [layer.name for layer in layers]
        if len(set(names)) < len(names):
            raise ValueError(f"Two layers are named {next(n for n in names if names.count(n) > 1)!r}.")
        is_input = start.get("class_name") == "InputLayer"
        return layers, None, {**first, "dtype": first.get("dtype") if is_input else None}

    def _graph(self, table: Mapping[str, Any], named: Mapping[str, Mapping[str, Any]]) -> Graph:
        names = frozenset(named)
        graph = Graph(
            {name: topology.calls(entry, names, f"Layer `{name}`", self.own) for name, entry in named.items()},
            ends_from_config(table.get("input_layers"), "`input_layers`"),
            ends_from_config(table.get("output_layers"), "`output_layers`"),
        )
        models = frozenset(name for name, entry in named.items() if entry["class_name"] in _MODEL_CLASSES)
        if self.producer.generation < Generation.KERAS_3:
            return topology.counted_from_zero(graph, models)
        functional = {name for name in models if named[name]["class_name"] != "Sequential"}
        graph = graph.ends_counted_from_zero(functional)
        return graph if self.own else without_implicit_masks(graph, named, self.producer.has_rules_of_3_16)

    def _note_floatx(self, first: Mapping[str, Any]) -> None:
        # Keras 1 and 2 wrote down the type of the input only: floats of that type were the type of everything.
        declared = first.get("dtype", first.get("input_dtype"))
        if self.producer.generation < Generation.TF_KERAS and _numpy_name(declared) == "float64":
            self.floatx = "float64"

    def input_dtype(self, first: Mapping[str, Any], layers: Sequence[LayerDescription]) -> str:
        """The type of the input of a model without a graph; ``first`` is its input layer's configuration."""
        if layers and layers[0].class_name == "Embedding":
            return "int32"
        declared = _numpy_name(first.get("dtype"))
        return declared if isinstance(declared, str) else self.floatx

    def input_layer(self, config: Mapping[str, Any], place: str) -> LayerDescription:
        shape = config.get("batch_shape", config.get("batch_input_shape"))
        if not is_shape(shape):
            raise ValueError(f"{place}: the input's shape must be a list of positive integers or nulls, got {shape!r}.")
        dtype = _numpy_name(config.get("dtype"))
        arguments = {"name": config["name"], "batch_shape": list(shape), "dtype": dtype or self.floatx}
        return LayerDescription("InputLayer", config["name"], place, arguments, {})

    def nested(self, class_name: str, config: Mapping[str, Any], place: str) -> NestedModel:
        name = config["name"]
        layers, graph, _ = self.body(class_name, _table(class_name, config), f"in `{name}`")
        known = "Sequential" if graph is None else "Functional"
        return NestedModel(known, name, place, {}, {}, layers=layers, graph=graph)

    def layer(self, entry: Mapping[str, Any], wrapper: str = "", dtype: object = None) -> LayerDescription:
        """The description of one entry; ``dtype`` is that of the wrapper, for layers that name none."""
        entry = with_name(entry)
        class_name, config = entry["class_name"], entry["config"]
        if not isinstance(config, Mapping) or not isinstance(config.get("name"), str):
            where = wrapper or "a layer of the model"
            raise ValueError(f"The {class_name} that is {where} must have a `config` with a `name`.")
        place = f"Layer `{config['name']}`" + (f" ({wrapper})" if wrapper else "")
        if class_name == "InputLayer":
            return self.input_layer(config, place)
        if class_name in _MODEL_CLASSES:
            return self.nested(class_name, config, place)
        if class_name == "OperationLayer":
            return LayerDescription(class_name, config["name"], place, config, {})
        if self._is_operation(entry):
            if class_name == "Quantile" and not self.own and config.get("method", "linear") != "linear":
                self.notes.append(
                    f"{place}: Keras' graphs forget the `method` of Quantile, and take 'linear'; so here."
                )
                config = {**config, "method": "linear"}
            arguments = {"name": config["name"], "operation": class_name, "arguments": config}
            return LayerDescription("OperationLayer", config["name"], place, arguments, {})
        class_name, arguments, notes = translate(class_name, config, self.producer, place)
        if class_name not in ARGUMENTS:
            return LayerDescription(class_name, config["name"], place, config, {})
        self.notes += notes
        arguments = with_flags(class_name, arguments)
        check_arguments(class_name, arguments, place)
        if class_name not in _OF_INTEGERS or integer_type(arguments.get("dtype")) is None:
            arguments["dtype"] = self._dtype(arguments.get("dtype", dtype) or dtype, place)
        children, lists = {}, {}
        for name, value in list(arguments.items()):
            kind = ARGUMENTS[class_name].get(name)
            if kind is LAYERS:
                where = f"`{name}` of `{config['name']}`"
                lists[name] = tuple(self.layer(entry, where, arguments["dtype"]) for entry in arguments.pop(name))
            may_be_layer = kind in (LAYER, OPTIONAL_LAYER) or name.endswith("activation")
            if may_be_layer and is_layer(value) and function_name(value) is None:
                children[name] = self.layer(arguments.pop(name), f"`{name}` of `{config['name']}`", arguments["dtype"])
        alpha = lora_alpha(config, place)
        return LayerDescription(class_name, config["name"], place, arguments, children, lists, alpha)

    def _is_operation(self, entry: Mapping[str, Any]) -> bool:
        if "module" in entry or self.producer.generation < Generation.KERAS_3:
            module = entry.get("module")
            return is_operation(entry["class_name"], module if isinstance(module, str) else None)
        # Keras 3's HDF5 files have no modules; that only layers are trainable tells its two classes `Add` apart.
        return entry["class_name"] in OPERATIONS and "inbound_nodes" in entry and "trainable" not in entry["config"]

    def _dtype(self, dtype: object, place: str) -> str:
        dtype = _numpy_name(policy_of(dtype, place))
        if dtype is None or (isinstance(dtype, str) and dtype.startswith(("int", "uint", "bool", "string"))):
            return self.floatx  # the type of what an embedding or a text layer takes, which older Keras wrote here
        if self.producer.generation < Generation.TF_KERAS:
            return self.floatx
        if dtype not in (*_FLOATING, "mixed_float16", "mixed_bfloat16"):
            raise ValueError(f"{place}: `dtype` must be one of {', '.join(_FLOATING)}, got {dtype!r}.")
        return str(dtype)
