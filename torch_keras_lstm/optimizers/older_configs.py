"""The configurations that Keras 1, 2 and tf.keras wrote of their optimizers, in the words of Keras 3."""

from collections.abc import Mapping
from typing import Any

from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.optimizers.schedules import InverseTimeDecay
from torch_keras_lstm.registry import Config

# what tf.keras writes beside the arguments: how a step is run there
_VOID = ("jit_compile", "is_legacy_optimizer")


def in_keras_3s_words(entry: Mapping[str, Any]) -> Config:
    """An optimizer's configuration with Keras 3's names of the class and of the arguments.

    ``lr`` becomes ``learning_rate``, and a ``decay`` the schedule ``learning_rate / (1 + decay * iterations)`` that it
    was.
    """
    name, config = entry.get("class_name"), entry.get("config")
    if not isinstance(name, str) or not isinstance(config, Mapping):
        return dict(entry)
    arguments = {key: value for key, value in config.items() if key not in _VOID}
    if "lr" in arguments:
        arguments["learning_rate"] = arguments.pop("lr")
    decay = arguments.pop("decay", None)
    if decay:
        check_number("learning_rate", arguments.get("learning_rate"))
        check_number("decay", decay)
        arguments["learning_rate"] = InverseTimeDecay(arguments["learning_rate"], 1, decay)
    if arguments.get("epsilon", 0) is None:
        del arguments["epsilon"]  # Keras 2's way of asking for the default
    if arguments.get("adaptive_epsilon") is False:
        del arguments["adaptive_epsilon"]
    return {**entry, "class_name": name.removeprefix("Custom>"), "config": arguments}
