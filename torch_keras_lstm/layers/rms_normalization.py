"""``keras.layers.RMSNormalization``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_non_negative
from torch_keras_lstm.layers.along_axes import AlongAxes
from torch_keras_lstm.layers.layer import LayerArguments
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight


@register("keras.layers")
class RMSNormalization(AlongAxes):
    """``inputs / sqrt(mean(inputs ** 2) + epsilon) * scale``, over ``axis``, in training and otherwise.

    The parameter is that of ``torch.nn.RMSNorm``, so each loads the other's ``state_dict``. float16 and bfloat16 are
    computed in float32, as in Keras.

    Args:
        axis: the axis or axes that are averaged over, along which ``scale`` runs too.
        epsilon: added to the mean of the squares.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``axis`` is no integer or list of them, or ``epsilon`` is negative; for inputs that lack an
            axis or have another size.

    Example:
        >>> RMSNormalization()(torch.tensor([[3.0, 4.0]])).detach().square().mean()
        tensor(1.0000)
    """

    computes_in_float32 = True

    weight: nn.Parameter

    scale = KerasWeight()
    supports_masking = False

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(axes=[axis] if isinstance(axis, int) else axis, **kwargs)
        check_non_negative("epsilon", epsilon)
        self.epsilon = epsilon
        self.declare_weight("scale", "weight", initializer="ones")
        self.build_if_shape_is_known()

    def forward(self, inputs: Any) -> Tensor:
        """The normalized inputs."""
        values = self.prepare(inputs)
        values = values.to(torch.promote_types(self._dtype, torch.float32))
        mean = values.square().mean(self.kept_axes(values.ndim), keepdim=True)
        outputs = values * torch.rsqrt(mean + self.epsilon) * self.beside(self.weight, values)
        return self.finish(outputs.to(self._dtype))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "axis": self.axis, "epsilon": self.epsilon}

    def extra_repr(self) -> str:
        """The axis and epsilon."""
        return f"axis={self.axis}, epsilon={self.epsilon}, {super().extra_repr()}"
