"""``keras.layers.GaussianDropout``."""

import math
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_rate
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class GaussianDropout(Layer):
    """In training, multiplies by normal factors of mean 1 and the variance of dropout's; else the identity.

    Args:
        rate: the factors have the standard deviation ``sqrt(rate / (1 - rate))``.
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Raises:
        ValueError: for a rate outside [0, 1).
        TypeError: when ``seed`` is not an integer.

    Example:
        >>> layer = GaussianDropout(0.2, seed=1)
        >>> layer(torch.ones(10000)).std().round(decimals=1)  # sqrt(0.2 / 0.8)
        tensor(0.5000)
    """

    supports_masking = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_rate("rate", rate)
        self.rate = rate
        self._generator = DropoutGenerator(seed)

    def forward(self, inputs: Any, training: bool | None = None) -> Tensor:
        """The inputs, times the factors if ``training``; ``None`` means ``self.training``."""
        inputs = self.prepare(inputs)
        if (self.training if training is None else training) and self.rate > 0:
            stddev = math.sqrt(self.rate / (1.0 - self.rate))
            inputs = inputs * self._generator.normal(inputs.shape, 1.0, stddev, dtype=self._dtype, device=inputs.device)
        return self.finish(inputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "rate": self.rate, "seed": self._generator.seed}

    def extra_repr(self) -> str:
        """The rate."""
        return f"{self.rate}, {super().extra_repr()}"
