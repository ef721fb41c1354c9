"""LayerNormalization beside torch's module, and bad input."""

import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import LayerNormalization


def test_a_state_dict_fits_torchs_module_and_back() -> None:
    module = torch.nn.LayerNorm((5, 3), eps=1e-3, dtype=torch.float64)
    with torch.no_grad():
        module.weight.normal_()
        module.bias.normal_()
    layer, inputs = LayerNormalization(axis=[1, 2], dtype="float64"), torch.randn(4, 5, 3, dtype=torch.float64)
    layer.load_state_dict(module.state_dict())
    assert_close(layer(inputs).detach(), module(inputs).detach(), "float64")
    module.load_state_dict(layer.state_dict())


def test_half_precision_is_computed_in_float32() -> None:
    inputs = 300 * torch.randn(4, 64).half()  # its squares are beyond float16
    outputs = LayerNormalization(dtype="float16")(inputs)
    assert outputs.dtype == torch.float16
    assert outputs.isfinite().all()


@pytest.mark.parametrize(
    ("axis", "shape", "message"),
    [
        ([1, 3], (4, 5, 3), r"`norm` works along axis \[1, 3\], which inputs of shape \(4, 5, 3\) do not have"),
        ([1, 2], (4, None, 3), r"`norm` needs the size of axis \[1, 2\] to be built, got \(4, None, 3\)"),
        ("last", (4, 3), "argument `axis`: expected a list of integers, got 'last'"),
    ],
)
def test_bad_axes_are_named(axis: list[int], shape: tuple[int | None, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LayerNormalization(axis=axis, name="norm").build(shape)


def test_other_sizes_than_it_was_built_for_are_refused() -> None:
    layer = LayerNormalization(axis=[1, 2], name="norm", input_shape=(5, 3))
    with pytest.raises(ValueError, match=r"built for 5 x 3 along axis \[1, 2\], got .* \(4, 3, 5\) with 3 x 5"):
        layer(torch.randn(4, 3, 5))
