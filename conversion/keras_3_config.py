"""A model's configuration as Keras 3.15 writes it, so that Keras reads it back; what it has no words for is refused."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.conversion.argument_kinds import is_layer
from torch_keras_lstm.layers import Layer, serialize
from torch_keras_lstm.layers.vocabularies import learned_vocabularies
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential
from torch_keras_lstm.models.graph import sources_in
from torch_keras_lstm.models.model import as_layer
from torch_keras_lstm.saving.objects import serialize_keras_object
from torch_keras_lstm.structure import flatten

KERAS_VERSION = "3.15.1"

# Layers of Keras 1 and 2 that Keras 3 dropped.
_DROPPED_LAYERS = frozenset(["Highway", "MaxoutDense", "Merge", "ThresholdedReLU"])
# Layers whose weights Keras' files hold in another way than all others'.
_WITHOUT_FILES = frozenset(["SpectralNormalization"])
# Arguments of ours for what older Kerases did.
_OURS_ALONE = frozenset(
    ["all_steps_at_once", "causal", "combine_masks", "hold_initial_state", "softmax_robust_masking"]
)
_OUR_ACTIVATION = "hard_sigmoid_keras2"


def model_config(model: Model, unbuilt: bool = False) -> dict[str, Any]:
    """The object that ``config.json`` of a ``.keras`` file and ``model_config`` of an ``.h5`` file hold.

    Args:
        model: the model.
        unbuilt: whether a ``Sequential`` may have no input shape yet.

    Raises:
        ValueError: when the model is none of Keras' own kinds, is not built, or computes what Keras 3 cannot.
    """
    if model._is_own:
        with learned_vocabularies():
            return _own_model(model)
    if not isinstance(model, Functional | Sequential):
        raise ValueError(f"Model `{model.name}` ({type(model).__name__}) has no layers that a file could describe.")
    if unbuilt and isinstance(model, Sequential) and model.batch_input_shape is None:
        with learned_vocabularies():
            return _entry(model)
    if not model.built or (isinstance(model, Sequential) and model.batch_input_shape is None):
        raise ValueError(
            f"Model `{model.name}` is not built: call it once, or `build(input_shape)`, before you save it."
        )
    with learned_vocabularies():
        entry = _entry(model)
    if isinstance(model, Sequential):
        entry["build_config"] = {"input_shape": list(model.batch_input_shape or ())}
    return entry


def keras_layers(model: Model) -> list[Layer]:
    """The layers as Keras counts them: operations are none."""
    return [layer for layer in model.layers if isinstance(layer, Layer) and not isinstance(layer, OperationLayer)]


def _entry(layer: Layer) -> dict[str, Any]:
    """One layer, or model, with those inside it."""
    if isinstance(layer, Model) and layer._is_own:
        return _own_model(layer)
    if isinstance(layer, Functional):
        return _object("keras.src.models.functional", "Functional", _functional(layer), "Functional")
    if isinstance(layer, OperationLayer):
        return _operation(layer)
    entry = serialize(layer)
    if isinstance(layer, Sequential):
        entry["config"]["layers"] = _row(layer, entry["config"])
        return entry
    config = entry["config"]
    held = {name: getattr(layer, name, None) for name in config}
    config |= {name: _entry(inner) for name, inner in held.items() if isinstance(inner, Layer)}
    if layer._is_own:
        entry["config"] = serialize_keras_object(config)
    _check(layer, entry)
    return entry


def _row(model: Sequential, config: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a Sequential model's layers, the input first if its shape is known."""
    inputs = config["layers"][: len(config["layers"]) - len(model.layers)]
    return [*inputs, *(_entry(inner) for inner in model.layers if isinstance(inner, Layer))]


