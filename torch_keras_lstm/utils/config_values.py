"""``keras.utils.Config``: named values, as attributes and as a dictionary."""

import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from torch_keras_lstm.registry import close_match


class Config:
    """Named values that are set and read as attributes or entries, until :meth:`freeze` forbids changes.

    Args:
        **kwargs: the first values.
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        object.__setattr__(self, "_config", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self) -> bool:
        """Whether changes are forbidden."""
        return self._frozen

    def freeze(self) -> None:
        """Forbid changes."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self) -> None:
        """Allow them again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self) -> dict[str, Any]:
        """A copy as a dictionary."""
        return dict(self._config)

    def to_json(self) -> str:
        """The values as JSON."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """The values."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Names and values."""
        return self._config.items()

    def get(self, name: str, default: Any = None) -> Any:
        """The value of that name, or ``default``."""
        return self._config.get(name, default)

    def pop(self, *args: Any) -> Any:
        """The value of a name, which is taken out."""
        self._check_not_frozen()
        return self._config.pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several values."""
        self._check_not_frozen()
        self._config.update(*args, **kwargs)

    def _check_not_frozen(self) -> None:
        if self._frozen:
            raise ValueError("The config is frozen, so its values cannot be changed: `unfreeze` it first.")

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)

    def __setitem__(self, name: str, value: Any) -> None:
        setattr(self, name, value)

    def __delitem__(self, name: str) -> None:
        delattr(self, name)

    def __getattr__(self, name: str) -> Any:
        values: Mapping[str, Any] = self.__dict__.get("_config", {})
        if name in values:
            return values[name]
        raise AttributeError(f"The config has no value {name!r}. {close_match(name, values) if values else ''}".strip())

    def __setattr__(self, name: str, value: Any) -> None:
        self._check_not_frozen()
        self._config[name] = value

    def __delattr__(self, name: str) -> None:
        self._check_not_frozen()
        if name not in self._config:
            raise AttributeError(f"The config has no value {name!r}.")
        del self._config[name]

    def __contains__(self, name: str) -> bool:
        return name in self._config

    def __iter__(self) -> Iterator[str]:
        return iter(self._config)

    def __len__(self) -> int:
        return len(self._config)

    def __repr__(self) -> str:
        return f"<Config {self._config}>"
