"""``keras.layers.RepeatVector``."""

from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class RepeatVector(Layer):
    """The same vector at each of ``n`` steps: from an encoder's last output to a decoder's input. A mask ends here.

    Args:
        n: number of steps.

    Raises:
        ValueError: when ``n`` is not a positive integer, and for inputs that are not (batch, features).

    Example:
        >>> RepeatVector(3)(torch.tensor([[1.0, 2.0]]))
        tensor([[[1., 2.],
                 [1., 2.],
                 [1., 2.]]])
    """

    def __init__(self, n: SupportsIndex, **kwargs: Unpack[LayerArguments]) -> None:
        super().__init__(**kwargs)
        self.n = positive_integer("n", n)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` unless ``shape`` is (batch, features)."""
        if len(shape) != 2:
            raise ValueError(f"Layer `{self.name}` takes inputs of shape (batch, features), got shape {tuple(shape)}.")

    def forward(self, inputs: Any) -> Tensor:
        """Map (batch, features) to (batch, n, features), a view that repeats the same memory."""
        return self.finish(self.prepare(inputs).unsqueeze(1).expand(-1, self.n, -1))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, n, features)."""
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "n": self.n}

    def extra_repr(self) -> str:
        """The number of repetitions."""
        return f"{self.n}, {super().extra_repr()}"
