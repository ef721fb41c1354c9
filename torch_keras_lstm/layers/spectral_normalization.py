"""``keras.layers.SpectralNormalization``."""

from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.initializers import TruncatedNormal
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight import WeightRow
from torch_keras_lstm.layers.wrapper import Wrapper

# Keras divides by no norm below its `epsilon`, 1e-7.
_LEAST_SQUARES = 1e-14


@register("keras.layers")
class SpectralNormalization(Wrapper):
    """Divides the kernel of ``layer`` by its largest singular value at each call in training (Miyato et al., 2018).

    The singular value is estimated by a power iteration that goes on from call to call. As in Keras the kernel itself
    is divided, not a copy: no gradient goes through the division, and inference uses what training left.

    Args:
        layer: a layer with a weight named ``kernel`` or ``embeddings``.
        power_iterations: steps of the power iteration at each call.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``layer`` is no layer or has no such weight, or ``power_iterations`` is not a positive integer.

    Example:
        >>> layer = SpectralNormalization(Dense(4), power_iterations=20)
        >>> layer(torch.randn(5, 3), training=True).shape
        torch.Size([5, 4])
        >>> torch.linalg.matrix_norm(layer.layer.kernel, 2).round(decimals=3).item()
        1.0
    """

    layer: Layer
    vector_u: Tensor

    def __init__(self, layer: Layer, power_iterations: SupportsIndex = 1, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive_integer("power_iterations", power_iterations)
        self.declare_weight(
            "vector_u", "vector_u", axes=(0, 1), initializer=TruncatedNormal(stddev=0.02), trainable=False
        )
        self.build_if_shape_is_known()

    @property
    def _normalized(self) -> WeightRow:
        for row in self.layer._rows:
            if row.name in ("kernel", "embeddings"):
                return row
        raise ValueError(f"Layer `{self.layer.name}` ({type(self.layer).__name__}) has no kernel and no embeddings.")

    def build(self, input_shape: Any = None) -> None:
        """Build the inner layer, and the vector of the power iteration for its kernel."""
        with self.building():
            self.layer.build(input_shape)
        Layer.build(self, input_shape)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(1, last axis of the kernel), which before there is one :meth:`input_shape_of` a vector tells."""
        width = self._kernel().shape[-1] if self.layer.has_weights() else input_shape[-1]
        assert width is not None
        return {"vector_u": (1, width)}

    @property
    def kernel(self) -> Tensor:
        """The weight of the inner layer that is divided, in Keras' layout."""
        return self._kernel()

    def _kernel(self) -> Tensor:
        ((_, kernel),) = self.layer.own_weights([self._normalized])
        return kernel

    def input_shape_of(self, weight: Tensor) -> Shape:
        """The width of the vector as the last axis: what comes in does not follow from it."""
        return None, weight.shape[-1]

    def forward(self, inputs: Any, training: bool | None = None) -> Any:
        """What the inner layer gives, with its kernel divided first in training, in the type of the inputs.

        That cuts off the fractions of an ``Embedding``, whose inputs are integers; Keras does so.

        Args:
            inputs: of the inner layer.
            training: ``None`` means ``self.training``.
        """
        values = self.as_input(inputs)
        if not (self.built and self.layer.built):
            self.build(values.shape)
        if self.training if training is None else training:
            self._divide()
        outputs = self.layer(values, training=training)
        return self.finish(outputs.to(values.dtype))

    @torch.no_grad()
    def _divide(self) -> None:
        kernel = self._kernel()
        if not kernel.any():
            return
        matrix, u = kernel.reshape(-1, kernel.shape[-1]), self.vector_u
        for _ in range(self.power_iterations):
            v = _normalized(u @ matrix.mT)
            u = _normalized(v @ matrix)
        largest = v @ matrix @ u.mT
        self.vector_u.copy_(u)
        self.layer.assign(self._normalized, (matrix / largest).reshape(kernel.shape))

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """The inner layer's."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _normalized(vector: Tensor) -> Tensor:
    return vector * torch.rsqrt(torch.clamp(vector.square().sum(), min=_LEAST_SQUARES))
