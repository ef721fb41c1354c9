"""``keras.layers.Attention`` and ``AdditiveAttention``."""

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

import torch
from torch import Tensor, nn

from torch_keras_lstm.arguments import check_choice
from torch_keras_lstm.layers import rules_of_files
from torch_keras_lstm.layers.dropout import Dropout
from torch_keras_lstm.layers.layer import LayerArguments, Shape
from torch_keras_lstm.layers.multiple_inputs import Masks, MultipleInputLayer
from torch_keras_lstm.layers.serialization import register
from torch_keras_lstm.layers.symbolic_call import named_arguments
from torch_keras_lstm.operations.tensor_spec import TensorSpec

# What Keras subtracts from scores that are masked: the largest number in float16, else this.
_MASKED = 1e9


class _Attention(MultipleInputLayer):
    """Weighted means of values, with weights from a score of each query with each key.

    Args:
        use_scale: whether there is a trainable scale.
        dropout: share of weights set to zero in training.
        seed: gives the layer a generator of its own; ``None`` uses torch's global one.
        causal: as tf.keras before 2.10 had it: every call has ``use_causal_mask=True``.
        unseen_gives_zeros: the rule from Keras 3.16 on for a query that sees no key: zeros, not a mean of all values.
            Models that such a Keras saved say so.
        **kwargs: the arguments of every layer; see :class:`Layer`.
    """

    supports_masking = True

    input_counts = (2, 3)

    takes_one_type = True

    def __init__(
        self,
        use_scale: bool,
        dropout: float = 0.0,
        seed: int | None = None,
        causal: bool = False,
        unseen_gives_zeros: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.dropout = dropout
        self.seed = seed
        self.causal = causal
        self.unseen_gives_zeros = unseen_gives_zeros or rules_of_files.hold_here()
        self.dropout_layer = Dropout(dropout, seed=seed, name="dropout", dtype=self.dtype_policy)

    def check_input_shapes(self, shapes: Sequence[Shape]) -> None:
        """Raise a ``ValueError`` unless there are queries, values and keys of shapes that belong together."""
        query, value, key = shapes[0], shapes[1], shapes[-1 if len(shapes) == 3 else 1]
        fit = len(query) >= 3 and len(query) == len(value) == len(key) and _agree(query[-1], key[-1])
        if not fit or not _agree(value[-2], key[-2]):
            raise ValueError(
                f"Layer `{self.name}` takes [query, value] or [query, value, key] of shapes (batch, queries, "
                "features), (batch, keys, width) and (batch, keys, features), the last of which may be the second; "
                f"got {', '.join(map(str, shapes))}."
            )

    def forward(
        self,
        inputs: Sequence[Any],
        mask: Masks = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """Attend to the values.

        Args:
            inputs: [query, value] or [query, value, key] of shapes (batch, queries, features), (batch, keys, width)
                and (batch, keys, features); by default the values are the keys.
            mask: [query mask, value mask] of shapes (batch, queries) and (batch, keys), each or both ``None``, and one
                of the keys, which is not used. Masked values get no weight, and masked queries give zeros.
            training: whether dropout is active; ``None`` means ``self.training``.
            return_attention_scores: return the pair of the output and the weights.
            use_causal_mask: query i sees keys 0 to i.

        Returns:
            (batch, queries, width), and with ``return_attention_scores`` also (batch, queries, keys).
        """
        training = self.training if training is None else training
        tensors = self.prepare_all(inputs)
        query, value, key = tensors[0], tensors[1], tensors[-1 if len(tensors) == 3 else 1]
        query_mask, value_mask = (None, None) if mask is None else mask[:2]
        scores = self.scores(query, key)
        allowed = None if value_mask is None else torch.as_tensor(value_mask).bool().unsqueeze(-2)
        if use_causal_mask or self.causal:
            causal = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
            allowed = causal if allowed is None else allowed & causal
        if allowed is not None:
            hidden = torch.finfo(scores.dtype).max if scores.dtype == torch.float16 else _MASKED
            scores = torch.where(allowed, scores, scores - hidden)
        weights = torch.softmax(scores, -1)
        if allowed is not None and self.unseen_gives_zeros:
            weights = torch.where(allowed, weights, 0)
        weights = self.dropout_layer(weights, training=training)
        outputs = weights @ value
        if query_mask is not None:
            outputs = torch.where(torch.as_tensor(query_mask).bool().unsqueeze(-1), outputs, 0)
        outputs = self.finish(outputs)
        return (outputs, weights) if return_attention_scores else outputs

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(batch, queries, keys): how well each query fits each key."""
        raise NotImplementedError

    def compute_mask(self, inputs: Sequence[Any], mask: Masks = None) -> Any:
        """The mask of the queries."""
        return None if mask is None else mask[0]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """(batch, queries, width)."""
        query, value = input_shape[:2]
        return (*query[:-1], value[-1])

    def output_specs(self, args: Any, kwargs: Mapping[str, Any], build: bool = True) -> Any:
        """The output, and with ``return_attention_scores`` the weights (batch, queries, keys)."""
        outputs = super().output_specs(args, kwargs, build)
        given = named_arguments(self, args, kwargs)
        if not given.get("return_attention_scores"):
            return outputs
        query, value = (spec.shape for spec in given["inputs"][:2])
        return [outputs, TensorSpec.of((*query[:-1], value[-2]), self._dtype)]

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names; those that it does not have only where set."""
        config = {**super().get_config(), "use_scale": self.use_scale, "dropout": self.dropout, "seed": self.seed}
        rules = {"causal": self.causal, "unseen_gives_zeros": self.unseen_gives_zeros}
        return config | {name: True for name, holds in rules.items() if holds}


@register("keras.layers")
class Attention(_Attention):
    """Luong's attention: the score is the product of query and key, or with "concat" a sum of hyperbolic tangents.

    Args:
        use_scale: whether a trainable number multiplies the scores, or with "concat" the argument of the tangent.
        score_mode: "dot" or "concat"; the latter has a trainable weight of the sum.
        dropout: share of the weights set to zero in training.
        seed: gives the dropout a generator of its own; ``None`` uses torch's global one.
        causal: ``True``, as tf.keras before 2.10 had it, lets query i see keys 0 to i alone in every call.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when ``score_mode`` is neither, and when the inputs do not belong together.

    Example:
        >>> query, value = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
        >>> outputs, weights = Attention()([query, value], return_attention_scores=True)
        >>> outputs.shape, weights.shape
        (torch.Size([2, 3, 8]), torch.Size([2, 3, 5]))
        >>> weights.sum(dim=-1).allclose(torch.ones(2, 3))
        True
    """

    scale: nn.Parameter
    concat_score_weight: nn.Parameter

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        causal: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(use_scale, dropout, seed, causal, **kwargs)
        check_choice("score_mode", score_mode, ("dot", "concat"))
        self.score_mode = score_mode
        if use_scale:
            self.declare_weight("scale", "scale", axes=(), initializer="ones")
        if score_mode == "concat":
            self.declare_weight("concat_score_weight", "concat_score_weight", axes=(), initializer="ones")

    def weight_shapes(self, input_shape: Any) -> dict[str, tuple[int, ...]]:
        """Both are numbers."""
        return {"scale": (), "concat_score_weight": ()}

    def input_shape_of(self, weight: Tensor) -> Any:
        """Anything: the weights' shapes are the same for all inputs."""
        return ()

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(batch, queries, keys)."""
        if self.score_mode == "dot":
            products = query @ key.mT
            return products * self.scale if self.use_scale else products
        sums = query.unsqueeze(-2) + key.unsqueeze(-3)
        return self.concat_score_weight * torch.tanh(self.scale * sums if self.use_scale else sums).sum(-1)

    def get_config(self) -> dict[str, Any]:
        """The constructor arguments under Keras 3's names."""
        return {**super().get_config(), "score_mode": self.score_mode}


@register("keras.layers")
class AdditiveAttention(_Attention):
    """Bahdanau's attention: the score is a sum of hyperbolic tangents of query plus key.

    Args:
        use_scale: whether the sum has a trainable weight for each feature.
        dropout: share of the weights set to zero in training.
        seed: gives the dropout a generator of its own; ``None`` uses torch's global one.
        causal: ``True``, as tf.keras before 2.10 had it, lets query i see keys 0 to i alone in every call.
        **kwargs: the arguments of every layer; see :class:`Layer`.

    Raises:
        ValueError: when the inputs do not belong together.

    Example:
        >>> query, value = torch.randn(2, 3, 8), torch.randn(2, 5, 8)
        >>> ends = torch.tensor([[2], [5]])
        >>> AdditiveAttention()([query, value], mask=[None, torch.arange(5) < ends]).shape
        torch.Size([2, 3, 8])
    """

    scale: nn.Parameter

    def __init__(
        self,
        use_scale: bool = True,
        dropout: float = 0.0,
        seed: int | None = None,
        causal: bool = False,
        **kwargs: Unpack[LayerArguments],
    ) -> None:
        super().__init__(use_scale, dropout, seed, causal, **kwargs)
        if use_scale:
            self.declare_weight("scale", "scale", axes=(0,), initializer="glorot_uniform")

    def weight_shapes(self, input_shape: Any) -> dict[str, tuple[int, ...]]:
        """(features,)."""
        return {"scale": (input_shape[0][-1],)}

    def input_shape_of(self, weight: Tensor) -> Any:
        """A query with as many features as weights."""
        return ((None, None, weight.shape[0]),)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """(batch, queries, keys)."""
        fits = torch.tanh(query.unsqueeze(-2) + key.unsqueeze(-3))
        return (fits * self.scale if self.use_scale else fits).sum(-1)


def _agree(size: int | None, other: int | None) -> bool:
    return size is None or other is None or size == other
