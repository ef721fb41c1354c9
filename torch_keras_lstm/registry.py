"""Keras' names and configurations -> objects of this package, and back.

Keras writes a function or object of its own in four ways, and accepts all of them as an argument of a layer: the name
alone, ``{"class_name", "config"}`` (Keras 1 and 2), the same with ``"module"`` and ``"registered_name"`` (Keras 3), and
``{"class_name": "function", "config": name}``. Only the names decide here: nothing is imported because a
configuration names it.
"""

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar, Generic, Self, TypeVar, cast

Config = dict[str, Any]
T = TypeVar("T")
Builder = Callable[[Mapping[str, Any]], T]

# The user's own classes and functions by name, while layers are made from a configuration that may name them.
CUSTOM_OBJECTS: ContextVar[Mapping[str, Any]] = ContextVar("custom_objects")

# What the user registered for good, by name.
REGISTERED: dict[str, Any] = {}


# As many names as an error lists: no message is longer than a line or two of a screen.
_LISTED = 12


def with_registered(custom_objects: Mapping[str, Any] | None) -> dict[str, Any]:
    """``custom_objects``, which go first, and what else is the user's own: of the context, and what is registered."""
    return {**REGISTERED, **CUSTOM_OBJECTS.get({}), **(custom_objects or {})}


def registered_name(definition: object) -> str | None:
    """The name, ``package>name``, under which a class or function is registered; ``None`` when it is not."""
    return next((name for name, one in REGISTERED.items() if one is definition and ">" in name), None)


