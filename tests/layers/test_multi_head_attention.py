import copy

import pytest
import torch
from torch import nn

from torch_keras_lstm.layers import MultiHeadAttention

QUERY, VALUE = torch.randn(2, 5, 6), torch.randn(2, 4, 6)


def test_the_same_numbers_as_torch() -> None:
    ours, torchs = MultiHeadAttention(3, 2), nn.MultiheadAttention(6, 3, batch_first=True)
    ours.build(QUERY.shape, VALUE.shape)
    with torch.no_grad():
        for projection, weight in zip(
            (ours.query_dense, ours.key_dense, ours.value_dense), torchs.in_proj_weight.chunk(3), strict=True
        ):
            projection.kernel.copy_(weight.T.reshape(6, 3, 2))
        ours.output_dense.kernel.copy_(torchs.out_proj.weight.T.reshape(3, 2, 6))
    torch.testing.assert_close(ours(QUERY, VALUE), torchs(QUERY, VALUE, VALUE)[0])


def test_copies_and_state_dicts() -> None:
    layer = MultiHeadAttention(2, 3, value_dim=4, use_gate=True, output_shape=7)
    expected = layer(QUERY, VALUE)
    fresh = MultiHeadAttention.from_config(layer.get_config())
    fresh.load_state_dict(layer.state_dict())
    for twin in (copy.deepcopy(layer), fresh):
        assert torch.equal(twin(QUERY, VALUE), expected)
    assert layer.count_params() == sum(parameter.numel() for parameter in layer.parameters())


@pytest.mark.parametrize("robust", [None, False, True])
def test_queries_that_see_no_key(robust: bool | None) -> None:
    layer = MultiHeadAttention(2, 3, softmax_robust_masking=robust).eval()
    nothing = torch.zeros(2, 4, dtype=torch.bool)
    got, weights = layer(QUERY, VALUE, value_mask=nothing, return_attention_scores=True)
    plain = layer(QUERY, VALUE, value_mask=nothing)
    mean = layer.output_dense(layer.value_dense(VALUE).mean(1, keepdim=True)).expand(2, 5, 6)
    torch.testing.assert_close(plain, mean)  # in float32 tf.keras' scores drown in what it adds to them
    if robust is None:
        assert not weights.any()
        assert not torch.allclose(got, plain)
    else:
        torch.testing.assert_close(got, plain)


def test_the_mask_of_the_query_goes_on() -> None:
    mask = torch.rand(2, 5) < 0.5
    assert MultiHeadAttention(2, 3).compute_mask(QUERY, mask) is mask


def test_errors_say_what_the_layer_takes() -> None:
    layer = MultiHeadAttention(2, 3, name="m")
    with pytest.raises(ValueError, match=r"Layer `m` takes a query \(batch, queries, features\), a value and a key"):
        layer(QUERY, VALUE[:, 0])
    layer(QUERY, VALUE)
    with pytest.raises(ValueError, match=r"Layer `m` was built for 6 features of the value, got shape \(2, 4, 3\)"):
        layer(QUERY, VALUE[..., :3])
    with pytest.raises(ValueError, match="`num_heads` must be a positive integer, got 0"):
        MultiHeadAttention(0, 3)
    with pytest.raises(ValueError, match="`attention_axes`: expected a list of integers, got 'all'"):
        MultiHeadAttention(2, 3, attention_axes="all")  # type: ignore[arg-type]
