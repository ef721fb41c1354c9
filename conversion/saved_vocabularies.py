"""The vocabularies of text layers, which Keras 3 keeps beside the weights and this package in the configuration.

They come from the file alone: a path in a configuration is refused, whatever lies there.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch_keras_lstm.conversion.arrays import ArraysByPath, SavedArray, Weights
from torch_keras_lstm.conversion.producer import Producer
from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription, NestedModel
from torch_keras_lstm.conversion.strict_json import decode
from torch_keras_lstm.conversion.variable_paths import group_paths
from torch_keras_lstm.layers import Layer, TextVectorization
from torch_keras_lstm.layers.index_lookup import IndexLookup

_CLASSES = ("IntegerLookup", "StringLookup", "TextVectorization")


def with_vocabularies(model: ModelDescription, weights: Weights | None) -> ModelDescription:
    """The description with the vocabularies that the file keeps beside the weights among the arguments.

    Raises:
        ValueError: when a vocabulary is no text, or does not fit the weights of its tokens.
    """
    if not any(layer.class_name in _CLASSES for top in model.layers for layer in top.walk()):
        return model
    if weights is None or not isinstance(weights.arrays, ArraysByPath):
        weights = replace(weights or Weights("", ArraysByPath("layers", {}), {}), arrays=ArraysByPath("layers", {}))
    return replace(model, layers=tuple(_filled(model.layers, weights, model.producer, None)))


def _filled(
    layers: Sequence[LayerDescription], weights: Weights, producer: Producer, prefix: str | None
) -> Iterable[LayerDescription]:
    assert isinstance(weights.arrays, ArraysByPath)  # the caller saw to it
    root = weights.arrays.root
    paths = group_paths([(layer.name, layer.class_name) for layer in layers], weights.arrays, producer, prefix)
    for layer in layers:
        place = paths[layer.name]
        if isinstance(layer, NestedModel):
            yield replace(layer, layers=tuple(_filled(layer.layers, weights, producer, f"{place}/{root}")))
        elif layer.class_name in _CLASSES and layer.arguments.get("vocabulary") is None:
            yield replace(layer, arguments={**layer.arguments, **_learned(layer, place, weights)})
        else:
            yield layer


def _learned(layer: LayerDescription, place: str, weights: Weights) -> Mapping[str, Any]:
    """The arguments that give a layer the vocabulary that it has in the file."""
    text = weights.vocabularies.get(f"assets/{place}/vocabulary.txt")
    size = layer.arguments.get("vocabulary_size")
    if text is None:
        if isinstance(size, int) and size > 2:
            warnings.warn(
                f"{layer.place}: the file does not hold its vocabulary of {size} tokens, as `.h5` of Keras never does, "
                "so that all tokens are unknown to it. Give it one: `layer.set_vocabulary(tokens)`.",
                stacklevel=2,
            )
        return {}
    tokens: list[Any] = _lines(decode(text, f"{layer.place}: its vocabulary"))
    if not tokens:
        return {}
    if layer.class_name == "IntegerLookup":
        tokens = [_integer(token, layer.place) for token in tokens]
    idf = weights.idf_weights.get(f"{place}/vars/idf_weights")
    if layer.arguments.get("output_mode") not in ("tf_idf", "tf-idf") or idf is None:
        return {"vocabulary": tokens, "has_input_vocabulary": False}
    numbers = _read(idf, (len(tokens), layer.arguments.get("max_tokens")), layer.place)
    return {"vocabulary": tokens, "idf_weights": numbers[: len(tokens)], "has_input_vocabulary": False}


def _read(array: SavedArray, lengths: Sequence[object], place: str) -> list[float]:
    if array.shape not in [(length,) for length in lengths]:
        raise ValueError(f"{place}: `{array.path}` has shape {array.shape}, but there are {lengths[0]} tokens.")
    numbers: list[float] = array.read(array.shape).tolist()
    return numbers


def _lines(text: str) -> list[str]:
    """The lines of a vocabulary as Keras reads them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines()
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _integer(token: str, place: str) -> int:
    try:
        return int(token)
    except ValueError:
        raise ValueError(f"{place}: its vocabulary must be integers, but holds {token!r:.100}.") from None


def put_idf_weights(layers: Sequence[Layer], weights: Weights, producer: Producer) -> None:
    """The weights of the tokens, which ``load_weights`` takes as well, into the layers that have the vocabulary.

    Raises:
        ValueError: when there are not as many as tokens.
    """
    if not weights.idf_weights or not isinstance(weights.arrays, ArraysByPath):
        return
    paths = group_paths([(layer.name, type(layer).__name__) for layer in layers], weights.arrays, producer)
    for layer in layers:
        array = weights.idf_weights.get(f"{paths[layer.name]}/vars/idf_weights")
        lookup = lookup_of(layer)
        if lookup is not None and array is not None:
            lengths = (lookup.vocabulary_size(), lookup.max_tokens)
            lookup.idf_weights = _read(array, lengths, f"Layer `{layer.name}`")


def lookup_of(layer: object) -> IndexLookup | None:
    """The layer's vocabulary, if it has one."""
    layer = layer._lookup_layer if isinstance(layer, TextVectorization) else layer
    return layer if isinstance(layer, IndexLookup) else None
