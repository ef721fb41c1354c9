import pytest
import torch

from torch_keras_lstm.layers import Reshape


@pytest.mark.parametrize(
    ("target", "shape", "expected"),
    [
        ((6, 2), (None, 3, 4), (None, 6, 2)),
        ((-1, 2), (None, 3, 4), (None, 6, 2)),
        ((-1, 2), (None, None, 4), (None, None, 2)),
        ((), (None, 1), (None,)),
    ],
)
def test_output_shape(target: tuple[int, ...], shape: tuple[int | None, ...], expected: tuple[int | None, ...]) -> None:
    assert Reshape(target).compute_output_shape(shape) == expected


def test_empty_batches_keep_their_shape() -> None:
    assert Reshape((-1, 2))(torch.ones(0, 3, 4)).shape == (0, 6, 2)


@pytest.mark.parametrize("target", [(5, 2), (-1, 5)])
def test_inputs_that_do_not_fit_are_refused(target: tuple[int, ...]) -> None:
    with pytest.raises(
        ValueError, match=r"Layer `r` gives samples of shape \(.*\), into which inputs of shape \(2, 3, 4\)"
    ):
        Reshape(target, name="r")(torch.ones(2, 3, 4))


@pytest.mark.parametrize("target", [(-1, -1), (-2, 3)])
def test_targets_that_are_no_shape_are_refused(target: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="`target_shape` must hold sizes, of which one may be -1"):
        Reshape(target)
    with pytest.raises(ValueError, match="`target_shape`: expected a list of integers, got 4"):
        Reshape(4)  # type: ignore[arg-type]
