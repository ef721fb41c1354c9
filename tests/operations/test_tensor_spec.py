import pytest
import torch

from torch_keras_lstm.operations.tensor_spec import TensorSpec, map_shapes


def test_a_spec_keeps_shape_and_type_without_memory() -> None:
    spec = TensorSpec.of((None, 3, 10**9), torch.int32)
    assert (spec.shape, spec.dtype) == ((None, 3, 10**9), torch.int32)
    assert all(example.is_meta for example in spec.examples)


def test_a_shape_beyond_64_bits_is_refused() -> None:
    for shape in ((None, 10**30), (10**10, 10**10)):
        with pytest.raises(ValueError, match="is larger than any memory"):
            TensorSpec.of(shape, torch.float32)


def test_shapes_come_alone_or_nested() -> None:
    assert map_shapes(len, (None, 3)) == 2
    assert map_shapes(len, [(None, 3), [None, 4, 5]]) == [2, 3]
    assert map_shapes(len, {"b": (1, 2), "a": [(3,)]}) == {"b": 2, "a": [1]}
