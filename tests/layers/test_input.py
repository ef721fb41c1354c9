import numpy as np
import pytest
import torch

from torch_keras_lstm.layers import Input, InputLayer


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"shape": (5, 3)}, (None, 5, 3)),
        ({"shape": [None, 3], "batch_size": 4}, (4, None, 3)),
        ({"batch_shape": (None, 5)}, (None, 5)),
        ({"shape": ()}, (None,)),
    ],
    ids=str,
)
def test_the_shape_of_a_batch(arguments: dict[str, object], shape: tuple[int | None, ...]) -> None:
    layer = Input(**arguments)  # type: ignore[arg-type]
    assert isinstance(layer, InputLayer)
    assert layer.batch_shape == layer.batch_input_shape == shape


@pytest.mark.parametrize("arguments", [{"input_shape": (5, 3)}, {"batch_input_shape": [None, 5, 3]}], ids=str)
def test_keras_2_names_of_the_shape(arguments: dict[str, object]) -> None:
    assert InputLayer(**arguments).batch_shape == (None, 5, 3)  # type: ignore[arg-type]


def test_inputs_become_tensors_of_its_type() -> None:
    assert Input((3,))(np.ones((2, 3))).dtype == torch.float32
    assert Input((3,), dtype="int32")(torch.tensor([[1.9, -1.9, 2.0]])).tolist() == [[1, -1, 2]]
    assert Input((3,), dtype=torch.int64).dtype == torch.int64
    assert Input((3,), dtype="float64")(torch.ones(2, 3, dtype=torch.int32)).dtype == torch.float64


def test_only_a_floating_type_follows_the_module() -> None:
    assert Input((3,)).to(torch.float64).dtype == torch.float64
    assert Input((3,), dtype="int32").to(torch.float64).dtype == torch.int32


def test_the_number_of_samples_may_differ() -> None:
    assert Input((3,), batch_size=4)(torch.ones(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 3), (2, 5, 3, 1)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Input `i` has shape \(None, None, 3\), got an input of shape \(2, "):
        Input((None, 3), name="i")(torch.ones(shape))


@pytest.mark.parametrize("arguments", [{}, {"shape": (3,), "batch_shape": (None, 3)}], ids=str)
def test_the_shape_must_be_given_once(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"An input needs its shape once: pass `shape` .* or `batch_shape`\."):
        Input(**arguments)  # type: ignore[arg-type]


def test_the_batch_size_must_be_given_once() -> None:
    with pytest.raises(ValueError, match=r"Pass `batch_size` with `shape`, not with `batch_shape`"):
        Input(batch_shape=(4, 3), batch_size=4)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be one of .* got 'string'\."):
        Input((3,), dtype="string")


def test_configuration_round_trip() -> None:
    config = Input((5, 3), dtype="int32", name="i").get_config()
    assert config == {"batch_shape": (None, 5, 3), "dtype": "int32", "name": "i"}
    assert InputLayer.from_config({**config, "sparse": False, "ragged": False}).get_config() == config
    with pytest.raises(TypeError, match="sparse"):
        InputLayer.from_config({**config, "sparse": True})


def test_its_representation() -> None:
    assert repr(Input((5, 3), name="i")) == "InputLayer((None, 5, 3), name='i', dtype=float32)"
