"""Padding, cropping and upsampling against Keras 3 on TensorFlow: outputs, gradients, shapes, configurations."""

from typing import Any

import numpy as np
import pytest
import tf_keras

from tests.parity.spatial_cases import Case, compare_outputs_and_gradients, compare_shapes_and_configurations
from tests.tolerances import assert_close
from torch_keras_lstm import layers

SIZES = {1: [7], 2: [6, 9], 3: [6, 7, 8]}


def shaped(class_name: str, arguments: dict[str, Any], rank: int, dtype: str = "float64") -> Case:
    first = arguments.get("data_format") == "channels_first"
    return Case(f"{class_name}{rank}D", arguments, (2, 3, *SIZES[rank]) if first else (2, *SIZES[rank], 3), dtype)


def margins(name: str, rank: int) -> list[dict[str, Any]]:
    pairs = [[1, 2], [0, 3], [2, 0]][:rank]
    forms: list[dict[str, Any]] = [{}, {name: 2}, {name: pairs[0] if rank == 1 else pairs}]
    return forms if rank == 1 else [*forms, {name: [1, 2, 0][:rank]}, {name: pairs, "data_format": "channels_first"}]


CASES = [
    *(shaped("ZeroPadding", arguments, rank) for rank in (1, 2, 3) for arguments in margins("padding", rank)),
    *(shaped("Cropping", arguments, rank) for rank in (1, 2, 3) for arguments in margins("cropping", rank)),
    shaped("ZeroPadding", {"padding": [2, 1], "data_format": "channels_first"}, 1),
    shaped("UpSampling", {}, 1),
    shaped("UpSampling", {"size": 3}, 1),
    shaped("UpSampling", {}, 2),
    shaped("UpSampling", {"size": [3, 1]}, 2),
    shaped("UpSampling", {"size": [1, 3], "data_format": "channels_first"}, 2),
    # TensorFlow interpolates in single precision
    *(
        shaped("UpSampling", {"size": [2, 3], "interpolation": method}, 2, "float32")
        for method in ("bilinear", "bicubic", "lanczos3", "lanczos5")
    ),
    shaped("UpSampling", {"size": [3, 2, 1]}, 3),
    shaped("UpSampling", {"size": [1, 2, 3], "data_format": "channels_first"}, 3),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_outputs_and_gradients(case: Case) -> None:
    compare_outputs_and_gradients(case)


@pytest.mark.parametrize("method", ["area", "bicubic", "bilinear", "gaussian", "lanczos3", "lanczos5", "mitchellcubic"])
@pytest.mark.parametrize("size", [(2, 2), (3, 1), (5, 4)], ids=str)
def test_every_interpolation_of_tf_keras(method: str, size: tuple[int, int]) -> None:
    inputs = np.random.default_rng(1).standard_normal((2, 3, 7, 4))
    arguments: Any = {"size": size, "interpolation": method}
    expected = tf_keras.layers.UpSampling2D(**arguments)(inputs)
    outputs = layers.UpSampling2D(**arguments, dtype="float64")(inputs)
    assert_close(outputs, expected.numpy(), "float32 model")  # TensorFlow interpolates in single precision


@every_case
def test_shapes_and_configurations(case: Case) -> None:
    compare_shapes_and_configurations(case)
