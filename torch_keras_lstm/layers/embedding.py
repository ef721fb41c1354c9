"""``keras.layers.Embedding``."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, SupportsIndex, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.layer import Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.weight_view import KerasWeight


@register("keras.layers")
class Embedding(Layer):
    """A table of vectors, looked up by index. It is built from the start, with the parameter of ``torch.nn.Embedding``.

    Args:
        input_dim: number of rows; indices lie in [0, input_dim).
        output_dim: size of each vector.
        embeddings_initializer: Keras' name, configuration or object.
        embeddings_regularizer: the same; its value enters ``losses``.
        embeddings_constraint: what ``apply_constraints`` projects on.
        mask_zero: whether index 0 is padding that :meth:`compute_mask` masks.
        weights: the initial table, (input_dim, output_dim), or a list that holds it.
        input_length: as in Keras 1 and 2, the number of indices in a sample, or a tuple of sizes. It is another way to
            give ``input_shape``.

    Attributes:
        sparse_gradients: set it for an optimizer of :mod:`torch_keras_lstm.optimizers` to follow Keras on TensorFlow
            where a batch looks a row up more than once; few of torch's own take sparse gradients.

    Raises:
        ValueError: when a dimension is not a positive integer; on a CPU, when an index is out of range. A GPU reports
            that itself, and later.

    Example:
        >>> layer = Embedding(10, 4, mask_zero=True)
        >>> tokens = torch.tensor([[7, 2, 0]])
        >>> layer(tokens).shape, layer.compute_mask(tokens)
        (torch.Size([1, 3, 4]), tensor([[ True,  True, False]]))
    """

    void_arguments: ClassVar[Mapping[str, object]] = {"quantization_config": None}

    weight: nn.Parameter

    # Whether the gradient of the table is sparse, a slice for each time that a row was looked up. TensorFlow's is, and
    # Keras' optimizers square such slices one by one, so that a curve differs where a row is looked up more than once.
    sparse_gradients = False
    # Vectors are rounded, not the table, nor the indices, should they be floats.
    computes_in_float32 = True
    rounds_inputs = rounds_weights = False

    embeddings = KerasWeight()

    def __init__(
        self,
        input_dim: SupportsIndex,
        output_dim: SupportsIndex,
        embeddings_initializer: object = "uniform",
        embeddings_regularizer: object = None,
        embeddings_constraint: object = None,
        mask_zero: bool = False,
        weights: Any = None,
        *,
        input_length: int | Sequence[int | None] | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.input_dim = positive_integer("input_dim", input_dim)
        self.output_dim = positive_integer("output_dim", output_dim)
        self.keep_weight_arguments(
            embeddings_initializer=embeddings_initializer,
            embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )
        self.mask_zero = self.supports_masking = self.makes_mask = mask_zero
        if self.batch_input_shape is None and input_length is not None:
            sizes = (input_length,) if isinstance(input_length, int) else tuple(input_length)
            self.batch_input_shape = (None, *sizes)
        self._declare_weights()
        self.build_at_once(self.batch_input_shape or (None,))
        if weights is not None:
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def _declare_weights(self) -> None:
        self.declare_weight(
            "embeddings",
            "weight",
            axes=(0, 1),
            role="embeddings",
        )

    def build(self, input_shape: Sequence[int | None] | None = None) -> None:
        """As of every layer; the table has its shape whatever the inputs."""
        super().build((None,) if input_shape is None else input_shape)

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """(input_dim, output_dim), whatever the inputs."""
        return {"embeddings": (self.input_dim, self.output_dim)}

    def forward(self, inputs: Any) -> Tensor:
        """Map indices (batch, ...) to vectors (batch, ..., output_dim); fractions are cut off, as in Keras."""
        # Not through prepare: it would round large indices that come as floats to the precision of the table.
        indices = inputs if isinstance(inputs, Tensor) else torch.as_tensor(inputs, device=self.device)
        if indices.dtype is not torch.int64 and indices.dtype is not torch.int32:
            indices = indices.to(torch.int64)
        try:
            sparse = self.sparse_gradients and self.weight.is_leaf  # a table that was cast gets none that are
            return self.finish(F.embedding(self._as_differentiable(indices), self.weight, sparse=sparse))
        except IndexError as error:
            smallest, largest = (int(end) for end in indices.aminmax())
            raise ValueError(
                f"Layer `{self.name}` has {self.input_dim} rows, so indices must lie in [0, {self.input_dim - 1}], "
                f"got indices from {smallest} to {largest}."
            ) from error

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        """``True`` where the index is not 0, with ``mask_zero``; else there is none, whatever came in."""
        if not self.mask_zero:
            return None
        return (inputs if isinstance(inputs, Tensor) else torch.as_tensor(inputs)) != 0

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """As :meth:`compute_mask`."""
        return inputs != 0 if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(batch, ..., output_dim)."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; ``weights``, which are no configuration, excepted."""
        return {
            **super().get_config(),
            "input_dim": self.input_dim,
            "output_dim": self.output_dim,
            **self.weight_arguments(),
            "mask_zero": self.mask_zero,
        }

    def extra_repr(self) -> str:
        """Sizes first, then whether zeros are masked."""
        return f"{self.input_dim}, {self.output_dim}, {super().extra_repr()}" + (
            ", mask_zero=True" if self.mask_zero else ""
        )
