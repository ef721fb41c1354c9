"""The keyword arguments that every optimizer takes, as :class:`~torch_keras_lstm.optimizers.Optimizer` explains them."""

from typing import TypedDict


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
