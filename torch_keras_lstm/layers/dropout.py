"""``keras.layers.Dropout``."""

from collections.abc import Sequence
from numbers import Real
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.dropout_generator import DropoutGenerator
from torch_keras_lstm.layers.layer import Layer, LayerArguments
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Dropout(Layer):
    """In training, sets entries to zero at random and scales the others by ``1 / (1 - rate)``; else the identity.

    Args:
        rate: probability of a zero, in [0, 1].
        noise_shape: shape of the random mask: ``None`` for the size of the input's axis, 1 for an axis along which all
            entries share their fate. ``(None, 1, None)`` drops the same features at every step.
        seed: gives the layer a generator of its own, which moves on at each call; ``None`` uses torch's global one.

    Raises:
        ValueError: for a rate outside [0, 1] and for a ``noise_shape`` that is none or does not fit the inputs.
        TypeError: when ``seed`` is not an integer.

    Example:
        >>> layer = Dropout(0.75)
        >>> layer(torch.ones(1000)).unique()
        tensor([0., 4.])
        >>> layer(torch.ones(3), training=False)
        tensor([1., 1., 1.])
        >>> same = Dropout(0.5, noise_shape=(None, 1, None))(torch.ones(2, 4, 3))
        >>> same.equal(same[:, :1].expand(2, 4, 3))  # the same features at every step
        True
    """

    supports_masking = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, Real) or not 0 <= rate <= 1:
            raise ValueError(f"`rate` must be a number between 0 and 1, got {rate!r}.")
        self.rate: float = float(rate)
        self.noise_shape: tuple[int | None, ...] | None = (
            None if noise_shape is None else _checked_noise_shape(noise_shape)
        )
        self.generator: DropoutGenerator = DropoutGenerator(seed)

    @property
    def seed(self) -> int | None:
        """What the generator of this layer started from; ``None`` when it uses torch's global one."""
        return self.generator.seed

    def forward(self, inputs: Any, training: bool | None = None) -> Tensor:
        """The inputs, with dropout if ``training``; ``None`` means ``self.training``."""
        inputs = self.prepare(inputs)
        training = self.training if training is None else training
        if training and self.rate > 0:
            shape = self.mask_shape(inputs.shape)
            inputs = inputs * self.generator.mask(shape, self.rate, dtype=self._dtype, device=inputs.device)
        return self.finish(inputs)

    def mask_shape(self, shape: Sequence[int]) -> Sequence[int]:
        """The shape of the random mask for inputs of ``shape``."""
        if self.noise_shape is None:
            return shape
        pairs = tuple(zip(self.noise_shape, shape, strict=False))
        if len(self.noise_shape) != len(shape) or any(wanted not in (None, 1, size) for wanted, size in pairs):
            raise ValueError(
                f"`noise_shape` {self.noise_shape} of layer `{self.name}` does not fit inputs of shape {tuple(shape)}: "
                "each entry must be None, 1 or the size of that axis."
            )
        return tuple(size if wanted is None else wanted for wanted, size in pairs)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed, "noise_shape": self.noise_shape}

    def extra_repr(self) -> str:
        """The rate, then what is not the default."""
        noise_shape = "" if self.noise_shape is None else f", noise_shape={self.noise_shape}"
        return f"{self.rate}, {super().extra_repr()}{noise_shape}" + (
            "" if self.seed is None else f", seed={self.seed}"
        )


def _checked_noise_shape(noise_shape: Sequence[int | None]) -> tuple[int | None, ...]:
    if isinstance(noise_shape, (list, tuple)) and all(
        size is None or (isinstance(size, int) and not isinstance(size, bool) and size > 0) for size in noise_shape
    ):
        return tuple(noise_shape)
    raise ValueError(f"`noise_shape` must be a tuple of positive integers and None, got {noise_shape!r}.")
