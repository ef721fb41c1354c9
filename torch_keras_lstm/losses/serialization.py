"""From Keras' name, configuration or torch's loss to a loss, and back."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from torch_keras_lstm.losses import crossentropy, regression
from torch_keras_lstm.losses.classes import kind_of_classes
from torch_keras_lstm.losses.loss import Loss, LossFunction, LossFunctionWrapper
from torch_keras_lstm.losses.naming import name_of
from torch_keras_lstm.registry import Builder, Config, Registry

_CLASSES: tuple[type[Loss], ...] = (crossentropy.BinaryCrossentropy, regression.MeanSquaredError)
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    function.__name__: function for function in (crossentropy.binary_crossentropy, regression.mean_squared_error)
} | {
    "bce": crossentropy.binary_crossentropy,
    "mse": regression.mean_squared_error,
}
_FUNCTIONS |= {name.upper(): _FUNCTIONS[name] for name in ("bce", "mse")}
_CROSSENTROPIES = {"binary": crossentropy.binary_crossentropy}


def _named(function: LossFunction) -> Builder[LossFunction]:
    def build(arguments: Mapping[str, Any]) -> LossFunction:
        if arguments:
            raise ValueError(f"Loss '{function.__name__}' takes no 'config', got {arguments!r}.")
        return function

    return build


_REGISTRY: Registry[Loss | LossFunction] = Registry(
    "loss",
    "torch_keras_lstm.losses",
    {cls.__name__: cls.from_config for cls in _CLASSES} | {name: _named(fn) for name, fn in _FUNCTIONS.items()},
    plural="losses",
)


def get(identifier: object, argument: str = "loss") -> Loss | LossFunction | None:
    """The loss that ``identifier`` means: a Keras name or configuration, a loss, a function, a torch loss or ``None``.

    As in Keras, a name in snake case means the function, the name of a class an object of it.

    Args:
        argument: the name that an error gives to ``identifier``.

    Raises:
        ValueError: for a name that Keras does not know, or a configuration that does not fit its loss.
        TypeError: for an identifier of any other type.
    """
    return None if identifier is None else _REGISTRY.get(identifier, argument)


def serialize(loss: object) -> Config | str | None:
    """The configuration of ``loss`` as Keras 3 writes it; the name alone of a function."""
    return _REGISTRY.serialize(loss)


def deserialize(
    config: str | Mapping[str, Any] | None, custom_objects: Mapping[str, Any] | None = None
) -> Loss | LossFunction | None:
    """The loss that :func:`serialize` described; errors as :func:`get`.

    Args:
        custom_objects: classes and functions of your own by name; they go before Keras'.
    """
    return None if config is None else _REGISTRY.deserialize(config, custom_objects, "loss")


def resolve(identifier: object, y_true: Tensor, y_pred: Tensor) -> Loss | None:
    """The loss object for ``identifier`` as ``compile`` takes it.

    Beside what :func:`get` knows there is "crossentropy", or "ce", which is binary, sparse or categorical by the shapes
    of a batch of targets and predictions. A loss given as a string has that string for its name.

    Raises:
        ValueError, TypeError: as :func:`get`.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss: Any = _CROSSENTROPIES[kind_of_classes(y_true, y_pred)]
    else:
        loss = get(identifier)
    if loss is None or isinstance(loss, Loss):
        return loss
    return LossFunctionWrapper(loss, name=identifier if isinstance(identifier, str) else name_of(loss))
