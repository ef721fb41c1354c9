"""``keras.layers.CategoryEncoding``."""

from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_choice, positive_integer
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class CategoryEncoding(Layer):
    """Integers as vectors with an entry for each category; an integer out of range is no category.

    Args:
        num_tokens: the number of categories.
        output_mode: "multi_hot" (or "binary", its older name) marks which categories occur along the last axis,
            "count" says how often; "one_hot" encodes each integer, in place of the last axis if that is of size 1.

    Raises:
        ValueError: when an argument is out of its range, and for inputs of more than two axes but with "one_hot": what
            Keras says that it makes of them is not what it makes.
    """

    def __init__(
        self, num_tokens: SupportsIndex, output_mode: str = "multi_hot", **kwargs: Unpack[LayerArguments]
    ) -> None:
        super().__init__(**kwargs)
        self.num_tokens = positive_integer("num_tokens", num_tokens)
        self.output_mode = "multi_hot" if output_mode == "binary" else output_mode
        check_choice("output_mode", self.output_mode, ("multi_hot", "one_hot", "count"))

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

        Returns:
            (batch, ..., num_tokens), or (batch, ..., length, num_tokens) with "one_hot" and a length other than 1.
        """
        categories = torch.arange(self.num_tokens, device=self.device)
        marks = (self.prepare(inputs).long().unsqueeze(-1) == categories).to(self._dtype)
        if self.output_mode == "one_hot":
            return self.finish(marks.squeeze(-2) if marks.ndim > 2 else marks)
        if self.output_mode == "multi_hot":
            return self.finish(marks.amax(dim=-2))
        if count_weights is not None:
            marks = marks * self.as_input(count_weights).unsqueeze(-1)
        return self.finish(marks.sum(dim=-2))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """The input's shape with ``num_tokens`` in place of the last axis, or behind it."""
        every = self.output_mode == "one_hot" and (len(input_shape) == 1 or input_shape[-1] != 1)
        return (*(input_shape if every else input_shape[:-1]), self.num_tokens)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}

    def extra_repr(self) -> str:
        """The number of categories and the mode."""
        return f"{self.num_tokens}, output_mode={self.output_mode!r}, {super().extra_repr()}"
