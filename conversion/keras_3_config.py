"""A model's configuration as Keras 3 writes it, so that Keras reads it back; what it has no words for is refused."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.conversion.argument_kinds import is_layer
from torch_keras_lstm.layers import Bidirectional, Layer, Mosaic, TernaryDense, TimeDistributed, serialize
from torch_keras_lstm.layers.rules_of_files import WORDS
from torch_keras_lstm.layers.vocabularies import learned_vocabularies
from torch_keras_lstm.models import Functional, Model, OperationLayer, Sequential
from torch_keras_lstm.models.graph import sources_in
from torch_keras_lstm.models.model import as_layer
from torch_keras_lstm.saving.objects import serialize_keras_object
from torch_keras_lstm.structure import flatten

# The Keras whose rules the files follow that are written here, unless the model goes by those of Keras 3.16.
KERAS_VERSION = "3.15.1"
_KERAS_3_16 = "3.16.0"

# Layers of Keras 1 and 2 that Keras 3 dropped.
_DROPPED_LAYERS = frozenset(
    [
        "Highway",
        "LocallyConnected1D",
        "LocallyConnected2D",
        "MaxoutDense",
        "Merge",
        "RandomHeight",
        "RandomWidth",
        "ThresholdedReLU",
    ]
)
# Layers that came with Keras 3.16.
_SINCE_3_16 = (Mosaic, TernaryDense)
# Arguments of ours for what older Kerases did.
_OURS_ALONE = {
    *("all_steps_at_once", "causal", "combine_masks", "from_first", "hold_initial_state", "resizes_in_inference"),
    "softmax_robust_masking",
}
# Arguments that came with later releases than 3.0, and values of them that mean nothing.
_OF_AXES: Mapping[str, tuple[Any, ...]] = {"input_axes": (None,), "output_axes": (None,)}
_HEADS: Mapping[str, tuple[Any, ...]] = {
    "flash_attention": (None,),
    "seed": (None,),
    "sliding_window": (None,),
    "use_gate": (False,),
}
_NEWER_ARGUMENTS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    **dict.fromkeys(
        [*("GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform"), "VarianceScaling"],
        _OF_AXES,
    ),
    "BatchNormalization": {"renorm": (False,), "renorm_clipping": (None,), "renorm_momentum": (0.99,)},
    "GroupQueryAttention": _HEADS,
    "MultiHeadAttention": _HEADS,
}
# What the first releases of Keras 3 have under another name, by which those since know it too, if no module stands by.
_OLDER_INITIALIZERS = {"Orthogonal": "OrthogonalInitializer"}
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
    plain: dict[str, Any] = _without_newer_defaults(entry)
    return plain


def keras_version(model: Model) -> str:
    """The version of Keras by whose rules the model goes: a file has one, for all layers.

    Raises:
        ValueError: when some layers go by the rules from Keras 3.16 on, and others by those before.
    """
    wrappers = [part for part in model.modules() if isinstance(part, Bidirectional | TimeDistributed)]
    wrapped = {part for wrapper in wrappers for part in wrapper.modules() if part is not wrapper}
    by_rule: dict[bool, Layer] = {}
    for layer in model.modules():
        rules = [getattr(layer, rule) for rule in WORDS if hasattr(layer, rule)]
        rules += [True] if isinstance(layer, _SINCE_3_16) else []
        if rules and isinstance(layer, Layer) and layer not in wrapped:  # whose masks are their wrapper's affair
            by_rule.setdefault(any(rules), layer)
    if len(by_rule) == 2:
        other = by_rule[False].name
        raise _inexpressible(by_rule[True], f"it goes by a rule of Keras 3.16, layer `{other}` by that of earlier ones")
    return _KERAS_3_16 if True in by_rule else KERAS_VERSION


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
    entry["config"] = config = _without_rules_of_3_16(config)
    if layer._is_own:
        entry["config"] = serialize_keras_object(config)
    _check(layer, entry)
    return entry


def _without_newer_defaults(value: Any) -> Any:
    """Objects without arguments that the first releases of Keras 3 do not know and that have their defaults.

    And under the names by which those find them.
    """
    if isinstance(value, list):
        return [_without_newer_defaults(item) for item in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _without_newer_defaults(item) for name, item in value.items()}
    config, class_name = plain.get("config"), plain.get("class_name")
    if isinstance(config, dict) and isinstance(class_name, str):
        newer = _NEWER_ARGUMENTS.get(class_name, {})
        plain["config"] = {name: item for name, item in config.items() if name not in newer or item not in newer[name]}
        if plain.get("module") == "keras.initializers" and class_name in _OLDER_INITIALIZERS:
            return {"class_name": _OLDER_INITIALIZERS[class_name], "config": plain["config"]}
    return plain


def _without_rules_of_3_16(config: Any) -> Any:
    """The configuration without the words for what the version of the file says."""
    if isinstance(config, list):
        return [_without_rules_of_3_16(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {name: _without_rules_of_3_16(value) for name, value in config.items() if name not in WORDS}


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
    if layer.operation == "Quantile" and layer.arguments.get("method", "linear") != "linear":
        raise _inexpressible(layer, f"`method={layer.arguments['method']!r}` of Quantile, which Keras' graphs forget")
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
