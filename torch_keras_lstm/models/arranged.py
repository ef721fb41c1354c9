"""What a functional model was given, for each of its inputs: lists where it names dictionaries, and the like."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from torch_keras_lstm.models.graph import TensorSource


def arranged(given: Any, inputs: Any, names: Sequence[str], what: str, owner: str) -> dict[TensorSource, Any]:
    """What was given for each input.

    Args:
        given: one thing, or lists, tuples and dictionaries of them. A dictionary by the inputs' names does for a list
            of inputs; a list does for a dictionary whose keys are sorted, with a warning. A dictionary may have more
            than is needed.
        inputs: of the model, in the structure that it was made with.
        names: of the inputs, in their order.
        what: what an error calls the things.
        owner: what it calls the model.

    Raises:
        ValueError: when an input is missing, or there are more in a list.
    """
    if isinstance(inputs, TensorSource):
        if isinstance(given, Mapping) and names[0] in given:
            return {inputs: given[names[0]]}
        if isinstance(given, Mapping):
            raise _other_names(given, names, what, owner)
        return {inputs: given[0] if isinstance(given, list | tuple) and len(given) == 1 else given}
    if isinstance(given, Mapping) and not isinstance(inputs, Mapping):
        if not all(isinstance(one, TensorSource) for one in inputs) or not given.keys() >= set(names):
            raise _other_names(given, names, what, owner)
        return dict(zip(inputs, map(given.__getitem__, names), strict=True))
    if len(inputs) == 1 and not isinstance(given, list | tuple | Mapping):
        given = [given]
    if isinstance(inputs, Mapping) and isinstance(given, list | tuple):
        if len(given) == len(inputs) and list(inputs) == sorted(inputs):
            _warn(inputs, given, what)
            given = dict(zip(inputs, given, strict=True))
        else:
            raise _other_names([f"a list of {len(given)}"], names, what, owner)
    elif isinstance(given, Mapping) and given.keys() > set(inputs):
        _warn(inputs, given, what)
    return dict(_paired(inputs, given, names, what, owner))


def _paired(inputs: Any, given: Any, names: Sequence[str], what: str, owner: str) -> Iterator[tuple[TensorSource, Any]]:
    if isinstance(inputs, TensorSource):
        yield inputs, given
    elif isinstance(inputs, Mapping):
        if not isinstance(given, Mapping) or not given.keys() >= set(inputs):
            raise _other_names(given if isinstance(given, Mapping) else (), [*map(str, inputs)], what, owner)
        for name, one in inputs.items():
            yield from _paired(one, given[name], names, what, owner)
    else:
        if not isinstance(given, list | tuple) or len(given) != len(inputs):
            found = f"{len(given)}" if isinstance(given, list | tuple) else f"{type(given).__name__}"
            raise ValueError(f"Model `{owner}` takes {len(inputs)} {what} in a list ({', '.join(names)}), got {found}.")
        for one, part in zip(inputs, given, strict=True):
            yield from _paired(one, part, names, what, owner)


def _other_names(found: Any, names: Sequence[str], what: str, owner: str) -> ValueError:
    listed = ", ".join(map(str, found)) or "none"
    return ValueError(f"Model `{owner}` takes {what} by the names {', '.join(names)}, got {listed}.")


def _warn(inputs: Any, given: Any, what: str) -> None:
    if what == "inputs" and not torch.compiler.is_compiling():
        found = [*given] if isinstance(given, Mapping) else f"a list of {len(given)}"
        warnings.warn(
            "The structure of `inputs` doesn't match the expected structure: a dictionary with the keys "
            f"{', '.join(map(str, inputs))}, got {found}.",
            stacklevel=5,
        )
