"""``keras.layers.GaussianNoise``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class GaussianNoise(Layer):
    """In training, adds normally distributed noise of mean 0; else the identity.

    Args:
        stddev: of the noise. Keras 3 refuses more than 1, older files have it.
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Raises:
        ValueError: when ``stddev`` is no number or negative.
        TypeError: when ``seed`` is not an integer.

    Example:
        >>> layer = GaussianNoise(0.1, seed=1)
        >>> noise = layer(torch.zeros(10000))
        >>> noise.std().round(decimals=2), layer.eval()(torch.zeros(2))
        (tensor(0.1000), tensor([0., 0.]))
    """

    supports_masking = True

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_non_negative("stddev", stddev)
        self.stddev = stddev
        self._generator = DropoutGenerator(seed)

    def forward(self, inputs: Any, training: bool | None = None) -> Tensor:
        """The inputs, with noise if ``training``; ``None`` means ``self.training``."""
        inputs = self.prepare(inputs)
        if (self.training if training is None else training) and self.stddev > 0:
            noise = self._generator.normal(inputs.shape, 0.0, self.stddev, dtype=self._dtype, device=inputs.device)
            inputs = inputs + noise
        return self.finish(inputs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "stddev": self.stddev, "seed": self._generator.seed}

    def extra_repr(self) -> str:
        """The standard deviation."""
        return f"{self.stddev}, {super().extra_repr()}"