def _own_model(model: Model) -> dict[str, Any]:
    """A model whose class is the user's own: what its ``get_config`` tells, and for which shapes it is built."""
    entry = serialize(model)
    config = entry["config"]
    if isinstance(model, Functional) and {"layers", "input_layers", "output_layers"} <= config.keys():
        config |= _functional(model)
    elif isinstance(model, Sequential) and "layers" in config:
        config["layers"] = _row(model, config)
    module = None if entry["module"] == "__main__" else entry["module"]
    entry = {**entry, "module": module, "config": serialize_keras_object(config)}
    build_config = model.get_build_config()
    return entry if build_config is None else {**entry, "build_config": serialize_keras_object(build_config)}


def _object(module: str, class_name: str, config: Mapping[str, Any], registered_name: str | None) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def _check(layer: Layer, entry: Mapping[str, Any]) -> None:
    """Refuse what Keras 3 would not read, or would compute otherwise."""
    class_name, config = entry["class_name"], entry["config"]
    if class_name in _DROPPED_LAYERS:
        raise _inexpressible(layer, f"Keras 3 has no layer {class_name}")
    if class_name in _WITHOUT_FILES:
        raise _inexpressible(layer, f"a {class_name}, which Keras' files hold twice")
    if class_name == "Bidirectional" and "zero_output_for_mask" in config:
        raise _inexpressible(layer, f"`zero_output_for_mask={config['zero_output_for_mask']}` of Bidirectional")
    if class_name == "GaussianNoise" and config["stddev"] > 1:
        raise _inexpressible(layer, f"`stddev={config['stddev']}`, of which Keras 3 allows 1 at most")
    for name, value in config.items():
        if name in _OURS_ALONE or value == _OUR_ACTIVATION:
            raise _inexpressible(layer, f"`{name}={value!r}`, a rule of older Kerases")
        for inner in value if isinstance(value, list) else [value]:
            if is_layer(inner) and inner["class_name"] not in ("Functional", "Sequential"):
                _check(layer, inner)


def _inexpressible(layer: Layer, what: str) -> ValueError:
    return ValueError(
        f"Layer `{layer.name}` ({type(layer).__name__}) cannot be saved for Keras 3: {what}. Save the model into a "
        "folder instead, `model.save('folder')`, which `load_model` reads and `torch-keras-lstm convert` writes."
    )


def _operation(layer: OperationLayer) -> dict[str, Any]:
    entry = layer.entry_of_its_own()
    if entry is not None:
        return entry
    if any(map(callable, flatten(layer.arguments))):
        raise _inexpressible(layer, f"{layer.operation} is called with a function, which no file holds")
    raise _inexpressible(layer, f"{layer.operation} is an operation of TensorFlow's")


def _functional(model: Functional) -> dict[str, Any]:
    _check_masks(model)
    calls = [call for calls in model.graph.calls.values() for call in calls]
    if any(map(callable, flatten([[call.args, call.kwargs] for call in calls]))):
        raise _inexpressible(model, "an operation in it is called with a function, which no file holds")
    model.build()
    graph = model.graph_config()
    nodes = graph.pop("inbound_nodes")
    entries = [
        {**_entry(layer), "name": layer.name, "inbound_nodes": nodes.get(layer.name, [])}
        for layer in map(as_layer, model.layers)
    ]
    return {"name": model.name, "trainable": model.trainable, "layers": entries, **graph}


def _check_masks(model: Functional) -> None:
    """Refuse calls with an initial state that get the mask of their input all the same, as they did before Keras 3."""
    makes_masks = any(getattr(part, "mask_zero", hasattr(part, "mask_value")) for part in model.modules())
    layers = {layer.name: layer for layer in model.layers if isinstance(layer, Layer)} if makes_masks else {}
    for name, layer in layers.items():
        if "mask" not in layer.call_arguments:
            continue
        for call in model.graph.calls.get(name, ()):
            if "mask" not in call.kwargs and any(True for _ in sources_in([*call.kwargs.values()])):
                raise _inexpressible(layer, "it gets a mask beside `initial_state`, a rule of older Kerases")
