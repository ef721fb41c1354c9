"""Classes and functions of the user's own that every ``load_model`` knows by name."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from torch_keras_lstm.registry import CUSTOM_OBJECTS, REGISTERED

Definition = TypeVar("Definition")


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[Definition], Definition]:
    """Decorator: models that hold the class or function can be loaded without naming it as ``custom_objects``.

    Args:
        package: a prefix, ``package>name``, that keeps names apart.
        name: by default that of the class or function.

    Raises:
        ValueError: when applied to a class without ``get_config``.
    """

    def register(definition: Definition) -> Definition:
        if isinstance(definition, type) and not hasattr(definition, "get_config"):
            raise ValueError(f"{definition.__name__} has no `get_config()`, so no file can tell how to make it anew.")
        own = name or str(getattr(definition, "__name__", definition))
        REGISTERED[f"{package}>{own}"] = REGISTERED[own] = definition
        return definition

    return register


def get_custom_objects() -> dict[str, Any]:
    """What is registered, by name; whatever is put in counts as well."""
    return REGISTERED


def get_registered_name(obj: Any) -> str:
    """The name, ``package>name``, under which a class or function is registered; its own if it is not."""
    names = (name for name, registered in REGISTERED.items() if registered is obj and ">" in name)
    return next(names, str(getattr(obj, "__name__", obj)))


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """The class or function of that name: of the context, registered, or in one of the tables; else ``None``."""
    for known in (CUSTOM_OBJECTS.get({}), REGISTERED, custom_objects or {}, module_objects or {}):
        if name in known:
            return known[name]
    return None


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Within it ``custom_objects`` are known by name."""
    token = CUSTOM_OBJECTS.set({**CUSTOM_OBJECTS.get({}), **custom_objects})
    try:
        yield
    finally:
        CUSTOM_OBJECTS.reset(token)


CustomObjectScope = custom_object_scope
