"""``keras.layers.Permute``."""

from collections.abc import Sequence
from typing import Any, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_axes
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class Permute(Layer):
    """The axes behind the batch axis in another order. A mask ends here, as in Keras.

    Args:
        dims: for each axis of the output the axis of the input, counted from 1; ``(2, 1)`` swaps time and features.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``dims`` is no order of 1, 2, ..., or the inputs have another number of axes.

    Example:
        >>> Permute((2, 1))(torch.randn(4, 10, 3)).shape
        torch.Size([4, 3, 10])
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        check_axes("dims", dims)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"`dims` must hold 1 to {len(self.dims)}, each once, got {self.dims}.")

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless there is an axis for each of ``dims`` behind the batch axis."""
        if len(shape) != len(self.dims) + 1:
            raise ValueError(
                f"Layer `{self.name}` takes inputs of {len(self.dims) + 1} axes, batch axis included, "
                f"got shape {tuple(shape)}."
            )

    def forward(self, inputs: Any) -> Tensor:
        """The inputs with their axes in the new order."""
        return self.finish(self.prepare(inputs).permute(0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The sizes in the new order."""
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "dims": list(self.dims)}

    def extra_repr(self) -> str:
        """The order and the name."""
        return f"{self.dims}, {super().extra_repr()}"
