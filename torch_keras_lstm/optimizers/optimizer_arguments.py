"""The keyword arguments that every optimizer takes; :class:`torch_keras_lstm.optimizers.Optimizer` explains them."""

from collections.abc import Mapping
from typing import TypedDict

from torch_keras_lstm.arguments import check_number, check_rate, positive_integer


class CommonArguments(TypedDict, total=False):
    """All but the one that some take by position."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class OptimizerArguments(CommonArguments, total=False):
    """All of them."""

    weight_decay: float | None


def refuse(class_name: str, unknown: Mapping[str, object]) -> None:
    """Raise a ``ValueError`` for arguments that no optimizer takes, with the remedy for those that Keras 2 had."""
    if "lr" in unknown:
        raise ValueError(
            f"{class_name}: `lr` was Keras 2's name of `learning_rate`; write `learning_rate={unknown['lr']!r}`."
        )
    if "decay" in unknown:
        raise ValueError(
            f"{class_name}: `decay` went with Keras 2. The same rule is `learning_rate=schedules.InverseTimeDecay("
            f"learning_rate, decay_steps=1, decay_rate={unknown['decay']!r})`; to decay weights use `weight_decay=`."
        )
    if unknown:
        raise ValueError(f"{class_name} has no argument {', '.join(f'`{name}`' for name in sorted(unknown))}.")


def check_clipping(**limits: float | None) -> None:
    """Raise a ``ValueError`` unless at most one limit is given, and that is a number."""
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if len(given) > 1:
        raise ValueError(f"Only one of {', '.join(f'`{name}`' for name in limits)} can be set, got {given}.")
    for name, limit in given.items():
        check_number(name, limit)


def check_averaging(momentum: float, frequency: int | None) -> None:
    """Raise a ``ValueError`` naming the argument of an average of the weights that is out of its range."""
    if momentum != 1:
        check_rate("ema_momentum", momentum)
    if frequency is not None:
        positive_integer("ema_overwrite_frequency", frequency)


def check_accumulation(steps: int | None) -> None:
    """Raise a ``ValueError`` unless ``steps`` is ``None`` or an integer of at least 2."""
    if steps is not None and positive_integer("gradient_accumulation_steps", steps) < 2:
        raise ValueError("`gradient_accumulation_steps` must be an integer of at least 2, or None, got 1.")
