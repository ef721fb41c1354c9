"""``keras.layers.ELU``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import activations
from torch_keras_lstm.arguments import check_number
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@activations.register("keras.layers")
@register("keras.layers")
class ELU(Layer):
    """``x`` where positive, else ``alpha * (exp(x) - 1)``.

    Args:
        alpha: how far below zero the function reaches.

    Raises:
        ValueError: when it is no number.

    Example:
        >>> ELU(alpha=0.5)(torch.tensor([-20.0, 0.0, 2.0]))
        tensor([-0.5000,  0.0000,  2.0000])
    """

    supports_masking = True

    def __init__(self, alpha: float = 1.0, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_number("alpha", alpha)
        self.alpha = alpha

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        return self.finish(activations.elu(self.prepare(inputs), self.alpha))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "alpha": self.alpha}

    def extra_repr(self) -> str:
        """How far below zero it reaches."""
        return f"{self.alpha}, {super().extra_repr()}"
