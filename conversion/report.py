"""What is in a file, what of it was converted and what was not: the facts that ``inspect`` and ``convert`` show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch_keras_lstm.conversion import unneeded
from torch_keras_lstm.conversion.arrays import ArraysByLayer, SavedArray, Weights
from torch_keras_lstm.conversion.build import unsupported
from torch_keras_lstm.conversion.containers import SavedModel
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.layer_order import in_model_names
from torch_keras_lstm.conversion.looks_like import UNKNOWN, groups
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription, Shape
from torch_keras_lstm.conversion.variable_paths import group_paths
from torch_keras_lstm.layers import Layer
from torch_keras_lstm.models import Functional, Model


@dataclass(frozen=True)
class LayerReport:
    """A layer of the file.

    Attributes:
        name: the layer's name.
        kind: its class, with the class that it wraps: "Bidirectional(LSTM)".
        output_shape: batch axis first, ``None`` where a size is free; ``None`` when the layer cannot be built.
        parameters: how many numbers its arrays hold.
        arrays: how many arrays of the file are its.
        supported: whether it can be converted.
    """

    name: str
    kind: str
    output_shape: Any
    parameters: int
    arrays: int
    supported: bool


@dataclass(frozen=True)
class Report:
    """A model file.

    Attributes:
        container: the kind of file.
        written_by: the Keras that saved it.
        model: the model's name.
        input_shape: batch axis first; ``None`` when the file does not tell.
        layers: in order.
        left: how many arrays of what else the file holds and the model does not need: ``{"optimizer": 13}``.
        notes: what was read differently from how it stands.
        problem: why the model cannot be converted; ``None`` when it can.
    """

    container: str
    written_by: str
    model: str
    input_shape: Shape | None
    layers: tuple[LayerReport, ...]
    left: Mapping[str, int]
    notes: tuple[str, ...]
    problem: str | None

    @property
    def parameters(self) -> int:
        """How many numbers the layers' arrays hold."""
        return sum(layer.parameters for layer in self.layers)


def report_on_converted(description: ModelDescription, model: Model) -> Report:
    """The report on a folder that ``convert`` wrote."""
    built = [model.get_layer(index=index) for index in range(len(description.layers))]
    shapes = _output_shapes(description, built)
    layers = tuple(
        LayerReport(layer.name, kind(layer), shape, module.count_params(), len(module.state_dict()), True)
        for layer, module, shape in zip(description.layers, built, shapes, strict=True)
    )
    shape, notes = description.input_shape, description.notes
    return Report("converted model", "torch_keras_lstm", description.name, shape, layers, {}, notes, None)


def report_on(
    saved: SavedModel, built: Sequence[Layer] | None, problem: str | None, custom_objects: CustomObjects
) -> Report:
    """The report on an open model.

    Args:
        built: the layers, built, if they could be.
        problem: why the model cannot be converted, or ``None``.
        custom_objects: further classes that are supported.
    """
    model = saved.description
    shapes = _output_shapes(model, built) if built else [None] * len(model.layers)
    arrays = _arrays_by_layer(saved, built if problem is None else None)
    unknown = {layer.place for layer in unsupported(model, custom_objects)}
    layers = tuple(
        LayerReport(
            layer.name,
            kind(layer),
            shape,
            sum(array.size for array in arrays.get(layer.name, ())),
            len(arrays.get(layer.name, ())),
            not any(part.place in unknown for part in layer.walk()),
        )
        for layer, shape in zip(model.layers, shapes, strict=True)
    )
    left = saved.weights.left if saved.weights else {}
    notes = (*model.notes, *unneeded.notes(model, custom_objects))
    return Report(saved.container, str(model.producer), model.name, model.input_shape, layers, left, notes, problem)


def report_on_weights(weights: Weights, problem: str) -> Report:
    """The report on weights alone: for each layer what it looks like, and its arrays with their shapes as a note."""
    found = [*groups(weights.arrays)]
    layers = tuple(
        LayerReport(name, looks, None, sum(array.size for array in arrays.values()), len(arrays), looks != UNKNOWN)
        for name, looks, arrays in found
    )
    notes = tuple(
        f"{name}: " + ", ".join(f"{variable} {array.shape}" for variable, array in arrays.items())
        for name, _, arrays in found
    )
    written_by = f"Keras {weights.keras_version}" if weights.keras_version else "an unknown Keras"
    return Report(weights.container, written_by, "", None, layers, weights.left, notes, problem)


def kind(layer: LayerDescription) -> str:
    """The layer's class, and in parentheses the class or classes that it wraps; of an operation its name."""
    if layer.class_name == "OperationLayer":
        arguments = layer.arguments["arguments"]
        return str(arguments.get("function", layer.arguments["operation"]))
    wrapped = [layer.children[name] for name in ("layer", "cell") if name in layer.children]
    inside = ", ".join(map(kind, [*wrapped, *layer.lists.get("cells", ())]))
    return f"{layer.class_name}({inside})" if inside else layer.class_name


def _output_shapes(model: ModelDescription, layers: Sequence[Layer]) -> list[Any]:
    if model.graph is not None:
        of_layers = Functional.from_graph(layers, model.graph).layer_output_shapes()
        return [of_layers.get(layer.name) for layer in layers]
    shapes = []
    shape: Any = model.input_shape
    for layer in layers:
        shape = layer.compute_output_shape(shape)
        shapes.append(shape)
    return shapes


def _arrays_by_layer(saved: SavedModel, built: Sequence[Layer] | None) -> Mapping[str, Sequence[SavedArray]]:
    """The arrays of each layer by its name in the model, under which weights of their own file need not have it."""
    if saved.weights is None:
        return {}
    arrays, model = saved.weights.arrays, saved.description
    if built is not None:
        arrays = in_model_names(built, arrays)
    if isinstance(arrays, ArraysByLayer):
        return {layer: tuple(variables.values()) for layer, variables in arrays.layers.items()}
    places = group_paths([(layer.name, layer.class_name) for layer in model.layers], arrays, model.producer)
    return {
        name: tuple(array for path, array in arrays.paths.items() if path.startswith(f"{place}/"))
        for name, place in places.items()
    }
