"""What a file says of a layer's types and of its low-rank update.

Its ``dtype`` is a name, a policy, or a policy of quantization around one.
"""

from collections.abc import Mapping
from typing import Any

# What they quantize shows in the arrays: `quantized.py`.
_QUANTIZED = (
    *("QuantizedDTypePolicy", "QuantizedFloat8DTypePolicy"),
    *("Int4DTypePolicy", "GPTQDTypePolicy", "AWQDTypePolicy"),
)
_MODES = ("int8", "int4", "float8", "gptq", "awq")
_FROM = "_from_"


def policy_of(dtype: object, place: str) -> object:
    """The type or the policy of mixed precision by which the layer computes, once nothing of it is quantized.

    Args:
        dtype: as in the file.
        place: the layer as an error names it.

    Returns:
        A name; anything else as it is.

    Raises:
        ValueError: for a way to quantize that is not known, or policies of several kinds for the layers inside.
    """
    if isinstance(dtype, str):
        mode, found, source = dtype.partition(_FROM)
        return _source(mode, source, place) if found else dtype
    if not isinstance(dtype, Mapping) or not isinstance(config := dtype.get("config"), Mapping):
        return dtype
    class_name = dtype.get("class_name")
    if class_name == "DTypePolicyMap":
        return _default_of_map(config, place)
    if "mode" in config or class_name in _QUANTIZED:
        if class_name not in _QUANTIZED:
            raise ValueError(f"{place} is quantized by a {class_name}, which is not supported.")
        return _source(config.get("mode"), config.get("source_name"), place)
    return config.get("name")


def _source(mode: object, source: object, place: str) -> object:
    if not isinstance(mode, str) or mode.partition("/")[0] not in _MODES:
        raise ValueError(f"{place} is quantized as {mode!r}, which is not supported: {', '.join(_MODES)} are.")
    return source


def _default_of_map(config: Mapping[str, Any], place: str) -> object:
    """The policy for all layers inside; policies that quantize some of them are the same policy here."""
    default = policy_of(config.get("default_policy"), place)
    policies = config.get("policy_map")
    inside = [policy_of(policy, place) for policy in policies.values()] if isinstance(policies, Mapping) else []
    others = [policy for policy in inside if policy not in (default, None)]
    if default is not None and others:
        raise ValueError(f"{place} has a DTypePolicyMap with {others[0]!r} beside {default!r}, which is not supported.")
    return others[0] if others else default


def lora_alpha(config: Mapping[str, Any], place: str) -> float | None:
    """By which, through its rank, the layer's update of low rank counts; ``None`` if it has none."""
    alpha = config.get("lora_alpha")
    alpha = config.get("lora_rank") if alpha is None else alpha  # as Keras has it, and before it wrote the first
    if alpha is not None and (isinstance(alpha, bool) or not isinstance(alpha, int | float)):
        raise ValueError(f"{place}: `lora_alpha` must be a number, got {alpha!r}.")
    return alpha
