"""A model's configuration, as any Keras wrote it, into one frozen description in Keras 3's terms."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from torch_keras_lstm.conversion import topology
from torch_keras_lstm.conversion.arguments import (
    ARGUMENTS,
    LAYER,
    LAYERS,
    OPTIONAL_LAYER,
    check_arguments,
    is_layer,
    is_shape,
)
from torch_keras_lstm.conversion.dialects import Generation, Producer, function_name, identify, translate

Shape = tuple[int | None, ...]

_MODEL_CLASSES = ("Sequential", "Functional", "Model")
_FLOATING = ("float16", "bfloat16", "float32", "float64")


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
    """

    class_name: str
    name: str
    place: str
    arguments: Mapping[str, Any]
    children: Mapping[str, "LayerDescription"]
    lists: Mapping[str, tuple["LayerDescription", ...]] = field(default_factory=dict)

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
class ModelDescription:
    """A model whose layers run one after the other.

    Attributes:
        name: the model's name.
        layers: in order, input layers left out.
        input_shape: with the batch axis in front; ``None`` when the file does not tell.
        input_dtype: "float32", or an integer type for embeddings.
        producer: who wrote the file, and so what its words mean.
        notes: what was read differently from how it stands, for the report.
        not_a_chain: why the layers do not run one after the other; ``None`` when they do.
    """

    name: str
    layers: tuple[LayerDescription, ...]
    input_shape: Shape | None
    input_dtype: str
    producer: Producer
    notes: tuple[str, ...] = ()
    not_a_chain: str | None = None

    def to_config(self) -> dict[str, Any]:
        """The model as :func:`describe` reads it back with ``keras_version`` "3.15"."""
        layers = [layer.to_config() for layer in self.layers]
        if self.input_shape is not None:
            config = {"name": "input", "batch_shape": list(self.input_shape), "dtype": self.input_dtype}
            layers.insert(0, {"class_name": "InputLayer", "config": config})
        return {"class_name": "Sequential", "config": {"name": self.name, "layers": layers}}


def describe(root: Mapping[str, Any], keras_version: str | None) -> ModelDescription:
    """The description of a model from its configuration.

    Args:
        root: ``{"class_name": "Sequential", "config": ...}``, from ``model_config``, ``config.json`` or ``to_json()``.
        keras_version: what the file says of who wrote it.

    Raises:
        ValueError: when the configuration is broken, or holds an argument that a known layer does not have or that has
            the wrong type. Unknown layers are no error here: they stand in the description under their class.
    """
    class_name, config = root.get("class_name"), root.get("config")
    if class_name not in _MODEL_CLASSES:
        raise ValueError(
            f"The model's `class_name` is {class_name!r}; expected one of {', '.join(map(repr, _MODEL_CLASSES))}. "
            "A model class of one's own does not describe its layers: load its weights into a model made by hand."
        )
    # A Sequential model of Keras 1, and of Keras 2 up to 2.2.2, is a bare list of its layers.
    table = {"layers": config} if class_name == "Sequential" and isinstance(config, list) else config
    entries = table.get("layers") if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(entries, list) or not all(map(is_layer, entries)):
        raise ValueError("The model's `config` must hold `layers`, a list of objects with `class_name` and `config`.")
    reader = _Reader(identify(keras_version, root, entries))
    if class_name == "Sequential":
        return reader.sequential(table, entries)
    return reader.functional(table, entries)


