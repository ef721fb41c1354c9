"""``model.get_state_tree()``: the variables of a model in nested dictionaries, by the parts of their paths."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

KINDS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
_FORMATS = ("backend_tensor", "numpy_array")


def variables_of(model: Any, kind: str) -> list[Any]:
    """The variables of a kind; there are none of an optimizer that the model has not."""
    if kind == "optimizer_variables":
        return [] if model.optimizer is None else [*model.optimizer.variables]
    return [*getattr(model, kind)]


def state_tree(variables: Iterable[Any], value_format: str) -> dict[str, Any]:
    """The values of ``variables``, that of ``model/dense/kernel`` under ``["model"]["dense"]["kernel"]``.

    Args:
        variables: each with a path of its own.
        value_format: "backend_tensor" or "numpy_array".

    Raises:
        ValueError: for another format, or a path that two variables have.
    """
    if value_format not in _FORMATS:
        raise ValueError(
            f"Invalid `value_format` argument. Expected one of {_FORMATS}. Received: value_format={value_format!r}"
        )
    tree: dict[str, Any] = {}
    seen: set[str] = set()
    for variable in variables:
        if variable.path in seen:
            raise ValueError(
                f"The following variable path is found twice in the model: {variable.path!r}. A tree needs paths that "
                "differ: give the layers, and what else has variables, names of their own."
            )
        seen.add(variable.path)
        *outer, last = variable.path.split("/")
        branch = tree
        for part in outer:
            branch = branch.setdefault(part, {})
        branch[last] = variable.numpy() if value_format == "numpy_array" else variable.value
    return tree


def assign(variables: Iterable[Any], tree: Mapping[str, Any]) -> None:
    """Give ``variables`` the values in ``tree``; those that are not in it stay as they are."""
    values = dict(_flat(tree))
    for variable in variables:
        if variable.path in values:
            variable.assign(values[variable.path])


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}/")
        else:
            yield f"{prefix}{key}", value
