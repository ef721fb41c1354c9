import copy

import pytest
import torch

from torch_keras_lstm.layers import AdditiveAttention, Attention

QUERY, VALUE = torch.randn(2, 5, 3), torch.randn(2, 4, 3)


def test_a_causal_layer_is_one_that_is_always_called_so() -> None:
    assert torch.equal(Attention(causal=True)([QUERY, VALUE]), Attention()([QUERY, VALUE], use_causal_mask=True))
    assert Attention.from_config(Attention(causal=True).get_config()).causal
    assert "causal" not in Attention().get_config()


def test_masked_queries_give_zeros_and_masked_values_have_no_weight() -> None:
    query_mask, value_mask = (
        torch.rand(2, 5) < 0.5,
        torch.tensor([[True, True, False, True], [False, True, True, False]]),
    )
    outputs, weights = Attention()([QUERY, VALUE], mask=[query_mask, value_mask], return_attention_scores=True)
    assert not outputs[~query_mask].any()
    assert not weights.transpose(1, 2)[~value_mask].any()
    assert Attention().compute_mask([QUERY, VALUE], [query_mask, None]) is query_mask


def test_dropout_drops_weights_in_training_alone() -> None:
    layer = Attention(dropout=0.5, seed=1)
    _, weights = layer([QUERY, VALUE], training=True, return_attention_scores=True)
    assert (weights == 0).any()
    assert not (layer([QUERY, VALUE], training=False, return_attention_scores=True)[1] == 0).any()


def test_copies_and_state_dicts() -> None:
    layer = AdditiveAttention()
    expected = layer([QUERY, VALUE])
    assert torch.equal(copy.deepcopy(layer)([QUERY, VALUE]), expected)
    for fresh, built in ((AdditiveAttention(), layer), (Attention(True, "concat"), Attention(True, "concat"))):
        built.build([(None, None, 3), (None, None, 3)])  # type: ignore[list-item]
        fresh.load_state_dict(built.state_dict())
        assert torch.equal(fresh([QUERY, VALUE]), built([QUERY, VALUE]))


def test_errors_say_what_the_layer_takes() -> None:
    with pytest.raises(ValueError, match=r"Layer `a` takes \[query, value\] or \[query, value, key\] of shapes"):
        Attention(name="a")([QUERY, VALUE[..., :2]])
    with pytest.raises(ValueError, match="Layer `a` takes a list of 2 or 3 inputs, got 1"):
        Attention(name="a")([QUERY])
    with pytest.raises(ValueError, match="`score_mode`: expected one of 'dot', 'concat', got 'sum'"):
        Attention(score_mode="sum")
    with pytest.raises(ValueError, match="`rate` must be a number between 0 and 1, got 2"):
        Attention(dropout=2)
