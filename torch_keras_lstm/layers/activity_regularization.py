"""``keras.layers.ActivityRegularization``."""

from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm import regularizers
from torch_keras_lstm.layers.layer import CommonArguments, Layer
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class ActivityRegularization(Layer):
    """The identity, whose values enter ``losses``.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Raises:
        ValueError: when one of them is no number or negative.

    Example:
        >>> layer = ActivityRegularization(l2=0.5)
        >>> layer(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
        tensor([[1., 2.],
                [3., 4.]])
        >>> layer.losses  # 0.5 * 30 / 2 samples
        [tensor(7.5000)]
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[CommonArguments]) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1 = l1
        self.l2 = l2

    def forward(self, inputs: Any) -> Tensor:
        """The inputs as they are."""
        return self.finish(self.prepare(inputs))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = {**super().get_config(), "l1": self.l1, "l2": self.l2}
        del config["activity_regularizer"]
        return config
