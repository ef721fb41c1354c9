import pytest
import torch

from torch_keras_lstm.layers import RMSNormalization


def test_it_shares_its_state_with_torch() -> None:
    ours, theirs = RMSNormalization(epsilon=0.1, input_shape=(5,)), torch.nn.RMSNorm(5, eps=0.1)
    torch.nn.init.normal_(theirs.weight)
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(3, 5)
    torch.testing.assert_close(ours(inputs), theirs(inputs))


def test_half_precision_is_computed_in_single() -> None:
    inputs = torch.full((1, 4), 3e4, dtype=torch.float16)  # whose squares are beyond float16
    assert RMSNormalization(dtype="float16")(inputs).tolist() == [[1.0] * 4]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="`epsilon`: expected a finite number of at least 0, got -1"):
        RMSNormalization(epsilon=-1)
    with pytest.raises(ValueError, match=r"Layer `n` was built for 5 along axis -1, got inputs of shape \(2, 4\)"):
        RMSNormalization(input_shape=(5,), name="n")(torch.zeros(2, 4))
