import numpy as np
import pytest
import torch

from torch_keras_lstm.layers import LSTM, Dense, Input, InputLayer


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
    layer = InputLayer(**arguments)  # type: ignore[arg-type]
    assert Input(**arguments).shape == shape  # type: ignore[arg-type]
    assert layer.batch_shape == layer.batch_input_shape == shape


def test_keras_2_names_of_the_shape() -> None:
    assert InputLayer(batch_input_shape=[None, 5, 3]).batch_shape == (None, 5, 3)
    with pytest.warns(UserWarning, match="Argument `input_shape` is deprecated"):
        assert InputLayer(input_shape=(5, 3)).batch_shape == (None, 5, 3)


def test_inputs_become_tensors_of_its_type() -> None:
    assert InputLayer((3,))(np.ones((2, 3))).dtype == torch.float32
    assert InputLayer((3,), dtype="int32")(torch.tensor([[1.9, -1.9, 2.0]])).tolist() == [[1, -1, 2]]
    assert InputLayer((3,), dtype=torch.int64).dtype == torch.int64
    assert InputLayer((3,), dtype="float64")(torch.ones(2, 3, dtype=torch.int32)).dtype == torch.float64


def test_only_a_floating_type_follows_the_module() -> None:
    assert InputLayer((3,)).to(torch.float64).dtype == torch.float64
    assert InputLayer((3,), dtype="int32").to(torch.float64).dtype == torch.int32


def test_the_number_of_samples_may_differ() -> None:
    assert InputLayer((3,), batch_size=4)(torch.ones(2, 3)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(2, 5, 4), (2, 3), (2, 5, 3, 2)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"Input `i` has shape \(None, None, 3\), got an input of shape \(2, "):
        InputLayer((None, 3), name="i")(torch.ones(shape))


def test_a_last_axis_of_size_1_is_put_on_or_taken_off_with_the_mask_that_the_input_has() -> None:
    mask = torch.tensor([[True, False]])
    for given, wanted in ((torch.ones(1, 2), (2, 1)), (torch.ones(1, 2, 1), (2,))):
        given._keras_mask = mask  # type: ignore[attr-defined]
        got = InputLayer(wanted)(given)
        assert got.shape == (1, *wanted)
        assert got._keras_mask is mask


@pytest.mark.parametrize("arguments", [{}, {"shape": (3,), "batch_shape": (None, 3)}], ids=str)
def test_the_shape_must_be_given_once(arguments: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needs its shape once: pass a `shape` argument .* or a `batch_shape`"):
        InputLayer(**arguments)  # type: ignore[arg-type]


def test_the_batch_size_must_be_given_once() -> None:
    with pytest.raises(ValueError, match=r"cannot pass both `batch_size` and `batch_shape`"):
        InputLayer(batch_shape=(4, 3), batch_size=4)


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`dtype` must be one of .* got 'text'\."):
        InputLayer((3,), dtype="text")


def test_strings_have_an_axis_of_size_1_put_on() -> None:
    layer = InputLayer((1,), dtype="string", name="i")
    assert layer(["a", "b"]).tolist() == layer(np.array([["a"], ["b"]])).tolist() == [["a"], ["b"]]
    assert layer.get_config()["dtype"] == layer.output.dtype == "string"
    with pytest.raises(ValueError, match=r"Input `i` has shape \(None, 1\), got an input of shape \(1, 2\)"):
        layer([["a", "b"]])
    with pytest.raises(TypeError, match=r"Expected strings, got 3\.0"):
        layer([3.0])


def test_configuration_round_trip() -> None:
    config = InputLayer((5, 3), dtype="int32", name="i").get_config()
    assert config == {"batch_shape": (None, 5, 3), "dtype": "int32", "name": "i"}
    assert InputLayer.from_config({**config, "sparse": False, "ragged": False}).get_config() == config
    with pytest.raises(ValueError, match="`sparse=True` is not supported: inputs are dense tensors"):
        InputLayer.from_config({**config, "sparse": True})


def test_its_representation() -> None:
    assert repr(InputLayer((5, 3), name="i")) == "InputLayer((None, 5, 3), name='i', dtype=float32)"


def test_an_input_is_the_output_of_its_layer() -> None:
    words = Input((None,), dtype="int32", name="words", sparse=False)
    layer = words.node.layer
    assert isinstance(layer, InputLayer)
    assert layer.output is words
    assert (words.shape, words.dtype, words.name, words.ndim) == ((None, None), torch.int32, "words", 2)
    assert repr(words) == "<KerasTensor shape=(None, None), dtype=int32, name=words>"
    with pytest.raises(ValueError, match="`sparse=True` is not supported: inputs are dense tensors"):
        Input((3,), sparse=True)


def test_layers_called_on_it_are_built() -> None:
    sequence = LSTM(4, return_sequences=True)
    outputs = Dense(2)(sequence(Input((6, 3))))
    assert outputs.shape == (None, 6, 2)
    assert [weight.shape for weight in sequence.get_weights()] == [(3, 16), (4, 16), (16,)]
