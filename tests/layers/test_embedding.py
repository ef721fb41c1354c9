import numpy as np
import pytest
import torch
from torch import nn

from tests.tolerances import assert_close
from torch_keras_lstm.layers import Embedding

ROWS, SIZE = 7, 3
INDICES = torch.tensor([[0, 6, 2, 0, 5], [1, 1, 0, 4, 3]])


def test_it_looks_up_rows_and_shares_the_state_dict_of_torchs_embedding() -> None:
    layer, table = Embedding(ROWS, SIZE), nn.Embedding(ROWS, SIZE)
    layer.load_state_dict(table.state_dict())
    assert torch.equal(layer(INDICES), table(INDICES))
    assert layer(INDICES).shape == (2, 5, SIZE)


def test_it_is_built_from_the_start_within_keras_limits() -> None:
    layer = Embedding(100, 20)
    assert layer.built
    assert layer.count_params() == 2000
    assert 0.045 < np.abs(layer.get_weights()[0]).max() <= 0.05


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64, torch.float32, torch.float64])
@pytest.mark.parametrize("table_dtype", ["float16", "float64"])
def test_the_type_of_the_indices_changes_nothing(dtype: torch.dtype, table_dtype: str) -> None:
    layer = Embedding(ROWS, SIZE, dtype=table_dtype)
    assert torch.equal(layer(INDICES.to(dtype)), layer(INDICES))
    assert layer(INDICES.to(dtype)).dtype == layer.dtype


def test_large_indices_that_come_as_floats_are_not_rounded_to_a_low_precision() -> None:
    layer = Embedding(3001, 2, dtype="float16")
    assert torch.equal(layer(torch.tensor([2049.0])), layer(torch.tensor([2049])))


def test_fractions_are_cut_off() -> None:
    layer = Embedding(ROWS, SIZE)
    assert torch.equal(layer(np.array([[1.9, 3.0]])), layer([[1, 3]]))


@pytest.mark.parametrize("wrap", [lambda table: table, lambda table: [table], lambda table: torch.tensor(table)])
def test_initial_weights_may_be_given(wrap: object) -> None:
    table = np.random.default_rng(1).standard_normal((ROWS, SIZE)).astype(np.float32)
    assert np.array_equal(Embedding(ROWS, SIZE, weights=wrap(table)).get_weights()[0], table)  # type: ignore[operator]


def test_initial_weights_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Weight `embeddings` of layer `e` has shape \(7, 3\)"):
        Embedding(ROWS, SIZE, weights=np.zeros((3, 7)), name="e")


def test_only_mask_zero_makes_a_mask() -> None:
    coming = torch.ones(2, 5, dtype=torch.bool)
    assert Embedding(ROWS, SIZE).compute_mask(INDICES, coming) is None
    mask = Embedding(ROWS, SIZE, mask_zero=True).compute_mask(INDICES.tolist(), coming)
    assert mask is not None
    assert torch.equal(mask, INDICES != 0)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({}, None),
        ({"input_length": None}, None),
        ({"input_length": 5}, (None, 5)),
        ({"input_length": (5, None)}, (None, 5, None)),
        ({"input_length": 5, "batch_input_shape": (4, 5)}, (4, 5)),
        ({"input_shape": (None,)}, (None, None)),
    ],
    ids=str,
)
def test_input_length_tells_the_input_shape_as_in_keras_2(arguments: dict[str, object], shape: object) -> None:
    layer = Embedding(ROWS, SIZE, **arguments)  # type: ignore[arg-type]
    assert layer.batch_input_shape == shape
    assert "input_length" not in layer.get_config()


def test_output_shape() -> None:
    assert Embedding(ROWS, SIZE).compute_output_shape((None, 5)) == (None, 5, SIZE)


def test_regularizer_and_constraint() -> None:
    layer = Embedding(ROWS, SIZE, embeddings_regularizer="l2", embeddings_constraint="non_neg")
    layer.set_weights([np.full((ROWS, SIZE), -2.0)])
    (loss,) = layer.losses
    assert_close(loss.detach(), 0.01 * 4 * ROWS * SIZE, "float32 model")
    layer.apply_constraints()
    assert not layer.get_weights()[0].any()


def test_configuration_round_trip() -> None:
    layer = Embedding(ROWS, SIZE, "glorot_normal", "l1", "unit_norm", mask_zero=True, activity_regularizer="l2")
    copy = Embedding.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    assert (copy.input_dim, copy.output_dim, copy.mask_zero) == (ROWS, SIZE, True)
    assert copy.activity_regularizer is not None


def test_its_representation() -> None:
    assert repr(Embedding(7, 3, mask_zero=True, name="e")) == "Embedding(7, 3, name='e', mask_zero=True)"


@pytest.mark.parametrize(("indices", "ends"), [([[2, 7]], "from 2 to 7"), ([[-1, 3]], "from -1 to 3")])
def test_indices_out_of_range_are_refused(indices: list[list[int]], ends: str) -> None:
    with pytest.raises(
        ValueError, match=rf"Layer `e` has 7 rows, so indices must lie in \[0, 6\], got indices {ends}\."
    ):
        Embedding(ROWS, SIZE, name="e")(indices)


@pytest.mark.parametrize(("sizes", "name"), [((0, 3), "input_dim"), ((7, 2.5), "output_dim")])
def test_sizes_must_be_positive_integers(sizes: tuple[int, int], name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be a positive integer"):
        Embedding(*sizes)
