"""``keras.layers.PReLU``."""

from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight


@register("keras.layers")
class PReLU(Layer):
    """``x`` where positive, else ``alpha * x`` with a learned ``alpha`` for each entry of a sample.

    The parameter is ``weight``, as in ``torch.nn.PReLU``, which has one a channel; here its shape is that of a sample,
    of size 1 along ``shared_axes``.

    Args:
        alpha_initializer: Keras' name, configuration or object.
        alpha_regularizer: the same; its value enters ``losses``.
        alpha_constraint: what ``apply_constraints`` projects on.
        shared_axes: the axes, counted with the batch axis as 0, along which all entries share their ``alpha``.

    Raises:
        ValueError: when ``shared_axes`` is no integer or list of them or names no axis of a sample; for inputs whose
            other axes have no size or another one.

    Example:
        >>> layer = PReLU(alpha_initializer="ones", shared_axes=1)
        >>> layer(torch.randn(2, 5, 3)).shape, layer.alpha.shape  # one for each feature
        (torch.Size([2, 5, 3]), torch.Size([1, 3]))
    """

    supports_masking = True

    weight: nn.Parameter

    alpha = KerasWeight()

    def __init__(
        self,
        alpha_initializer: object = "zeros",
        alpha_regularizer: object = None,
        alpha_constraint: object = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        axes = [] if shared_axes is None else [shared_axes] if isinstance(shared_axes, int) else shared_axes
        check_axes("shared_axes", axes)
        self.shared_axes = None if shared_axes is None else list(axes)
        self.keep_weight_arguments(
            alpha_initializer=alpha_initializer,
            alpha_regularizer=alpha_regularizer,
            alpha_constraint=alpha_constraint,
        )
        self.declare_weight(
            "alpha",
            "weight",
            role="alpha",
        )
        self.build_if_shape_is_known()

    def _alpha_shape(self, shape: Shape) -> Shape:
        shared = self.shared_axes or ()
        return tuple(1 if axis in shared else size for axis, size in enumerate(shape) if axis > 0)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The shape of a sample, 1 along the shared axes."""
        return {"alpha": tuple(int(size or 0) for size in self._alpha_shape(input_shape))}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """A batch of samples of the shape of ``weight``."""
        return None, *weight.shape

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` has the shared axes, and the other ones in their sizes."""
        if not all(0 < axis < len(shape) for axis in self.shared_axes or ()):
            raise ValueError(
                f"`shared_axes` {self.shared_axes} of layer `{self.name}` must lie between 1 and {len(shape) - 1} for "
                f"inputs of shape {tuple(shape)}."
            )
        alpha = self._alpha_shape(shape)
        if None in alpha:
            raise ValueError(
                f"Layer `{self.name}` needs the size of every axis that is not in `shared_axes`, got {tuple(shape)}."
            )
        if self.built and alpha != tuple(self.weight.shape):
            raise ValueError(
                f"Layer `{self.name}` was built for an `alpha` of shape {tuple(self.weight.shape)}, but inputs of "
                f"shape {tuple(shape)} need {alpha}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """The function's values, in the shape of the inputs."""
        inputs = self.prepare(inputs)
        return self.finish(torch.relu(inputs) - self.weight * torch.relu(-inputs))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            **self.weight_arguments(),
            "shared_axes": self.shared_axes,
        }
