import pytest
import torch

from torch_keras_lstm.layers import Flatten
from torch_keras_lstm.layers.keras_mask import mask_of, masked

INPUTS = torch.arange(120.0).reshape(2, 3, 4, 5)


def test_all_axes_but_the_first_become_one() -> None:
    assert torch.equal(Flatten()(INPUTS), INPUTS.reshape(2, 60))


def test_channels_first_gives_the_vector_of_channels_last() -> None:
    channels_last = INPUTS.permute(0, 2, 3, 1)
    assert torch.equal(Flatten("channels_first")(INPUTS), Flatten("channels_last")(channels_last))
    rows = INPUTS[:, :, 0]
    assert torch.equal(Flatten("channels_first")(rows), Flatten()(rows.transpose(1, 2)))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("shape", "expected"), [((4,), (4, 1)), ((4, 3), (4, 3)), ((0, 3, 5), (0, 15))])
def test_few_axes_and_empty_batches(data_format: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    assert Flatten(data_format)(torch.ones(shape)).shape == expected


@pytest.mark.parametrize(
    ("shape", "expected"), [((None, 3, 5), (None, 15)), ((4, None, 5), (4, None)), ((None,), (None, 1))]
)
def test_output_shape(shape: tuple[int | None, ...], expected: tuple[int | None, ...]) -> None:
    assert Flatten().compute_output_shape(shape) == expected


def test_the_mask_ends_here() -> None:
    with pytest.warns(UserWarning, match="does not support masking and will therefore destroy the mask"):
        outputs = Flatten()(masked(INPUTS, torch.ones(2, 3, dtype=torch.bool)))
    assert mask_of(outputs) is None


def test_configuration_round_trip() -> None:
    assert Flatten().get_config()["data_format"] == "channels_last"
    assert Flatten.from_config(Flatten("channels_first").get_config()).data_format == "channels_first"


def test_another_data_format_is_refused() -> None:
    with pytest.raises(
        ValueError, match="`data_format`: expected one of 'channels_last', 'channels_first', got 'nchw'"
    ):
        Flatten("nchw")


def test_a_scalar_is_refused() -> None:
    with pytest.raises(ValueError, match="Layer `f` takes inputs with a batch axis, got a scalar"):
        Flatten(name="f")(torch.tensor(1.0))
