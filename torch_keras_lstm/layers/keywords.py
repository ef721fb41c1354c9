"""Keywords that a layer class does not take: which class it is, what was meant, what torch's words are here."""

import inspect
from collections.abc import Mapping
from typing import Any, NoReturn

from torch_keras_lstm.registry import close_match

_FEATURES = "it is left out: the first input tells it"
_TORCH = {
    "batch_first": "it is left out: inputs are (batch, time, features)",
    "hidden_size": "`units`",
    "input_size": _FEATURES,
    "in_features": _FEATURES,
    "in_channels": _FEATURES,
    "num_features": _FEATURES,
    "out_features": "`units`",
    "out_channels": "`filters`",
    "num_layers": "one layer behind the other, all but the last with `return_sequences=True`",
    "bidirectional": "the wrapper `Bidirectional(...)`",
    "proj_size": "a `Dense` layer behind",
    "nonlinearity": "`activation`",
    "bias": "`use_bias`",
    "num_embeddings": "`input_dim`",
    "embedding_dim": "`output_dim`",
    "padding_idx": "`mask_zero=True`",
    "embed_dim": "`num_heads` and `key_dim`",
    "p": "`rate`",
    "stride": "`strides`",
    "dilation": "`dilation_rate`",
    "eps": "`epsilon`",
    "affine": "`center` and `scale`",
    "elementwise_affine": "`center` and `scale`",
    "normalized_shape": "`axis`",
    "device": "`.to(device)`",
}


def refuse_unknown(layer_class: type, unknown: Mapping[str, Any]) -> NoReturn:
    """Raise the error for keywords that reached the base of all layers, because no class took them.

    Raises:
        ValueError: always.
    """
    name = next(iter(unknown))
    known = keywords_of(layer_class)
    what = f"{layer_class.__name__} has no argument `{name}`"
    torchs = _TORCH.get(name)
    if torchs is not None and (not torchs.startswith("`") or any(f"`{word}`" in torchs for word in known)):
        raise ValueError(f"{what}. torch's `{name}` is here: {torchs}.")
    raise ValueError(f"{what}. {close_match(name, known)}")


def refuse_torchs_words(layer_class: type, given: Mapping[str, Any]) -> None:
    """Raise the error for words of torch's that the class does not take, before Python misses Keras' word for them.

    Raises:
        ValueError: when there is one.
    """
    if not _TORCH.keys().isdisjoint(given):
        known = keywords_of(layer_class)
        words = {name: value for name, value in given.items() if name in _TORCH and name not in known}
        if words:
            refuse_unknown(layer_class, words)


def keywords_of(layer_class: type) -> list[str]:
    """The names of the arguments that the class and its bases take, but for those that are void."""
    names: dict[str, None] = {}
    for one in layer_class.__mro__:
        if "__init__" not in vars(one) or one is object:
            continue
        parameters = [*inspect.signature(one.__init__).parameters.values()][1:]  # type: ignore[misc]
        names |= {
            each.name: None for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)
        }
        if not any(each.kind is each.VAR_KEYWORD for each in parameters) or one.__name__ == "Layer":
            break
    return [*names]
