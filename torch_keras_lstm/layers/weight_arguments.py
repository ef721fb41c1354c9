"""The arguments of ``add_weight`` by their places, in Keras 3 and in Keras 2."""

from typing import Any

# What the places of `add_weight` mean: in Keras 3, and in Keras 2, where the name comes first.
_PLACES = ("shape", "initializer", "dtype", "trainable", "autocast", "regularizer", "constraint", "aggregation")
_PLACES_BEHIND_A_NAME = ("name", "shape", "dtype", "initializer", "regularizer", "trainable", "constraint")


def by_name(places: tuple[Any, ...], keywords: dict[str, Any]) -> dict[str, Any]:
    """The arguments of ``add_weight`` by their names."""
    names = _PLACES_BEHIND_A_NAME if isinstance(places[0], str) else _PLACES
    if len(places) > len(names):
        raise TypeError(f"add_weight() takes at most {len(names)} arguments by their places, got {len(places)}.")
    given = dict(zip(names, places, strict=False))
    if isinstance(given.get("shape"), str):
        raise TypeError(
            f"add_weight({', '.join(map(repr, places))}): a shape stands behind the name, as in Keras. A weight whose "
            "shape `weight_shapes` tells is declared with `declare_weight(name, attribute, initializer=...)`."
        )
    twice = next(
        (name for name in given if name in ("shape", "initializer", "name") and keywords[name] is not None), ""
    )
    if twice:
        raise TypeError(f"add_weight() got `{twice}` twice: by its place and by its name.")
    return {**keywords, **given}
