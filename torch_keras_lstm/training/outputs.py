"""A model's outputs by name, each with its target, weight and mask."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from torch_keras_lstm.registry import close_match
from torch_keras_lstm.structure import flatten, in_order, is_flat, is_nested


class Output(NamedTuple):
    """One output of a batch. The target is ``None`` where the output is not trained."""

    y_true: Any
    y_pred: Tensor
    sample_weight: Any = None
    mask: Any = None


class AutomaticName(str):
    """The name of an output that has none: errors tell of it, logs have what is measured alone, as in Keras."""


def names_of(y_pred: Any, layer_names: Sequence[str] | None) -> list[str]:
    """The name of each output.

    Args:
        y_pred: what the model gave: outputs in a dictionary have its keys for names.
        layer_names: of the output layers, in the order of the outputs, for a model that knows them.
    """
    if isinstance(y_pred, Tensor):
        return [*layer_names] if layer_names else ["output_1"]
    if isinstance(y_pred, Mapping) and is_flat(y_pred):
        return [str(name) for name in in_order(y_pred)]
    number = len(flatten(y_pred))
    if layer_names and len(layer_names) == number:
        return list(layer_names)
    return [AutomaticName(f"output_{place + 1}") for place in range(number)]


def pair(
    names: Sequence[str], y: Any, y_pred: Any, sample_weight: Any, mask: Any, is_trained: Sequence[bool]
) -> list[Output]:
    """Each output with what belongs to it.

    Args:
        names: of the outputs.
        y: a target for each output, in a list or by name; outputs that are not trained may be left out.
        y_pred: the outputs.
        sample_weight: one array for all outputs, or one for each in a list or by name.
        mask: in the structure of ``y_pred``.
        is_trained: whether an output has a loss or metric.

    Raises:
        ValueError: when there are more or fewer targets or weights than outputs, or of other names.
    """
    if isinstance(y_pred, Tensor) and isinstance(y, Tensor):
        return [Output(y, y_pred, _only(sample_weight), mask)]
    if y is not None and len(trained := flatten(y)) == sum(is_trained) < len(names) and not isinstance(y, Mapping):
        given = iter(trained)
        y = [next(given) if trained else None for trained in is_trained]
    predictions = flatten(y_pred)
    shared = sample_weight is None or isinstance(sample_weight, Tensor)
    weights = [sample_weight] * len(names) if shared else _matched(sample_weight, y_pred, names, "sample_weight")
    masks = [None] * len(names) if mask is None else flatten(mask)
    targets = _matched(y, y_pred, names, "y")
    return [Output(*entries) for entries in zip(targets, predictions, weights, masks, strict=True)]


def _matched(value: Any, y_pred: Any, names: Sequence[str], argument: str) -> list[Any]:
    """What ``value`` gives for each output, nested as these are or as in :func:`per_output`."""
    if is_nested(y_pred) and not is_flat(value):
        value = flatten(value)
    return per_output(value, names, argument)


def per_output(value: Any, names: Sequence[str], argument: str) -> list[Any]:
    """What ``value`` gives for each output: by place in a list, by name in a dictionary, or for the only one.

    Raises:
        ValueError: naming ``argument``, when it is of another length, or has a name that no output has.
    """
    if value is None:
        return [None] * len(names)
    if isinstance(value, Mapping):
        check_names(value, names, argument)
        return [value.get(name) for name in names]
    entries = list(value) if isinstance(value, list | tuple) else [value]
    if len(entries) != len(names):
        raise ValueError(
            f"The model has {len(names)} outputs ({', '.join(names)}), but `{argument}` has {len(entries)} "
            f"{'entry' if len(entries) == 1 else 'entries'}: give a list with one for each, or a dictionary by name."
        )
    return entries


def check_names(given: Iterable[str], names: Sequence[str], argument: str) -> None:
    """Raise a ``ValueError`` naming ``argument`` when one of ``given`` is not among the ``names`` of the outputs."""
    for name in given:
        if name not in names:
            raise ValueError(f"`{argument}` has {name!r}, which no output is called. {close_match(str(name), names)}")


def _only(weight: Any) -> Any:
    return flatten(weight)[0] if weight is not None else None