@dataclass
class _Reader:
    """The walk over one configuration: who wrote it, and the notes that gather on the way."""

    producer: Producer
    notes: list[str] = field(default_factory=list)
    floatx: str = "float32"

    def sequential(self, config: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> ModelDescription:
        return self._model(config, entries, config.get("build_input_shape"), not_a_chain=None)

    def functional(self, config: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> ModelDescription:
        named: dict[str, Mapping[str, Any]] = {}
        for entry in entries:
            name = entry.get("name", entry["config"].get("name"))
            if not isinstance(name, str) or name in named:
                raise ValueError(f"The model's layers must have names, each its own; got {name!r}.")
            # Keras names a layer by its entry; the name in its configuration may differ.
            named[name] = {**entry, "config": {**entry["config"], "name": name}}
        graph = {name: topology.calls(entry, f"Layer `{name}`") for name, entry in named.items()}
        order = topology.chain(
            graph,
            topology.sources(config.get("input_layers"), "`input_layers`"),
            topology.sources(config.get("output_layers"), "`output_layers`"),
        )
        if isinstance(order, str):
            return self._model(config, [*named.values()], None, not_a_chain=order)
        return self._model(config, [named[name] for name in order], None, not_a_chain=None)

    def _model(
        self,
        config: Mapping[str, Any],
        entries: Sequence[Mapping[str, Any]],
        input_shape: object,
        not_a_chain: str | None,
    ) -> ModelDescription:
        name = config.get("name", "sequential")
        if not isinstance(name, str):
            raise ValueError(f"The model's `name` must be a string, got {name!r}.")
        first = entries[0]["config"] if entries else {}
        input_dtype = first.get("dtype", first.get("input_dtype"))
        # Keras 1 and 2 wrote down the type of the input only: floats of that type were the type of everything.
        if self.producer.generation < Generation.TF_KERAS and input_dtype == "float64":
            self.floatx = "float64"
        layers = [self.layer(entry) for entry in entries if entry["class_name"] != "InputLayer"]
        names = [layer.name for layer in layers]
        if len(set(names)) < len(names):
            raise ValueError(f"Two layers are named {next(n for n in names if names.count(n) > 1)!r}.")
        shape = first.get("batch_input_shape", first.get("batch_shape", input_shape))
        if shape is not None and not is_shape(shape):
            raise ValueError(f"The model's input shape must be a list of positive integers or nulls, got {shape!r}.")
        return ModelDescription(
            name,
            tuple(layers),
            None if shape is None else tuple(shape),
            self._input_dtype(entries, layers),
            self.producer,
            tuple(dict.fromkeys(self.notes)),
            not_a_chain,
        )

    def _input_dtype(self, entries: Sequence[Mapping[str, Any]], layers: Sequence[LayerDescription]) -> str:
        if layers and layers[0].class_name == "Embedding":
            return "int32"
        declared = entries[0]["config"].get("dtype") if entries and entries[0]["class_name"] == "InputLayer" else None
        return declared if isinstance(declared, str) else self.floatx

    def layer(self, entry: Mapping[str, Any], wrapper: str = "", dtype: object = None) -> LayerDescription:
        """The description of one entry; ``dtype`` is that of the wrapper, for layers that name none."""
        class_name, config = entry["class_name"], entry["config"]
        if not isinstance(config.get("name"), str):
            where = wrapper or "a layer of the model"
            raise ValueError(f"The {class_name} that is {where} must have a `config` with a `name`.")
        place = f"Layer `{config['name']}`" + (f" ({wrapper})" if wrapper else "")
        class_name, arguments, notes = translate(class_name, config, self.producer, place)
        if class_name not in ARGUMENTS:
            return LayerDescription(class_name, config["name"], place, config, {})
        self.notes += notes
        check_arguments(class_name, arguments, place)
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
        return LayerDescription(class_name, config["name"], place, arguments, children, lists)

    def _dtype(self, dtype: object, place: str) -> str:
        if isinstance(dtype, Mapping):
            config = dtype.get("config")
            dtype = config.get("name") if isinstance(config, Mapping) else dtype
        if dtype is None or (isinstance(dtype, str) and dtype.startswith(("int", "uint", "bool"))):
            return self.floatx  # the type of an embedding's indices, which older Keras wrote here
        if self.producer.generation < Generation.TF_KERAS:
            return self.floatx
        if dtype in ("mixed_float16", "mixed_bfloat16"):
            self.notes.append(f"The policy `{dtype}` is read as float32, the type in which its weights are kept.")
            return "float32"
        if dtype not in _FLOATING:
            raise ValueError(f"{place}: `dtype` must be one of {', '.join(_FLOATING)}, got {dtype!r}.")
        return str(dtype)
