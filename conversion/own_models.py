"""Model classes of one's own in Keras 3's files: the class that the user gives makes the model, the file its weights.

Only names that the user gave or registered are looked up. The model is made twice, first without memory, so that a file
whose weights do not fit takes none.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from torch_keras_lstm.conversion.arrays import ArraysByPath
from torch_keras_lstm.conversion.build import without_memory
from torch_keras_lstm.conversion.containers import SavedParts
from torch_keras_lstm.conversion.custom_layers import CustomObjects
from torch_keras_lstm.conversion.model_weights import put_weights, weights_for
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.conversion.weight_files import open_weights
from torch_keras_lstm.layers.rules_of_files import rules_of_3_16
from torch_keras_lstm.models import Model
from torch_keras_lstm.registry import CUSTOM_OBJECTS, with_registered


def load_own_model(parts: SavedParts, weights: Path | None, custom_objects: CustomObjects) -> Model | None:
    """The model in a ``.keras`` file whose class is the user's own; ``None`` when that class is not known.

    Args:
        parts: the open file.
        weights: to use in place of its own.
        custom_objects: the class, and what it is made of, by name.

    Raises:
        ValueError: when the class cannot be made of its configuration, or the weights do not fit it.
    """
    if own_class(parts.root, custom_objects) is None:
        return None
    with ExitStack() as opened:
        with without_memory():
            shaped = make_own_model(parts.root, custom_objects, parts.producer)
        saved = parts.weights if weights is None else open_weights(weights, opened)
        empty = saved is None or (isinstance(saved.arrays, ArraysByPath) and not saved.arrays.paths)
        if saved is None or (empty and not shaped.built):
            return make_own_model(parts.root, custom_objects, parts.producer)
        with saved.naming():
            weights_for(shaped, saved)
        model = make_own_model(parts.root, custom_objects, parts.producer)
        put_weights(model, saved)
    return model


def own_class(root: Mapping[str, Any], custom_objects: CustomObjects) -> type[Model] | None:
    """The class of the user's own that a model's configuration names.

    Raises:
        ValueError: when what the user gave under that name is no model class.
    """
    known = with_registered(custom_objects)
    names = [name for key in ("registered_name", "class_name") if isinstance(name := root.get(key), str)]
    found = next((known[name] for name in names if name in known), None)
    if found is not None and not (isinstance(found, type) and issubclass(found, Model)):
        raise ValueError(f"`custom_objects[{names[-1]!r}]` must be a class derived from `Model`, got {found!r:.200}.")
    return found


def make_own_model(root: Mapping[str, Any], custom_objects: CustomObjects, producer: Producer) -> Model:
    """The model that a configuration describes by the class of the user's own, built where it was, weights drawn anew.

    Raises:
        ValueError: when the class is not known, or cannot be made.
    """
    own, config, build_config = own_class(root, custom_objects), root.get("config"), root.get("build_config")
    name = root.get("class_name")
    if own is None:
        raise ValueError(
            f"The model is of the class {name!r}, which is not Keras': give it, `custom_objects={{{name!r}: ...}}`, or "
            "register it with `saving.register_keras_serializable`."
        )
    if not isinstance(config, Mapping) or not isinstance(build_config, Mapping | None):
        raise ValueError(f"The `config` and the `build_config` of a {name} must be objects.")
    token = CUSTOM_OBJECTS.set(with_registered(custom_objects))
    try:
        with torch.random.fork_rng(devices=[]), rules_of_3_16(producer.has_rules_of_3_16):
            model = own.from_config(config)
            if build_config and not model.built:
                model.build_from_config(_with_tuples(build_config))
    except (TypeError, ValueError, OverflowError, RuntimeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"The model, a {name}, cannot be made as the file says: {error}") from error
    finally:
        CUSTOM_OBJECTS.reset(token)
    if not isinstance(model, Model):
        raise ValueError(f"`{name}.from_config` must give a model, it gave {model!r:.200}.")
    return model


def _with_tuples(value: Any) -> Any:
    """Shapes as what ``build`` gets of a call: JSON has lists alone."""
    if isinstance(value, Mapping):
        return {name: _with_tuples(item) for name, item in value.items()}
    if not isinstance(value, list):
        return value
    return tuple(value) if all(isinstance(size, int | None) for size in value) else [*map(_with_tuples, value)]
