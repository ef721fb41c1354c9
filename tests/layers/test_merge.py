import numpy as np
import pytest
import torch

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Merge

RNG = np.random.default_rng(0)
FIRST, SECOND = RNG.standard_normal((3, 5, 2)), RNG.standard_normal((3, 5, 2))


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("sum", FIRST + SECOND),
        ("mul", FIRST * SECOND),
        ("ave", (FIRST + SECOND) / 2),
        ("max", np.maximum(FIRST, SECOND)),
        ("concat", np.concatenate((FIRST, SECOND), axis=-1)),
        ("dot", np.einsum("bif,bjf->bij", FIRST, SECOND)),
    ],
)
def test_modes(mode: str, expected: np.ndarray) -> None:
    layer = Merge(mode, dtype="float64")
    assert_close(layer([FIRST, SECOND]), expected, "float64")
    assert Merge.from_config(layer.get_config()).mode == mode
    assert layer.compute_output_shape([(None, 5, 2), (None, 5, 2)]) == (None, *expected.shape[1:])


def test_axes() -> None:
    assert Merge("concat", concat_axis=1)([FIRST, SECOND]).shape == (3, 10, 2)
    expected = np.einsum("btf,btg->bfg", FIRST, SECOND)
    assert_close(Merge("dot", dot_axes=(1, 1), dtype="float64")([FIRST, SECOND]), expected, "float64")


def test_cosines_have_an_axis_of_size_1_behind_the_batch_axis() -> None:
    first, second = FIRST[:, 0], SECOND[:, 0]
    cosine = (first * second).sum(1) / (np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1))
    layer = Merge("cos", dot_axes=1, dtype="float64")
    assert_close(layer([first, second]), cosine.reshape(3, 1, 1), "float64")
    assert layer.compute_output_shape([(None, 2), (None, 2)]) == (None, 1, 1)
    assert not layer([first, 0 * second]).any()


def test_masks_must_all_hold() -> None:
    masks = [torch.rand(3, 5) < 0.5, torch.rand(3, 5) < 0.5]
    inputs = [torch.tensor(FIRST), torch.tensor(SECOND)]
    for mode in ("sum", "max", "concat"):
        assert torch.equal(Merge(mode, dtype="float64").compute_mask(inputs, masks), masks[0] & masks[1])
    assert Merge("dot").compute_mask(inputs, masks) is None


def test_errors_say_what_the_layer_takes() -> None:
    with pytest.raises(ValueError, match=r"`mode`: expected one of 'sum', 'mul', .* got 'join'"):
        Merge("join")
    with pytest.raises(ValueError, match="Layer `m` takes inputs whose shapes broadcast"):
        Merge("sum", name="m")([FIRST, FIRST[:, :3]])
