"""``keras.layers.MultiHeadAttention``."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, SupportsIndex, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from torch_keras_lstm import activations, torch_internals
from torch_keras_lstm.arguments import check_axes, positive_integer
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.einsum_dense import with_fans
from torch_keras_lstm.layers.layer import CommonArguments, Layer, LayerArguments, Shape
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.symbolic_call import named_arguments
from torch_keras_lstm.operations.tensor_spec import TensorSpec

_MASKED = 1e9


class Projection(Layer):
    """``activation(inputs · kernel + bias)`` over the last axes of the inputs: Keras has an ``EinsumDense`` for it.

    It is built with the shape of its kernel, (*summed axes, *axes of the output), which inputs alone do not tell.

    Args:
        summed: how many axes of the inputs, and first ones of the kernel, are summed over.
        outputs: how many axes of the kernel the output has.
        options: initializers, regularizers and constraints of ``kernel`` and ``bias``, by Keras' argument names.
        use_bias: whether there is a bias.
        activation: a Keras name.
    """

    supports_masking = True

    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(
        self,
        summed: int,
        outputs: int,
        options: Mapping[str, Any],
        use_bias: bool,
        activation: str | None = None,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.summed = summed
        self.activation = activations.get(activation)
        rank = summed + outputs
        self.declare_weight(
            "kernel",
            "kernel",
            axes=tuple(range(rank)),
            initializer=with_fans(options["kernel_initializer"], range(summed), range(summed, rank)),
            regularizer=options["kernel_regularizer"],
            constraint=options["kernel_constraint"],
        )
        if not use_bias:
            self.register_parameter("bias", None)
            return
        self.declare_weight(
            "bias",
            "bias",
            axes=tuple(range(outputs)),
            initializer=options["bias_initializer"],
            regularizer=options["bias_regularizer"],
            constraint=options["bias_constraint"],
        )

    def weight_shapes(self, input_shape: Shape) -> dict[str, tuple[int, ...]]:
        """The kernel's shape, and of the bias what of it is output."""
        kernel = tuple(size for size in input_shape if size is not None)
        return {"kernel": kernel, "bias": kernel[self.summed :]}

    def input_shape_of(self, weight: Tensor) -> Shape:
        """The kernel's shape."""
        return tuple(weight.shape)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map (..., *summed axes) to (..., *axes of the output)."""
        # not tensordot, whose operands torch.autocast leaves in the types that they come in
        flat = inputs.flatten(-self.summed) @ self.kernel.flatten(0, self.summed - 1).flatten(1)
        outputs = flat.unflatten(-1, self.kernel.shape[self.summed :])
        return self.finish(self.activation(outputs if self.bias is None else outputs + self.bias))


@register("keras.layers")
class MultiHeadAttention(Layer):
    """Attention with several heads (Vaswani et al., 2017), each on projections of its own.

    Args:
        num_heads: number of heads.
        key_dim: size of each head's queries and keys.
        value_dim: size of each head's values; ``None`` for ``key_dim``.
        dropout: share of weights set to zero in training.
        use_bias: whether the projections have biases.
        output_shape: sizes of the output's axes behind those of the queries; ``None`` for the queries' own features.
        attention_axes: the axes along which is attended, batch axis counted as 0; ``None`` for all but the first and
            the last.
        sliding_window: query i sees keys at most ``sliding_window - 1`` places away; ``None`` for all.
        flash_attention: what computes it in Keras, not what: torch chooses its own kernels. ``True`` forbids, as in
            Keras, dropout and ``return_attention_scores``.
        kernel_initializer, bias_initializer: of all projections; Keras' names, configurations or objects.
        kernel_regularizer, bias_regularizer: the same; their values enter ``losses``.
        activity_regularizer: called with the output of each projection, as in Keras.
        kernel_constraint, bias_constraint: what ``apply_constraints`` projects on.
        use_gate: whether a projection of the queries, through a sigmoid, multiplies what the heads give.
        seed: gives the dropout a generator of its own; ``None`` uses torch's global one.
        softmax_robust_masking: ``None`` for Keras 3's rule for a query that sees no key: the mean of all values, or
            zeros where weights are returned, in dropout layers and for inputs of more than 3 axes. ``True`` and
            ``False`` are tf.keras' rules, the mean of all and the weights as without a mask; the converter sets them.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when a size is not a positive integer, and when query, value and key do not belong together.

    Example:
        >>> layer = MultiHeadAttention(num_heads=2, key_dim=4)
        >>> x = torch.randn(3, 5, 8)
        >>> outputs, weights = layer(x, x, use_causal_mask=True, return_attention_scores=True)
        >>> outputs.shape, weights.shape
        (torch.Size([3, 5, 8]), torch.Size([3, 2, 5, 5]))
        >>> weights.triu(1).count_nonzero()  # no query sees a later key
        tensor(0)
    """

    supports_masking = True

    def __init__(
        self,
        num_heads: SupportsIndex,
        key_dim: SupportsIndex,
        value_dim: SupportsIndex | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        attention_axes: int | Sequence[int] | None = None,
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
        *,
        softmax_robust_masking: bool | None = None,
        **kwargs: Unpack[CommonArguments],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.num_heads = positive_integer("num_heads", num_heads)
        self.key_dim = positive_integer("key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else positive_integer("value_dim", value_dim)
        if flash_attention and dropout > 0:
            raise ValueError(
                "Dropout is not supported when flash attention is enabled: pass `dropout=0.0`, or no `flash_attention`."
            )
        self._flash_attention = bool(flash_attention)
        self.dropout = dropout
        self.use_bias = use_bias
        self.output_shape = _as_tuple("output_shape", output_shape) or None
        self.attention_axes = _as_tuple("attention_axes", attention_axes) or None
        self.sliding_window = None if sliding_window is None else positive_integer("sliding_window", sliding_window)
        self.keep_weight_arguments(
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
        )
        self.use_gate = use_gate
        self.seed = seed
        self.softmax_robust_masking = softmax_robust_masking
        # In the order of Keras' `get_weights`.
        self.query_dense = self._projection("query", 1, 2)
        self.key_dense = self._projection("key", 1, 2)
        self.gate_dense = self._projection("gate", 1, 2, "sigmoid") if use_gate else None
        self.value_dense = self._projection("value", 1, 2)
        self.output_dense = self._projection("attention_output", 2, len(self.output_shape or (None,)))
        self.dropout_layer = Dropout(dropout, seed=seed, name="dropout", dtype=self.dtype_policy)

    def _projection(self, name: str, summed: int, outputs: int, activation: str | None = None) -> Projection:
        return Projection(
            summed,
            outputs,
            vars(self),
            self.use_bias,
            activation,
            name=name,
            dtype=self.dtype_policy,
            activity_regularizer=self.activity_regularizer,
        )

    @property
    def built(self) -> bool:
        """Whether the projections have their weights."""
        return self.query_dense.built

    @property
    def key_value_heads(self) -> int:
        """The number of key heads and of value heads."""
        return self.num_heads

    def per_query_head(self, heads: Tensor) -> Tensor:
        """Key or value heads (batch, ..., heads, keys, size), one for each query head."""
        return heads

    def build(
        self,
        query_shape: Sequence[int | None],
        value_shape: Sequence[int | None] | None = None,
        key_shape: Sequence[int | None] | None = None,
    ) -> None:
        """Give the projections their weights, for shapes (batch, ..., features) of query, value and key.

        Args:
            query_shape: of the query.
            value_shape: of the value; by default that of the query.
            key_shape: of the key; by default that of the value.

        Raises:
            ValueError: when the shapes do not belong together.
        """
        value_shape = query_shape if value_shape is None else value_shape
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(tuple(query_shape), tuple(value_shape), tuple(key_shape))
        if self.built:
            return
        heads, outputs = self.num_heads, self.output_shape or (query_shape[-1],)
        with self.building():
            self.query_dense.build((query_shape[-1], heads, self.key_dim))
            self.key_dense.build((key_shape[-1], self.key_value_heads, self.key_dim))
            self.value_dense.build((value_shape[-1], self.key_value_heads, self.value_dim))
            self.output_dense.build((heads, self.value_dim, *outputs))
            if self.gate_dense is not None:
                self.gate_dense.build((query_shape[-1], heads, self.value_dim))

    def _check_shapes(self, query: Shape, value: Shape, key: Shape) -> None:
        fit = len(query) >= 3 and len(query) == len(value) == len(key) and value[1:-1] == key[1:-1]
        if not fit or None in (query[-1], value[-1], key[-1]):
            raise ValueError(
                f"Layer `{self.name}` takes a query (batch, queries, features), a value and a key "
                f"(batch, keys, features), with known features, got {query}, {value} and {key}."
            )
        if self.built:
            dense = {"query": self.query_dense, "value": self.value_dense, "key": self.key_dense}
            for (role, projection), shape in zip(dense.items(), (query, value, key), strict=True):
                if shape[-1] != projection.kernel.shape[0]:
                    raise ValueError(
                        f"Layer `{self.name}` was built for {projection.kernel.shape[0]} features of the {role}, "
                        f"got shape {shape}."
                    )

    def forward(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """Attend to the values.

        Args:
            query: (batch, queries, features), or with further axes.
            value: (batch, keys, features).
            key: the same; ``None`` for the value.
            query_mask: (batch, queries), boolean.
            value_mask, key_mask: (batch, keys), boolean.
            attention_mask: (batch, queries, keys), boolean: which query sees which key.
            return_attention_scores: return the pair of the output and the weights.
            training: whether dropout is active; ``None`` means ``self.training``.
            use_causal_mask: query i sees keys 0 to i.

        Returns:
            (batch, queries, features of the query or ``output_shape``), and with ``return_attention_scores`` also
            (batch, heads, queries, keys).
        """
        if return_attention_scores and self._flash_attention:
            raise ValueError(
                "Returning attention scores is not supported when flash attention is enabled: make layer "
                f"`{self.name}` without `flash_attention=True`."
            )
        training = self.training if training is None else training
        query, value = self.as_input(query), self.as_input(value)
        key = value if key is None else self.as_input(key)
        self.build(query.shape, value.shape, key.shape)
        masks = [_mask(query_mask, -1), _mask(value_mask, -2), _mask(key_mask, -2), _mask(attention_mask)]
        if use_causal_mask or self.sliding_window is not None:
            masks.append(self._band(query.shape[1], value.shape[1], use_causal_mask, query.device))
        given = [mask for mask in masks if mask is not None]
        allowed = torch.stack(torch.broadcast_tensors(*given)).all(0) if given else None
        heads, weights = self._attend(query, key, value, allowed, return_attention_scores, training)
        if self.gate_dense is not None:
            heads = heads * self.gate_dense(query)
        outputs = self.output_dense(heads)
        if weights is None or not return_attention_scores:
            return self.finish_outputs(outputs)
        return self.finish_outputs(outputs, weights), weights

    def finish_outputs(self, *outputs: Tensor) -> Tensor:
        """The first of ``outputs``; the projections alone have an activity loss."""
        return outputs[0]

    def _band(self, queries: int, keys: int, causal: bool, device: torch.device) -> Tensor:
        """(1, queries, keys): the keys that a causal mask and a sliding window leave to each query."""
        distance = torch.arange(queries, device=device).unsqueeze(-1) - torch.arange(keys, device=device)
        seen = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
        window = distance.abs() < self.sliding_window if self.sliding_window is not None else seen
        return (seen & window).unsqueeze(0)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None, return_weights: bool, training: bool
    ) -> tuple[Tensor, Tensor | None]:
        """What the heads give, (batch, ..., heads, value_dim), and the weights if they are asked for."""
        axes = self._axes(query.dim())
        lengths = [[tensor.shape[axis] for axis in axes] for tensor in (query, key)]
        if allowed is not None:
            allowed = _over_heads(allowed, query.dim(), lengths)
        queries, keys, values = (
            _heads_first(dense(tensor), axes)
            for dense, tensor in ((self.query_dense, query), (self.key_dense, key), (self.value_dense, value))
        )
        keys, values = self.per_query_head(keys), self.per_query_head(values)
        plain = self.dropout == 0 and not return_weights and query.dim() == 3
        scale = 1 / math.sqrt(self.key_dim)
        if plain and self.softmax_robust_masking is not False and not torch_internals.rules_are_needed():
            heads = F.scaled_dot_product_attention(queries, keys, values, allowed, scale=scale)
            if allowed is not None:
                # torch gives zeros to a query that sees no key, Keras the mean of all values.
                heads = torch.where(allowed.any(-1, keepdim=True), heads, values.mean(-2, keepdim=True))
            return _heads_last(heads, axes, lengths[0]), None
        weights = self._weights((queries * scale) @ keys.mT, allowed)
        heads = _heads_last(self.dropout_layer(weights, training=training) @ values, axes, lengths[0])
        return heads, weights.unflatten(-1, lengths[1]).unflatten(-1 - len(axes), lengths[0])

    def _weights(self, scores: Tensor, allowed: Tensor | None) -> Tensor:
        if allowed is None:
            return torch.softmax(scores, -1)
        lowest = torch.finfo(torch.float16).min if scores.dtype == torch.float16 else -_MASKED
        if self.softmax_robust_masking is False:
            return torch.softmax(torch.where(allowed, scores, scores + lowest), -1)
        weights = torch.softmax(torch.where(allowed, scores, lowest), -1)
        return weights if self.softmax_robust_masking else torch.where(allowed, weights, 0.0)

    def _axes(self, rank: int) -> tuple[int, ...]:
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        return tuple(axis % rank for axis in self.attention_axes)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the query."""
        return mask

    def compute_output_shape(
        self, input_shape: Shape, value_shape: Shape | None = None, key_shape: Shape | None = None
    ) -> Shape:
        """The query's shape, with ``output_shape`` in place of its features.

        Raises:
            ValueError: when there are not as many values as keys.
        """
        if value_shape is not None and key_shape is not None and tuple(value_shape[1:-1]) != tuple(key_shape[1:-1]):
            raise ValueError(
                f"Layer `{self.name}`: all axes of value and key but the last must be equal, "
                f"got shapes {tuple(value_shape)} and {tuple(key_shape)}."
            )
        return (*input_shape[:-1], *(self.output_shape or (input_shape[-1],)))

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """The output, and with ``return_attention_scores`` the weights (batch, heads, *queries, *keys)."""
        outputs = super().output_specs(args, kwargs, build)
        given = named_arguments(self, args, kwargs)
        if not given.get("return_attention_scores"):
            return outputs
        key = given.get("key")
        query, keys = given["query"].shape, (given["value"] if key is None else key).shape
        axes = self._axes(len(query))
        others = [size for axis, size in enumerate(query[:-1]) if axis not in axes]
        lengths = [shape[axis] for shape in (query, keys) for axis in axes]
        return [outputs, TensorSpec.of((*others, self.num_heads, *lengths), self._dtype)]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; tf.keras' ``softmax_robust_masking`` only where set."""
        robust = self.softmax_robust_masking
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "use_gate": self.use_gate,
            "output_shape": None if self.output_shape is None else list(self.output_shape),
            "attention_axes": None if self.attention_axes is None else list(self.attention_axes),
            "sliding_window": self.sliding_window,
            **self.weight_arguments(),
            "seed": self.seed,
            **({} if robust is None else {"softmax_robust_masking": robust}),
        }

    def extra_repr(self) -> str:
        """Sizes first, then the name."""
        return f"{self.num_heads}, {self.key_dim}, {super().extra_repr()}"


