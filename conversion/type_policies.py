"""Mixed precision in files: what was saved under a policy is read as float32, unless it is asked for as saved."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch_keras_lstm.conversion.saved_config import LayerDescription, ModelDescription, NestedModel
from torch_keras_lstm.conversion.saved_policies import policy_of

AS_SAVED = "as saved"
MIXED = ("mixed_float16", "mixed_bfloat16")
_CHOICES = (None, AS_SAVED, "float32")

# In a configuration that this package wrote: which Keras has no use for, and reads over.
SAVED_BY = {"saved_by": "torch_keras_lstm"}


def check_choice(dtype_policy: object) -> None:
    """Raise a ``ValueError`` for anything that ``dtype_policy`` of ``load_model`` cannot be."""
    if dtype_policy not in _CHOICES:
        raise ValueError(
            f"`dtype_policy` must be {AS_SAVED!r}, for the policies of mixed precision in the file, or 'float32', in "
            f"their place; got {dtype_policy!r}."
        )


def with_policies(model: ModelDescription, root: Mapping[str, Any], dtype_policy: str | None) -> ModelDescription:
    """The description with the types that its layers are to have, and a note where policies are in the file.

    Args:
        model: with the policies of the file.
        root: the configuration from which it was read.
        dtype_policy: ``"as saved"`` keeps the policies, ``"float32"`` puts the type of the weights in their place.
            ``None`` keeps those of a model that this package saved, so that it comes back as it was.
    """
    found = [*dict.fromkeys(policy for layer in model.layers for part in layer.walk() for policy in _policies(part))]
    if not found:
        return model
    named = " and ".join(f"`{policy}`" for policy in found)
    several = len(found) > 1
    if _keeps(root, dtype_policy):
        note = f"Computes in mixed precision as saved, by the polic{'ies' if several else 'y'} {named}."
        return replace(model, notes=(*model.notes, note))
    note = (
        f"The polic{'ies' if several else 'y'} {named} {'are' if several else 'is'} read as float32, the type in which "
        f"{'their' if several else 'its'} weights are kept: `dtype_policy={AS_SAVED!r}` keeps "
        f"{'them' if several else 'it'}."
    )
    return replace(model, layers=tuple(map(_in_float32, model.layers)), notes=(*model.notes, note))


def root_with_policies(root: Mapping[str, Any], dtype_policy: str | None) -> dict[str, Any]:
    """The configuration of a model of a class of one's own, with the types that the layers in it are to have.

    Arguments as of :func:`with_policies`. What it says of quantized layers, and of updates of low rank, goes.
    """
    changed: dict[str, Any] = _with_types(root, _keeps(root, dtype_policy))
    return changed


def _with_types(value: Any, keeps: bool) -> Any:
    if isinstance(value, list):
        return [_with_types(one, keeps) for one in value]
    if not isinstance(value, Mapping):
        return value
    found = {name: _with_types(one, keeps) for name, one in value.items()}
    if "dtype" in value and isinstance(value.get("name"), str):  # of a layer
        policy = policy_of(value["dtype"], f"Layer `{value['name']}`")
        if policy in MIXED and not keeps:
            policy = "float32"
        if policy is None or isinstance(policy, str):
            found["dtype"] = policy
        for gone in ("lora_alpha", "lora_rank", "quantization_config", "gptq_unpacked_column_size"):
            found.pop(gone, None)
    return found


def _keeps(root: Mapping[str, Any], dtype_policy: str | None) -> bool:
    return dtype_policy == AS_SAVED or (dtype_policy is None and root.items() >= SAVED_BY.items())


def _policies(layer: LayerDescription) -> Iterator[str]:
    """The policy of mixed precision that a layer has, if it has one."""
    dtype = layer.arguments.get("dtype")
    if isinstance(dtype, Mapping):  # of a class that is not known, as it stands in the file
        config = dtype.get("config")
        dtype = config.get("name") if isinstance(config, Mapping) else None
    if isinstance(dtype, str) and dtype in MIXED:
        yield dtype


def _in_float32(layer: LayerDescription) -> LayerDescription:
    if isinstance(layer, NestedModel):
        return replace(layer, layers=tuple(map(_in_float32, layer.layers)))
    mixed = any(True for _ in _policies(layer))
    return replace(
        layer,
        arguments={**layer.arguments, "dtype": "float32"} if mixed else layer.arguments,
        children={name: _in_float32(child) for name, child in layer.children.items()},
        lists={name: tuple(map(_in_float32, several)) for name, several in layer.lists.items()},
    )
