"""Adam that decays weights."""

from typing import Unpack

from torch_keras_lstm.optimizers.adam import Adam
from torch_keras_lstm.optimizers.optimizer_arguments import CommonArguments


class AdamW(Adam):
    """Adam after a decay of every weight by ``learning_rate * weight_decay``; arguments as in :class:`Adam`.

    Raises:
        ValueError: when ``weight_decay`` is ``None``: that is Adam.
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[CommonArguments],
    ) -> None:
        if weight_decay is None:
            raise ValueError("`weight_decay` of AdamW must be a number, got None: use Adam for no decay.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)
