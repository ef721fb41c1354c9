"""Which loss is meant for which output, where ``compile`` was given losses in lists, tuples and dictionaries."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch_keras_lstm.structure import flatten, in_order, is_flat, is_nested, map_structure
from torch_keras_lstm.training.outputs import check_names, per_output


class Placed(NamedTuple):
    """A loss and what it is of.

    Attributes:
        places: the number of an output, or for a loss of several outputs a list, tuple or dictionary of numbers.
        loss: as it was given.
        weight: how much it counts, ``None`` for 1.
        name: for the logs.
    """

    places: Any
    loss: Any
    weight: Any
    name: str


def is_one(loss: Any) -> bool:
    """Whether it is one loss; a configuration of one is a dictionary too."""
    return not is_nested(loss) or (isinstance(loss, Mapping) and "class_name" in loss)


def single_losses(loss: Any) -> Iterator[Any]:
    """Each loss, in Keras' order, ``None`` included."""
    if is_one(loss):
        yield loss
    else:
        for one in (loss[name] for name in in_order(loss)) if isinstance(loss, Mapping) else loss:
            yield from single_losses(one)


def placed(loss: Any, weights: Any, outputs: Any, names: Sequence[str]) -> list[Placed]:
    """Each loss with the outputs that it is of.

    A list of losses for one output, or in place of the losses for the outputs inside it, is of losses that all count.

    Args:
        loss: what ``compile`` was given.
        weights: the same of ``loss_weights``.
        outputs: the number of each output in its place.
        names: of the outputs, by number.

    Raises:
        ValueError: when a loss is for an output that there is not, or there are more or fewer weights than losses.
    """
    if is_one(loss):
        loss = [loss] * len(names)
    by_name = isinstance(loss, Mapping) and not isinstance(outputs, Mapping)
    if by_name:
        check_names(loss, names, "loss")
        loss = [loss.get(name) for name in names]
    flat = is_flat(outputs) and isinstance(loss, list | tuple) and len(loss) == len(names) and all(map(is_one, loss))
    if flat or (isinstance(loss, Mapping) and is_flat(outputs) and all(map(is_one, loss.values()))):
        several = zip(per_output(loss, names, "loss"), per_output(weights, names, "loss_weights"), strict=True)
        found = [Placed(place, *one, names[place]) for place, one in enumerate(several) if one[0] is not None]
        if isinstance(loss, Mapping):  # for a dictionary of outputs, which Keras goes through as the losses are given
            order = dict(zip(loss, range(len(loss)), strict=True))
            found.sort(key=lambda one: order.get(one.name, len(order)))
        return found
    if isinstance(weights, Mapping) and by_name:
        weights = [weights.get(name) for name in names]
    if isinstance(loss, list | tuple) and isinstance(outputs, type(loss)):
        inner = names if is_flat(outputs) else [*map(str, range(len(outputs)))]
        per_output(loss, inner, "loss")  # an error where there are more or fewer
    return [*_placed(loss, _weights_of(loss, weights), outputs, names, ())]


def _placed(loss: Any, weight: Any, outputs: Any, names: Sequence[str], path: tuple[Any, ...]) -> Iterator[Placed]:
    if loss is None:
        return
    if is_one(loss):
        yield Placed(outputs, loss, weight, _name(outputs, names, path))
        return
    if isinstance(loss, list | tuple):
        inside = flatten(outputs)
        if all(map(is_one, loss)) and len(loss) == len(inside):
            # One for each output inside, however these are nested.
            numbers = dict(zip(inside, range(len(inside)), strict=True))
            paired = map_structure(lambda place: (loss[numbers[place]], weight and weight[numbers[place]]), outputs)
            yield from _each(paired, outputs, names, path)
            return
        if not isinstance(outputs, type(loss)):
            for place, one in enumerate(loss):
                yield from _placed(one, weight and weight[place], outputs, names, path)
            return
    kind = Mapping if isinstance(loss, Mapping) else type(loss)
    keys = list(loss) if isinstance(loss, Mapping) else range(len(loss))
    fits = isinstance(outputs, kind)
    known = outputs if fits and isinstance(outputs, Mapping) else range(len(outputs) if fits else 0)
    for key in keys:
        if loss[key] is None:
            continue
        if key not in known:
            where = "".join(f"[{step!r}]" for step in (*path, key))
            raise ValueError(
                f"`loss{where}` is for an output that there is not: give losses in the structure of the outputs, or a "
                f"list with one for each of them ({', '.join(names)})."
            )
        yield from _placed(loss[key], weight and weight[key], outputs[key], names, (*path, key))


def _each(paired: Any, outputs: Any, names: Sequence[str], path: tuple[Any, ...]) -> Iterator[Placed]:
    """The losses of pairs with weights that have the structure of the outputs."""
    if not is_nested(outputs):
        loss, weight = paired
        yield from _placed(loss, weight, outputs, names, path)
        return
    for key in outputs if isinstance(outputs, Mapping) else range(len(outputs)):
        yield from _each(paired[key], outputs[key], names, (*path, key))


def _weights_of(loss: Any, weights: Any) -> Any:
    """The weights in the structure of the losses."""
    if weights is None or _same(loss, weights):
        return weights
    flat = flatten(weights)
    number = len([*single_losses(loss)])
    if len(flat) != number:
        raise ValueError(f"`loss_weights` has {len(flat)} weights for {number} losses: give one for each.")
    rest = iter(flat)

    def packed(one: Any) -> Any:
        if is_one(one):
            return next(rest)
        return {key: packed(one[key]) for key in in_order(one)} if isinstance(one, Mapping) else [*map(packed, one)]

    return packed(loss)


def _same(loss: Any, weights: Any) -> bool:
    if is_one(loss):
        return not is_nested(weights)
    if isinstance(loss, Mapping):
        return (
            isinstance(weights, Mapping)
            and loss.keys() == weights.keys()
            and all(_same(loss[key], weights[key]) for key in loss)
        )
    return isinstance(weights, list | tuple) and len(loss) == len(weights) and all(map(_same, loss, weights))


def _name(outputs: Any, names: Sequence[str], path: tuple[Any, ...]) -> str:
    """The path through dictionaries, with the output's own name in the place of a number at its end."""
    steps = path
    if not is_nested(outputs) and (not path or isinstance(path[-1], int)):
        steps = (*path[:-1], names[outputs])
    return "/".join(map(str, steps)) or "_".join(names[place] for place in flatten(outputs))
