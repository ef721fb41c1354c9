"""``keras.layers.GroupQueryAttention``."""

from collections.abc import Sequence
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.arguments import positive_integer
from torch_keras_lstm.layers.layer import CommonArguments, Shape
from torch_keras_lstm.layers.multi_head_attention import MultiHeadAttention
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.layers.serialization import register


@register("keras.layers")
class GroupQueryAttention(MultiHeadAttention):
    """Attention whose query heads share key and value heads in groups (Ainslie et al., 2023).

    Args:
        head_dim: size of each head.
        num_query_heads: number of query heads, a multiple of ``num_key_value_heads``.
        num_key_value_heads: number of key and value heads; 1 is multi-query attention.
        dropout: share of weights set to zero in training.
        use_bias: whether the projections have biases.
        sliding_window: query i sees keys at most ``sliding_window - 1`` places away; ``None`` for all.
        flash_attention: what computes it in Keras, not what; ignored.
        kernel_initializer, bias_initializer: of all projections; Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output of each projection and with the layer's, as in Keras.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        use_gate: whether a projection of the queries, through a sigmoid, multiplies what the heads give.
        seed: gives the dropout a generator of its own; ``None`` uses torch's global one.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, the heads cannot be grouped, and when query, value and key
            do not belong together.

    Example:
        >>> layer = GroupQueryAttention(head_dim=4, num_query_heads=6, num_key_value_heads=2)
        >>> layer(torch.randn(2, 3, 8), torch.randn(2, 5, 8)).shape
        torch.Size([2, 3, 8])
    """

    def __init__(
        self,
        head_dim: SupportsIndex,
        num_query_heads: SupportsIndex,
        num_key_value_heads: SupportsIndex,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: SupportsIndex | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: object = "glorot_uniform",
        bias_initializer: object = "zeros",
        kernel_regularizer: object = None,
        bias_regularizer: object = None,
        activity_regularizer: object = None,
        kernel_constraint: object = None,
        bias_constraint: object = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        # Keras' class is called otherwise than its name in `keras.layers` and in files.
        if kwargs.get("name") is None:
            kwargs["name"] = unique_name("GroupedQueryAttention")
        super().__init__(
            num_query_heads,
            head_dim,
            dropout=dropout,
            use_bias=use_bias,
            sliding_window=sliding_window,
            flash_attention=flash_attention,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            use_gate=use_gate,
            seed=seed,
            **kwargs,
        )
        self.head_dim = self.key_dim
        self.num_query_heads = self.num_heads
        self.num_key_value_heads = positive_integer("num_key_value_heads", num_key_value_heads)
        if self.num_query_heads % self.num_key_value_heads:
            raise ValueError(
                "`num_query_heads` must be divisible by `num_key_value_heads`, "
                f"got {self.num_query_heads} and {self.num_key_value_heads}."
            )

    def build(
        self,
        query_shape: Sequence[int | None],
        value_shape: Sequence[int | None] | None = None,
        key_shape: Sequence[int | None] | None = None,
    ) -> None:
        """Give the projections their weights; arguments and errors as of :meth:`MultiHeadAttention.build`."""
        value_shape = query_shape if value_shape is None else value_shape
        if query_shape[-1] != value_shape[-1] or len(query_shape) != 3:
            raise ValueError(
                f"Layer `{self.name}` takes a query (batch, queries, features) and values (batch, keys, features) with "
                f"as many features, got {tuple(query_shape)} and {tuple(value_shape)}."
            )
        super().build(query_shape, value_shape, key_shape)

    @property
    def key_value_heads(self) -> int:
        """The number of key heads and of value heads."""
        return self.num_key_value_heads

    def per_query_head(self, heads: Tensor) -> Tensor:
        """Key or value heads (batch, heads, keys, size), each repeated for the query heads of its group."""
        return torch.repeat_interleave(heads, self.num_query_heads // self.num_key_value_heads, 1)

    def finish_outputs(self, *outputs: Tensor) -> Tensor:
        """The first of ``outputs``, which have an activity loss beside those of the projections, as in Keras."""
        return self.finish(*outputs)

    def compute_output_shape(
        self, input_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None
    ) -> Shape:
        """The query's shape."""
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        config = super().get_config()
        for name in ("num_heads", "key_dim", "value_dim", "output_shape", "attention_axes"):
            del config[name]
        sizes = ("head_dim", "num_query_heads", "num_key_value_heads")
        return {**config, **{name: getattr(self, name) for name in sizes}}

    def extra_repr(self) -> str:
        """The groups behind the sizes."""
        return f"num_key_value_heads={self.num_key_value_heads}, {super().extra_repr()}"
