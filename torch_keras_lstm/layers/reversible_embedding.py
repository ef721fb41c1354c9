"""``keras.layers.ReversibleEmbedding``."""

from collections.abc import Mapping
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.embedding import Embedding
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.symbolic_call import named_arguments
from torch_keras_lstm.operations.tensor_spec import TensorSpec


@register("keras.layers")
class ReversibleEmbedding(Embedding):
    """An :class:`Embedding` that maps vectors back to a number for each index when called with ``reverse=True``.

    Args:
        input_dim: number of indices.
        output_dim: size of the vector of each.
        tie_weights: whether the way back multiplies with the table itself; ``False`` gives it a weight of its own.
        embeddings_initializer: of both; Keras' name, configuration or object.
        embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether index 0 is padding.
        reverse_dtype: the type that the way back is computed in; ``None`` for the layer's.
        logit_soft_cap: a bound that the way back approaches, by ``tanh(x / logit_soft_cap) * logit_soft_cap``.
        **kwargs: ``weights``, the table to start with, and the arguments of every layer; see :class:`Layer`.

    Example:
        >>> layer = ReversibleEmbedding(input_dim=10, output_dim=4)
        >>> vectors = layer(torch.tensor([[7, 2]]))
        >>> layer(vectors, reverse=True).shape  # a score for each of the 10
        torch.Size([1, 2, 10])
    """

    reverse_weight: nn.Parameter

    def __init__(
        self,
        input_dim: SupportsIndex,
        output_dim: SupportsIndex,
        tie_weights: bool = True,
        embeddings_initializer: object = "uniform",
        embeddings_regularizer: object = None,
        embeddings_constraint: object = None,
        mask_zero: bool = False,
        reverse_dtype: object = None,
        logit_soft_cap: float | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        self._ties = tie_weights  # the weights are declared, and made, before all else is set
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.reverse_dtype = reverse_dtype
        self.logit_soft_cap = logit_soft_cap

    def _declare_weights(self) -> None:
        super()._declare_weights()
        if not self.tie_weights:
            initializer = self.embeddings_initializer
            self.declare_weight("reverse_embeddings", "reverse_weight", axes=(0, 1), initializer=initializer)

    @property
    def tie_weights(self) -> bool:
        """Whether the way back multiplies with the table itself."""
        return self._ties

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The table, (input_dim, output_dim), and unless it serves both ways (output_dim, input_dim)."""
        back = {} if self.tie_weights else {"reverse_embeddings": (self.output_dim, self.input_dim)}
        return {**super().weight_shapes(input_shape), **back}

    def forward(self, inputs: Any, reverse: bool = False) -> Tensor:
        """Map indices (batch, ...) to vectors, or with ``reverse`` vectors (..., output_dim) to (..., input_dim)."""
        if not reverse:
            return super().forward(inputs)
        vectors = self.as_input(inputs)
        kernel = self.weight.mT if self.tie_weights else self.reverse_weight
        if self.reverse_dtype is not None:
            dtype = dtypes.get(self.reverse_dtype)
            vectors, kernel = vectors.to(dtype), kernel.to(dtype)
        logits = vectors @ kernel
        if self.logit_soft_cap is not None:
            logits = torch.tanh(logits / self.logit_soft_cap) * self.logit_soft_cap
        return self.finish(logits)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Tensor | None:
        """As of :class:`Embedding`; none of vectors, which are no indices."""
        values = torch.as_tensor(inputs)
        return None if values.is_floating_point() else super().compute_mask(values, mask)

    def symbolic_mask(self, inputs: Any, mask: Any) -> Any:
        """As :meth:`compute_mask`."""
        return None if inputs.dtype.is_floating_point else super().symbolic_mask(inputs, mask)

    def compute_output_shape(self, input_shape: Shape, reverse: bool = False) -> Shape:
        """(batch, ..., output_dim), or with ``reverse`` the shape of the inputs with ``input_dim`` at its end."""
        return (*input_shape[:-1], self.input_dim) if reverse else super().compute_output_shape(input_shape)

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """Vectors, or with ``reverse`` a number for each index."""
        given = named_arguments(self, args, kwargs)
        back = bool(given.get("reverse"))
        dtype = dtypes.get(self.reverse_dtype) if back and self.reverse_dtype is not None else self._dtype
        return TensorSpec.of(self.compute_output_shape(given["inputs"].shape, back), dtype)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {
            **super().get_config(),
            "tie_weights": self.tie_weights,
            "reverse_dtype": self.reverse_dtype,
            "logit_soft_cap": self.logit_soft_cap,
        }
