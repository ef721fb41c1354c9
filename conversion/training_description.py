"""How a model is trained -> what a file keeps of it."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch_keras_lstm import losses
from torch_keras_lstm.conversion.arrays import Array
from torch_keras_lstm.conversion.attribute_paths import has_weights_of_its_own
from torch_keras_lstm.conversion.keras_3_config import keras_layers
from torch_keras_lstm.conversion.optimizer_state import OtherWeights, saved_state
from torch_keras_lstm.conversion.optimizer_variables import inner_states
from torch_keras_lstm.models import Model


@dataclass(frozen=True)
class Training:
    """What a file keeps of how a model is trained, in Keras' words.

    Attributes:
        compile_config: ``compile_config`` of a ``.keras`` file.
        training_config: ``training_config`` of an ``.h5`` file.
        optimizer: the optimizer's variables with their names, in Keras' order.
        inner_optimizers: the same of the optimizers inside it, by the path of their group.
    """

    compile_config: Mapping[str, Any] | None = None
    training_config: Mapping[str, Any] | None = None
    optimizer: Sequence[tuple[str, Array]] = field(default_factory=tuple)
    inner_optimizers: Mapping[str, Sequence[tuple[str, Array]]] = field(default_factory=dict)


def describe_training(model: Model) -> Training | None:
    """What a file keeps of how ``model`` is trained; ``None`` when it is not compiled.

    With an optimizer of torch's, which Keras has no words for, it is ``None`` too, and with one that trains parameters
    beside Keras' weights the optimizer's state is left out; a warning says so.
    """
    if not model.compiled:
        return None
    try:
        config = model.get_compile_config()
    except ValueError as error:
        _warn(model, f"how it is compiled: {error}")
        return None
    state: Sequence[tuple[str, Array]] = ()
    if model.optimizer is not None:
        try:
            layers = [model] if has_weights_of_its_own(model) else keras_layers(model)
            state = saved_state(model.optimizer, model, layers)
        except OtherWeights as error:
            _warn(model, f"the state of its optimizer: {str(error).removesuffix('.')}")
    return Training(config, _legacy(config), state, inner_states(model.optimizer) if state else {})


def _warn(model: Model, what: str) -> None:
    warnings.warn(
        f"Model `{model.name}` is saved without {what}. Whoever loads it must compile it anew; to go on with the "
        "training keep `model.optimizer.state_dict()` too, or use the callback `BackupAndRestore`.",
        stacklevel=5,
    )


def _legacy(config: Mapping[str, Any]) -> dict[str, Any]:
    """``compile_config`` as an ``.h5`` file has it: without modules, and functions by their names.

    Keras 3.15 does not know the abbreviations of losses again when it reads such a file: "mse" becomes
    "mean_squared_error".
    """
    others = {name: _without_modules(value) for name, value in config.items() if name != "optimizer"}
    others["loss"] = _spelled_out(others["loss"])
    optimizer = config.get("optimizer")
    if optimizer is None:
        return others
    return {**others, "optimizer_config": {name: optimizer[name] for name in ("class_name", "config")}}


def _spelled_out(loss: Any) -> Any:
    if isinstance(loss, str):
        try:
            return getattr(losses.deserialize(loss), "__name__", loss)
        except ValueError:
            return loss  # one of the user's own, or "crossentropy", which the shapes of a batch decide
    if isinstance(loss, list):
        return [_spelled_out(one) for one in loss]
    if isinstance(loss, Mapping) and "class_name" not in loss:
        return {name: _spelled_out(one) for name, one in loss.items()}
    return loss


def _without_modules(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_modules(one) for one in value]
    if not isinstance(value, Mapping):
        return value
    if "class_name" not in value:
        return {name: _without_modules(one) for name, one in value.items()}
    if value["class_name"] == "function":
        return value["config"]
    return {name: value[name] for name in ("class_name", "config")}