def close_match(name: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the one that was probably meant, otherwise all that are known."""
    # Of names that differ in their capitals alone the one without counts.
    by_lower_case = {candidate.lower(): candidate for candidate in sorted(known)}
    matches = difflib.get_close_matches(name.lower(), by_lower_case, n=1)
    if matches:
        return f"Did you mean {by_lower_case[matches[0]]!r}?"
    names = sorted(by_lower_case.values())
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"Known are: {', '.join(names[:_LISTED])}{more}."


class Configured:
    """An object that a configuration can rebuild: a class and the arguments of its constructor.

    The constructor of a subclass keeps each argument in the attribute of the same name, or the subclass overrides
    :meth:`get_config`.
    """

    #: keys that some Keras writes beside the arguments, and that mean nothing here
    void_keys: ClassVar[frozenset[str]] = frozenset()

    def get_config(self) -> Config:
        """The arguments that make an equal object, as Keras names them."""
        parameters = inspect.signature(type(self)).parameters.values()
        # a class of a user's own may keep an argument under another name, and tells of it by itself
        named = [one.name for one in parameters if one.kind is not one.VAR_KEYWORD and hasattr(self, one.name)]
        return {name: getattr(self, name) for name in named}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The object that :meth:`get_config` described.

        Raises:
            ValueError: for a key that is no argument of the constructor, or a value that the constructor refuses.
        """
        parameters = inspect.signature(cls).parameters
        arguments = {key: value for key, value in config.items() if key not in cls.void_keys}
        takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
        for key in arguments:
            if key not in parameters and not takes_any:
                raise ValueError(
                    f"{cls.__name__} has no argument `{key}`, which its config sets. "
                    + (close_match(str(key), parameters) if parameters else "It takes none.")
                )
        return cls(**arguments)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def both_spellings(*classes: type[Configured]) -> dict[str, Builder[Any]]:
    """The builders of ``classes`` under the names that Keras accepts: ``GlorotUniform`` and ``glorot_uniform``."""
    camel_case: dict[str, Builder[Any]] = {cls.__name__: cls.from_config for cls in classes}
    snake_case = {re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower(): build for name, build in camel_case.items()}
    return camel_case | snake_case


class Registry(Generic[T]):
    """Everything of one kind that has a Keras name.

    Args:
        kind: what Keras calls it in the singular, such as ``initializer``.
        module: the module or the package of this package that defines them.
        builders: for each name a function of the configuration's arguments; a dict, empty when only a name is given.
        plural: of the kind, the module of Keras that holds them.
    """

    def __init__(self, kind: str, module: str, builders: Mapping[str, Builder[T]], plural: str = "") -> None:
        self.kind = kind
        self.plural = plural or f"{kind}s"
        self.module = module
        self.builders = dict(builders)
        self._elsewhere: dict[type[Any], str] = {}

    def add(self, definition: type[Any], keras_module: str) -> None:
        """Know a class that Keras has in another module and takes here too, such as a layer for an activation."""
        self.builders[definition.__name__] = definition.from_config
        self._elsewhere[definition] = keras_module

    def get(self, identifier: object, argument: str) -> T:
        """What ``identifier`` means: a name, a configuration, a class (instantiated) or a callable (returned as it is).

        Args:
            argument: the name that an error gives to ``identifier``.

        Raises:
            ValueError: for a name that is not known or a configuration that does not fit it.
            TypeError: for an identifier of any other type.
        """
        if isinstance(identifier, str | Mapping):
            return self.deserialize(identifier, None, argument)
        if not callable(identifier):
            raise TypeError(
                f"`{argument}`: expected the name or the configuration of a Keras {self.kind}, or a callable, "
                f"got {identifier!r:.200}."
            )
        return cast(T, identifier() if inspect.isclass(identifier) else identifier)

    def knows(self, config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None) -> bool:
        """Whether the name in a configuration means something; one of a wrong form counts, and is refused when made."""
        try:
            name, _ = _split(config, self.kind)
        except ValueError:
            return True
        return not {name, name.rpartition(">")[2]}.isdisjoint({*self.builders, *with_registered(custom_objects)})

    def deserialize(
        self, config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None, argument: str
    ) -> T:
        """What a name or a configuration means; arguments and errors as :meth:`get`.

        Args:
            custom_objects: classes and functions of the user's own by name; they go before Keras'. Those that the
                layer is made with, from a file, count as well.
        """
        name, arguments = _split(config, argument)
        custom = with_registered(custom_objects)
        own = custom.get(name, custom.get(name.rpartition(">")[2]))  # "package>name" as Keras registers it
        if own is not None:
            made: T = _custom_builder(own)(arguments)
            return made
        if name not in self.builders:
            hint = " One of your own goes into `custom_objects`." if CUSTOM_OBJECTS.get(None) is not None else ""
            raise ValueError(
                f"`{argument}`: expected the name of a Keras {self.kind}, got {name!r:.200}. "
                f"{close_match(name, {**self.builders, **custom})}{hint}"
            )
        try:
            return self.builders[name](arguments)
        except ValueError:
            raise
        except Exception as error:  # whatever comes of an argument that is missing, or of a wrong type or size
            raise ValueError(f"`{argument}`: {misfit(name, self.builders[name], arguments)}") from error

    def serialize(self, obj: object) -> Config | str | None:
        """The configuration, as Keras 3 writes it, from which Keras or :meth:`deserialize` makes an equal object.

        A function of this package is its bare name. What is not of this package needs ``custom_objects`` to be read
        back; when it shares its name with something of Keras' it is written with its module in front, lest the reader
        takes one for the other.
        """
        if obj is None:
            return None
        if not hasattr(obj, "get_config"):
            return self._serialize_function(obj)
        name, module, own = self._identity(type(obj))
        return {
            "module": self._elsewhere.get(type(obj), f"keras.{self.plural}") if own else module,
            "class_name": name,
            "config": obj.get_config(),
            "registered_name": None if own else registered_name(type(obj)) or name,
        }

    def _serialize_function(self, function: object) -> Config | str:
        # an object that is called, such as a module of torch's, goes by its class
        definition = function if hasattr(function, "__name__") else type(function)
        name, module, own = self._identity(definition)
        name = name if own else registered_name(definition) or name
        return name if own else {"module": module, "class_name": "function", "config": name, "registered_name": name}

    def _identity(self, definition: object) -> tuple[str, str | None, bool]:
        """The name under which a class or function is written, its module, and whether it is one of ours."""
        name = str(getattr(definition, "__name__", repr(definition)))
        module = getattr(definition, "__module__", None)
        ours = name in self.builders and f"{module}.".startswith(f"{self.module}.")
        own = ours or definition in self._elsewhere
        return (f"{module}.{name}" if name in self.builders and not own else name), module, own


def _split(config: object, argument: str) -> tuple[str, Config]:
    """The name in a configuration, and the constructor's arguments."""
    if isinstance(config, str):
        return config, {}
    name = config.get("class_name") if isinstance(config, Mapping) else None
    arguments = config.get("config") if isinstance(config, Mapping) else None
    if name == "function" and isinstance(arguments, str):
        return arguments, {}
    if not isinstance(name, str) or not isinstance(arguments, Mapping | None):
        raise ValueError(
            f"`{argument}`: expected a name or a dict with 'class_name' (a name) and 'config' (a dict), "
            f"got {config!r:.200}."
        )
    return name, dict(arguments or {})


def misfit(name: str, builder: Builder[Any], arguments: Mapping[str, Any]) -> str:
    """What is wrong with a configuration of which ``builder`` could make nothing."""
    known = inspect.signature(getattr(builder, "__self__", builder)).parameters.values()
    required = [one.name for one in known if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    lacking = [f"`{one}`" for one in required if one not in arguments]
    if lacking:
        return f"the configuration of a {name} lacks {', '.join(lacking)}."
    return f"a {name} cannot be made with values of these types and sizes: {arguments!r:.200}."


def _custom_builder(entry: Any) -> Builder[Any]:
    """How to build a class or function of the user's own from a configuration's arguments."""
    if hasattr(entry, "from_config"):
        build: Builder[Any] = entry.from_config
        return build
    if inspect.isclass(entry):
        return lambda arguments: entry(**arguments)
    return lambda arguments: entry
