"""Pooling, over windows and over all steps, against Keras 3 on TensorFlow: outputs, gradients, shapes, masks."""

import warnings
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.spatial_cases import Case, compare_outputs_and_gradients, compare_shapes_and_configurations
from tests.tolerances import assert_close
from torch_keras_lstm import layers

SIZES = {1: [11], 2: [7, 10], 3: [7, 6, 5]}


def shaped(class_name: str, arguments: dict[str, Any], rank: int) -> Case:
    first = arguments.get("data_format") == "channels_first"
    dtype = "float32" if (class_name, rank) == ("MaxPooling", 3) else "float64"  # TensorFlow has it for no other
    return Case(f"{class_name}{rank}D", arguments, (2, 3, *SIZES[rank]) if first else (2, *SIZES[rank], 3), dtype)


def windows(kind: str, rank: int) -> list[Case]:
    return [
        shaped(f"{kind}Pooling", arguments, rank)
        for arguments in (
            {"pool_size": 2},
            {"pool_size": [3, 2, 4][:rank], "padding": "same"},
            {"pool_size": 3, "strides": [2, 1, 3][:rank], "padding": "same", "activity_regularizer": "l2"},
            {"pool_size": [3, 2, 1][:rank], "strides": 4, "data_format": "channels_first"},
            {"pool_size": 2, "strides": 3, "padding": "same", "data_format": "channels_first"},
        )
    ]


def everything(kind: str, rank: int) -> list[Case]:
    return [
        shaped(f"Global{kind}Pooling", {"data_format": data_format, "keepdims": keepdims}, rank)
        for data_format in ("channels_last", "channels_first")
        for keepdims in (False, True)
    ]


CASES = [
    case
    for kind in ("Max", "Average")
    for rank in (1, 2, 3)
    for case in (*windows(kind, rank), *everything(kind, rank))
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@every_case
def test_outputs_and_gradients(case: Case) -> None:
    compare_outputs_and_gradients(case)


@every_case
def test_shapes_and_configurations(case: Case) -> None:
    compare_shapes_and_configurations(case)


def test_the_largest_of_several_equal_values_shares_the_gradient_as_in_tensorflow() -> None:
    inputs = np.random.default_rng(1).integers(0, 2, (2, 9, 3)).astype("float64")
    for case in (
        Case("GlobalMaxPooling1D", {}, inputs.shape),
        Case("MaxPooling1D", {"pool_size": 4, "strides": 2}, inputs.shape),
    ):
        x, expected_x = torch.tensor(inputs, requires_grad=True), tf.constant(inputs)
        outputs = case.make(layers)(x)
        scale = np.random.default_rng(2).standard_normal(tuple(outputs.shape))
        (outputs * torch.tensor(scale)).sum().backward()
        with tf.GradientTape() as tape:
            tape.watch(expected_x)
            expected = tf.reduce_sum(case.make(keras.layers)(expected_x) * scale)
        assert_close(x.grad, tape.gradient(expected, expected_x), "float64", str(case))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("keepdims", [False, True])
def test_the_average_over_time_leaves_masked_steps_out(data_format: str, keepdims: bool) -> None:
    rng = np.random.default_rng(3)
    shape = (4, 6, 3) if data_format == "channels_last" else (4, 3, 6)
    inputs, mask = rng.standard_normal(shape), rng.random((4, 6)) < 0.5
    mask[1] = False
    arguments: dict[str, Any] = {"data_format": data_format, "keepdims": keepdims, "dtype": "float64"}
    ours, theirs = layers.GlobalAveragePooling1D(**arguments), keras.layers.GlobalAveragePooling1D(**arguments)
    outputs, expected = ours(inputs, mask=mask), theirs(inputs, mask=tf.constant(mask)).numpy()
    assert np.isnan(expected[1]).all()
    assert outputs[1].isnan().all()
    rows = [0, 2, 3]
    assert_close(outputs[rows], expected[rows], "float64")


@pytest.mark.parametrize("name", ["Conv1D", "MaxPooling1D", "GlobalMaxPooling1D", "GlobalAveragePooling1D"])
def test_a_mask_ends_at_every_layer_over_space(name: str) -> None:
    arguments = {"filters": 2, "kernel_size": 3} if name == "Conv1D" else {}
    values, mask = np.random.default_rng(4).standard_normal((2, 6, 3)).astype(np.float32), np.ones((2, 6), bool)
    for library, tensor_of in ((keras.layers, tf.constant), (layers, torch.tensor)):
        inputs: Any = tensor_of(values)
        inputs._keras_mask = tensor_of(mask)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
            outputs = getattr(library, name)(**arguments)(inputs)
        assert getattr(outputs, "_keras_mask", None) is None
