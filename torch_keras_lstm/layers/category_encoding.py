"""``keras.layers.CategoryEncoding``."""

from typing import Any, SupportsIndex, Unpack

from torch import Tensor

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.layers.category_counts import MODES, encode, encoded_shape
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class CategoryEncoding(Layer):
    """Integers as vectors with an entry for each category; an integer out of range is no category.

    Args:
        num_tokens: the number of categories.
        output_mode: "multi_hot" (or "binary", its older name) marks which categories occur along the last axis,
            "count" says how often; "one_hot" encodes each integer, in place of the last axis if that is of size 1.
        sparse: Keras' sparse tensors, which there are none of here.

    Raises:
        ValueError: when an argument is out of its range, and for inputs of more than two axes but with "one_hot": what
            Keras says that it makes of them is not what it makes.

    Example:
        >>> CategoryEncoding(4)(torch.tensor([[0, 2, 2], [3, 3, 3]]))
        tensor([[1., 0., 1., 0.],
                [0., 0., 0., 1.]])
        >>> CategoryEncoding(4, output_mode="count")(torch.tensor([[0, 2, 2], [3, 3, 3]]))
        tensor([[1., 0., 2., 0.],
                [0., 0., 0., 3.]])
    """

    def __init__(
        self,
        num_tokens: SupportsIndex | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            raise ValueError("`num_tokens` must be set to use this layer: `IntegerLookup` finds it out.")
        if sparse:
            raise ValueError("`sparse=True` gives Keras' sparse tensors of TensorFlow; here vectors are dense.")
        self.num_tokens = positive_integer("num_tokens", num_tokens)
        self.output_mode = "multi_hot" if output_mode == "binary" else output_mode
        check_choice("output_mode", self.output_mode, MODES)

    def check_input_shape(self, shape: Shape) -> None:
        """Raise a ``ValueError`` for inputs of ``shape`` with more axes than the mode takes."""
        if len(shape) > 2 and self.output_mode != "one_hot":
            raise ValueError(
                f"Layer `{self.name}` takes inputs of shape (batch, length) with `output_mode` {self.output_mode!r}, "
                f"got shape {tuple(shape)}."
            )

    def forward(self, inputs: Any, count_weights: Any = None) -> Tensor:
        """Encode (batch, ..., length).

        Args:
            inputs: integers; other numbers are cut off towards zero.
            count_weights: of the shape of the inputs, what each one counts with "count"; 1 by default.

        Raises:
            ValueError: for ``count_weights`` with another mode.

        Returns:
            (batch, ..., num_tokens), or (batch, ..., length, num_tokens) with "one_hot" and a length other than 1.
        """
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"`count_weights` is not used when `output_mode` is {self.output_mode!r}, but 'count'.")
        indices = self.prepare(inputs).long()
        if count_weights is None:
            return self.finish(encode(indices, self.output_mode, self.num_tokens, self._dtype))
        marks = encode(indices.unsqueeze(-1), "one_hot", self.num_tokens, self._dtype)
        return self.finish((marks * self.as_input(count_weights).unsqueeze(-1)).sum(dim=-2))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape with ``num_tokens`` in place of the last axis, or behind it."""
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}

    def extra_repr(self) -> str:
        """The number of categories and the mode."""
        return f"{self.num_tokens}, output_mode={self.output_mode!r}, {super().extra_repr()}"
