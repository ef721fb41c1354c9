"""``keras.layers.Reshape``."""

import math
from collections.abc import Sequence
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Reshape(Layer):
    """All axes but the first in another shape. A mask ends here, as in Keras.

    Args:
        target_shape: the sizes behind the batch axis; one may be -1 for what remains.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``target_shape`` is no such list or does not fit the inputs.

    Example:
        >>> Reshape((-1, 6))(torch.randn(4, 3, 8)).shape
        torch.Size([4, 4, 6])
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_axes("target_shape", target_shape)
        self.target_shape = tuple(target_shape)
        if self.target_shape.count(-1) > 1 or any(size < -1 for size in self.target_shape):
            raise ValueError(f"`target_shape` must hold sizes, of which one may be -1, got {self.target_shape}.")

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless a sample has as many entries as the target, or a multiple of them with a -1."""
        sizes = [size for size in shape[1:] if size is not None]
        if len(sizes) < len(shape) - 1:
            return
        total, known = math.prod(sizes), math.prod(size for size in self.target_shape if size != -1)
        if (total % known if -1 in self.target_shape and known else total != known) or len(shape) == 0:
            raise ValueError(
                f"Layer `{self.name}` gives samples of shape {self.target_shape}, into which inputs of shape "
                f"{tuple(shape)} do not fit."
            )

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, ...) to (batch, *target_shape)."""
        inputs = self.prepare(inputs)
        return self.finish(inputs.reshape(inputs.shape[0], *self.compute_output_shape(inputs.shape)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Any:
        """(batch, *target_shape) with the size that remains in place of -1, ``None`` while it is not known."""
        known = math.prod(size for size in self.target_shape if size != -1)
        sizes = [size for size in input_shape[1:] if size is not None]
        rest = math.prod(sizes) // known if known and len(sizes) == len(input_shape) - 1 else None
        return (input_shape[0], *(rest if size == -1 else size for size in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "target_shape": list(self.target_shape)}

    def extra_repr(self) -> str:
        """The shape and the name."""
        return f"{self.target_shape}, {super().extra_repr()}"
