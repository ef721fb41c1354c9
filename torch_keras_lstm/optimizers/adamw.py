"""Adam that decays weights."""

from typing import Unpack

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.adam import Adam
from torch_keras_lstm.optimizers.optimizer_arguments import CommonArguments


@with_arguments_of(Adam)
class AdamW(Adam):
    """Adam after a decay of every weight by ``learning_rate * weight_decay``; arguments as in :class:`Adam`.

    Raises:
        ValueError: when ``weight_decay`` is ``None``: that is Adam.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = AdamW(learning_rate=0.1, weight_decay=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.8900, 2.0800])
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
