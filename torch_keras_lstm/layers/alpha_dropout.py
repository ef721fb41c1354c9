"""``keras.layers.AlphaDropout``."""

from collections.abc import Sequence
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_rate
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register

# What a scaled exponential unit tends to far below zero: minus the product of its two constants.
_SATURATION = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946


@register("keras.layers")
class AlphaDropout(Dropout):
    """In training, dropout that keeps the mean and variance of the outputs of ``selu``; else the identity.

    Dropped entries take the value that ``selu`` saturates at, and an affine map restores the moments.

    Args:
        rate: probability that an entry is dropped, in [0, 1).
        noise_shape: shape of the random mask: ``None`` for the size of the input's axis, 1 for an axis along which all
            entries share their fate.
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Raises:
        ValueError: for a rate outside [0, 1) and a ``noise_shape`` that is none or does not fit the inputs.

    Example:
        >>> layer = AlphaDropout(0.3, seed=1)
        >>> x = torch.randn(1000, 50)
        >>> layer(x).std().round(decimals=1), layer(x, training=False).equal(x)
        (tensor(1.), True)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        check_rate("rate", rate)
        super().__init__(rate, noise_shape, seed, **kwargs)

    def forward(self, inputs: Any, training: bool | None = None) -> Tensor:
        """The inputs, with dropout if ``training``; ``None`` means ``self.training``."""
        inputs = self.prepare(inputs)
        if (self.training if training is None else training) and self.rate > 0:
            shape = self.mask_shape(inputs.shape)
            kept = self.generator.mask(shape, self.rate, dtype=self._dtype, device=inputs.device) > 0
            scale = ((1 - self.rate) * (1 + self.rate * _SATURATION**2)) ** -0.5
            inputs = scale * inputs.where(kept, _SATURATION) - scale * _SATURATION * self.rate
        return self.finish(inputs)