def _as_tuple(name: str, value: int | Sequence[int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    axes = [value] if isinstance(value, int) else value
    check_axes(name, axes)
    return tuple(axes)


def _mask(mask: Any, axis: int | None = None) -> Tensor | None:
    if mask is None:
        return None
    tensor = torch.as_tensor(mask).bool()
    return tensor if axis is None else tensor.unsqueeze(axis)


def _heads_first(projected: Tensor, axes: Sequence[int]) -> Tensor:
    """(batch, ..., heads, size) as (batch, other axes, heads, product of the attended axes, size)."""
    rank = projected.dim()
    others = [axis for axis in range(rank - 2) if axis not in axes]
    return projected.permute(*others, rank - 2, *axes, rank - 1).flatten(-1 - len(axes), -2)


def _heads_last(attended: Tensor, axes: Sequence[int], lengths: Sequence[int]) -> Tensor:
    """The inverse of :func:`_heads_first`, for attended axes of these lengths."""
    unfolded: Tensor = attended.unflatten(-2, list(lengths))
    rank = unfolded.dim()
    others = [axis for axis in range(rank - 2) if axis not in axes]
    order = (*others, rank - 2, *axes, rank - 1)
    return unfolded.permute(*(order.index(axis) for axis in range(rank)))


def _over_heads(allowed: Tensor, rank: int, lengths: Sequence[Sequence[int]]) -> Tensor:
    """A mask (batch, *queries, *keys) with axes of size 1 for the others and the heads, the attended ones flattened."""
    attended = len(lengths[0])
    batch = allowed.shape[: allowed.dim() - 2 * attended]
    others = rank - 1 - attended + 1  # the batch axis, the other axes, the heads
    wide = allowed.reshape(*batch, *(1,) * (others - len(batch)), *allowed.shape[len(batch) :])
    wide = wide.expand(*wide.shape[:others], *lengths[0], *lengths[1])
    return wide.flatten(others, others + attended - 1).flatten(-attended)
