"""Layers with several inputs, and those that reorder axes, against live Keras: numbers, gradients, masks, configs."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import torch

from tests.tolerances import assert_close
from torch_keras_lstm import layers
from torch_keras_lstm.layers.keras_mask import mask_of

B, T, S, F, U = 3, 5, 4, 6, 2
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer by class and arguments, the shapes of its inputs, and what a call has beside them.

    ``masked`` lists the inputs whose (batch, time) has a mask; ``spread`` calls the layer with each input by itself.
    """

    class_name: str
    arguments: dict[str, Any]
    shapes: Sequence[Shape]
    masked: tuple[int, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)
    spread: bool = False

    def __str__(self) -> str:
        parts = [self.class_name, *map(str, self.arguments.values()), *(f"masked{i}" for i in self.masked), *self.call]
        return "-".join(parts).replace(" ", "") + "-" + "x".join(str(len(shape)) for shape in self.shapes)

    def make(self, namespace: Any, dtype: str = "float64") -> Any:
        return getattr(namespace, self.class_name)(**self.arguments, dtype=dtype)


THREE = [(B, T, F)] * 3
ELEMENTWISE = ["Add", "Average", "Maximum", "Minimum", "Multiply"]
ATTENTION = [(B, T, F), (B, S, F)]
WITH_KEY = [(B, T, F), (B, S, U), (B, S, F)]
REGULARIZED = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": keras.regularizers.serialize(keras.regularizers.L2(0.03)),
}
CASES = [
    *(Case(name, {}, THREE, masked) for name in ELEMENTWISE for masked in ((), (0, 1, 2), (0, 2), (1,))),
    *(Case(name, {}, [(B, T, F), (B, T, 1), (B, F)]) for name in ELEMENTWISE),
    *(Case(name, {}, [(B, T, F)]) for name in ELEMENTWISE),
    Case("Add", {"activity_regularizer": "l2"}, THREE),
    *(Case("Subtract", {}, [(B, T, F), (B, T, F)], masked) for masked in ((), (0, 1), (1,))),
    Case("Subtract", {}, [(B, F), (B, T, F)]),
    *(
        Case("Concatenate", {"axis": axis}, shapes, masked)
        for axis, shapes in (
            (-1, [(B, T, F), (B, T, U), (B, T, S)]),
            (2, [(B, T, F), (B, T, U)]),
            (1, [(B, T, F), (B, S, F)]),
            (-2, [(B, T, F), (B, S, F)]),
        )
        for masked in ((), (0,), (0, 1))
    ),
    Case("Concatenate", {}, [(B, F), (B, U)]),
    Case("Concatenate", {"axis": 1}, [(B, T, F, U), (B, S, F, U)]),
    Case("Concatenate", {"axis": 0}, [(B, F), (S, F)]),
    *(
        Case("Dot", {"axes": axes, "normalize": normalize}, shapes)
        for axes, shapes in (
            (1, [(B, F), (B, F)]),
            (-1, [(B, F), (B, F)]),
            (2, [(B, T, F), (B, S, F)]),
            (1, [(B, T, F), (B, T, U)]),
            ((1, 2), [(B, T, F), (B, S, T)]),
            ((2, 1), [(B, T, F), (B, F)]),
            ((1, 2), [(B, F), (B, T, F)]),
            ((-1, -2), [(B, T, F), (B, F, U)]),
            ((2, 1), [(B, T, F, U), (B, F, S)]),
            ((1, 3), [(B, T, F), (B, S, U, T)]),
        )
        for normalize in (False, True)
    ),
    *(Case("Dot", {"axes": 1}, [(B, T, F), (B, T, U)], masked) for masked in ((0,), (0, 1))),
    Case("Reshape", {"target_shape": [F, T]}, [(B, T, F)], (0,)),
    Case("Reshape", {"target_shape": [3, -1, 2]}, [(B, T, F)]),
    Case("Reshape", {"target_shape": [-1]}, [(B, T, F)]),
    Case("Permute", {"dims": [2, 1]}, [(B, T, F)], (0,)),
    Case("Permute", {"dims": [3, 1, 2]}, [(B, T, F, U)]),
    *(
        Case("Attention", {"use_scale": scale, "score_mode": mode}, shapes, masked, call)
        for scale in (False, True)
        for mode in ("dot", "concat")
        for shapes in (ATTENTION, WITH_KEY)
        for masked, call in (((), {}), ((0, 1), {}), ((1,), {"use_causal_mask": True}))
    ),
    *(
        Case("AdditiveAttention", {"use_scale": scale}, shapes, masked, call)
        for scale in (False, True)
        for shapes in (ATTENTION, WITH_KEY)
        for masked, call in (((), {"use_causal_mask": True}), ((0, 1), {}), ((1,), {}), ((0,), {}))
    ),
    Case("Attention", {"dropout": 0.4, "seed": 3}, ATTENTION),
    Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, U], "bias_axes": "d"}, [(B, T, F)], (0,)),
    Case("EinsumDense", {"equation": "ab,bc->ac", "output_shape": U, "activation": "tanh"}, [(B, F)]),
    Case("EinsumDense", {"equation": "abc,cde->abde", "output_shape": [T, U, S], "bias_axes": "bde"}, [(B, T, F)]),
    Case("EinsumDense", {"equation": "abc,bcd->acd", "output_shape": [F, U], "bias_axes": "c"}, [(B, T, F)]),
    Case("EinsumDense", {"equation": "abcd,cde->abe", "output_shape": [None, S]}, [(B, T, F, U)]),
    Case("EinsumDense", {"equation": "...x,xy->...y", "output_shape": S, "bias_axes": "y"}, [(B, T, F)]),
    Case("EinsumDense", {"equation": "...bx,xy->...by", "output_shape": [None, S], "bias_axes": "y"}, [(B, T, F, U)]),
    Case("EinsumDense", {"equation": "ab...,bc->ac...", "output_shape": S, "bias_axes": "c"}, [(B, F, T, U)]),
    Case("EinsumDense", {"equation": "ab,bc->ac", "output_shape": U, "bias_axes": "c", **REGULARIZED}, [(B, F)]),
    *(
        Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, **arguments}, shapes, masked, call, spread=True)
        for arguments, shapes, masked, call in (
            ({}, ATTENTION, (), {}),
            ({}, ATTENTION, (0, 1), {}),
            ({}, ATTENTION, (0,), {}),
            ({}, ATTENTION, (1,), {}),
            ({}, ATTENTION, (), {"use_causal_mask": True}),
            ({}, ATTENTION, (0, 1), {"use_causal_mask": True}),
            ({"value_dim": 3, "use_bias": False}, WITH_KEY, (0, 1, 2), {}),
            ({"value_dim": 3, "output_shape": 7}, WITH_KEY, (2,), {}),
            ({"output_shape": [3, 7]}, ATTENTION, (), {}),
            ({"use_gate": True, "value_dim": 3}, ATTENTION, (1,), {}),
            ({"sliding_window": 2}, ATTENTION, (), {}),
            ({"sliding_window": 2}, ATTENTION, (0, 1), {"use_causal_mask": True}),
            ({"dropout": 0.3, "seed": 4}, ATTENTION, (0, 1), {}),
            ({"dropout": 0.3}, ATTENTION, (), {"use_causal_mask": True}),
            (REGULARIZED, ATTENTION, (), {}),
            ({"attention_axes": 1}, ATTENTION, (1,), {}),
            ({"attention_axes": [2]}, [(B, 3, T, F), (B, 3, S, F)], (), {}),
            ({"attention_axes": [-2]}, [(B, 3, T, F), (B, 3, S, F)], (), {}),
            ({"attention_axes": [1, 2]}, [(B, 2, T, F), (B, 3, S, F)], (), {}),
            ({}, [(B, 2, T, F), (B, 3, S, F)], (), {}),
        )
    ),
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


@dataclass
class Pair:
    """Our layer and Keras' with the same weights, and what they are called with."""

    ours: Any
    theirs: Any
    arrays: list[np.ndarray]
    masks: list[np.ndarray | None]


def pair(case: Case, namespace: Any = keras.layers, **extra: Any) -> Pair:
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal(shape) for shape in case.shapes]
    masks = [rng.random(shape[:2]) < 0.6 if index in case.masked else None for index, shape in enumerate(case.shapes)]
    for mask in masks:
        if mask is not None:
            mask[0] = False  # a sample that is all padding
    pair = Pair(
        getattr(layers, case.class_name)(**case.arguments, **extra, dtype="float64").eval(),
        case.make(namespace),
        arrays,
        masks,
    )
    call(case, pair.theirs, [tf.constant(array) for array in arrays], [None] * len(arrays))
    call(case, pair.ours, [torch.tensor(array) for array in arrays], [None] * len(arrays))
    weights = [rng.standard_normal(weight.shape) for weight in pair.theirs.get_weights()]
    pair.theirs.set_weights(weights)
    pair.ours.set_weights(weights)
    return pair


def call(case: Case, layer: Any, tensors: list[Any], masks: Sequence[Any], **more: Any) -> Any:
    """Masks come along with the tensors."""
    # A tensor of its own for each mask, through which gradients pass.
    constant, copy = (torch.tensor, torch.clone) if isinstance(tensors[0], torch.Tensor) else (tf.constant, tf.identity)
    tensors = [tensor if mask is None else copy(tensor) for tensor, mask in zip(tensors, masks, strict=True)]
    for tensor, mask in zip(tensors, masks, strict=True):
        if mask is not None:
            tensor._keras_mask = constant(mask)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Layer .* was passed an input with a mask")
        if case.spread:
            return layer(*tensors, **case.call, **more)
        return layer(tensors[0] if _single(case) else tensors, **case.call, **more)


def _single(case: Case) -> bool:
    return case.class_name in ("Reshape", "Permute", "EinsumDense")


@every_case
def test_outputs_and_gradients(case: Case) -> None:
    compare(case, pair(case))


def compare(case: Case, pair: Pair) -> None:
    x = [torch.tensor(array, requires_grad=True) for array in pair.arrays]
    outputs = call(case, pair.ours, x, pair.masks)
    scale = np.random.default_rng(2).standard_normal(tuple(outputs.shape))
    loss = (outputs * torch.tensor(scale)).sum() + sum(getattr(pair.ours, "losses", []))
    loss.backward()
    for layer in pair.ours.weighted_layers():  # own_weights shows the parameters in Keras' layout: here the gradients
        for parameter in layer.parameters(recurse=False):
            parameter.data = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
    gradients: list[Any] = [*(tensor.grad for tensor in x), *map(torch.tensor, pair.ours.get_weights())]

    sources = [tf.constant(array) for array in pair.arrays]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        expected = call(case, pair.theirs, sources, pair.masks)
        expected_loss = tf.reduce_sum(expected * scale) + sum(pair.theirs.losses)
    assert outputs.dtype == torch.float64
    assert_close(outputs.detach(), expected.numpy(), "float64", "outputs")
    assert_close(loss.detach(), expected_loss.numpy(), "float64", "loss with regularization")
    variables = [weight.value if isinstance(weight, keras.Variable) else weight for weight in pair.theirs.weights]
    variables = variables[: len(gradients) - len(x)]
    expected_gradients = tape.gradient(expected_loss, [*sources, *variables], unconnected_gradients="zero")
    # A key's bias shifts all scores of a query alike: its gradient is rounding, to be seen beside the largest of all.
    largest = max(float(np.abs(gradient).max()) for gradient in expected_gradients)
    for ours, theirs in zip(gradients, expected_gradients, strict=True):
        assert tuple(ours.shape) == tuple(theirs.shape)
        got = np.append(ours.detach().numpy(), largest)
        assert_close(got, np.append(theirs.numpy(), largest), "float64", "gradient")


@every_case
def test_output_shapes_and_masks(case: Case) -> None:
    both = pair(case)
    free = [(None, *shape[1:]) for shape in case.shapes]
    if case.spread:
        got, expected = both.ours.compute_output_shape(*free), both.theirs.compute_output_shape(*free)
    else:
        shapes: Any = free[0] if _single(case) else free
        got, expected = both.ours.compute_output_shape(shapes), both.theirs.compute_output_shape(shapes)
    # Keras leaves a size free where `output_shape` of an EinsumDense does, whatever that of the inputs.
    assert len(got) == len(expected)
    assert all(theirs in (None, ours) for ours, theirs in zip(got, expected, strict=True))
    result = call(case, both.theirs, [tf.constant(array) for array in both.arrays], both.masks)
    expected_mask = getattr(result, "_keras_mask", None)
    tensors = [torch.tensor(array) for array in both.arrays]
    mask = mask_of(call(case, both.ours, tensors, both.masks))
    assert (mask is None) == (expected_mask is None)
    if mask is not None and expected_mask is not None:
        assert mask.dtype == torch.bool
        assert np.array_equal(mask.numpy(), expected_mask.numpy())


@every_case
def test_configurations_pass_both_ways(case: Case) -> None:
    theirs = case.make(keras.layers)
    written_by_keras = json.loads(json.dumps(keras.saving.serialize_keras_object(theirs)))
    read_by_us = layers.deserialize(written_by_keras)
    for written_by_us in (layers.serialize(read_by_us), layers.serialize(case.make(layers))):
        read_by_keras = keras.saving.deserialize_keras_object(json.loads(json.dumps(written_by_us)))
        assert _without_names(read_by_keras.get_config()) == _without_names(theirs.get_config())


def _without_names(config: dict[str, Any]) -> Any:
    return json.loads(json.dumps({key: value for key, value in config.items() if key != "name"}))


KERAS_2 = [
    *(Case(name, {}, THREE, masked) for name in ELEMENTWISE for masked in ((0, 1, 2), (0, 2))),
    *(Case("Concatenate", {"axis": axis}, THREE, (0, 1, 2)) for axis in (-1, 1)),
    Case("Concatenate", {}, THREE, (1,)),
    Case("Dot", {"axes": 2, "normalize": True}, [(B, T, F), (B, S, F)]),
    Case("Dot", {"axes": 1}, [(B, F), (B, F)]),
    Case("Attention", {"use_scale": True}, ATTENTION, (0, 1)),
    Case("Attention", {"score_mode": "concat"}, WITH_KEY, (1,), {"use_causal_mask": True}),
    Case("AdditiveAttention", {}, ATTENTION, (0, 1)),
    Case("EinsumDense", {"equation": "abc,cd->abd", "output_shape": [None, U], "bias_axes": "d"}, [(B, T, F)]),
    Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4}, ATTENTION, (), spread=True),
    Case("MultiHeadAttention", {"num_heads": 2, "key_dim": 4, "value_dim": 3}, WITH_KEY, (), spread=True),
]


@pytest.mark.parametrize("case", KERAS_2, ids=str)
def test_keras_2_with_the_arguments_that_the_converter_sets(case: Case) -> None:
    extra: dict[str, Any] = {}
    if case.class_name in (*ELEMENTWISE, "Concatenate"):
        extra = {"combine_masks": "all"}
    if case.class_name == "MultiHeadAttention":
        extra = {"softmax_robust_masking": False}
    both = pair(case, tf_keras.layers, **extra)
    compare(case, both)
    result = call(case, both.theirs, [tf.constant(array) for array in both.arrays], both.masks)
    expected_mask = getattr(result, "_keras_mask", None)
    if "mask" in both.ours.call_arguments or case.class_name == "Concatenate":
        masks = [None if mask is None else torch.tensor(mask) for mask in both.masks]
        mask = both.ours.compute_mask([torch.tensor(array) for array in both.arrays], masks)
        assert (mask is None) == (expected_mask is None)
        if mask is not None and expected_mask is not None:
            assert np.array_equal(mask.numpy(), expected_mask.numpy())


@pytest.mark.parametrize("robust", [False, True])
def test_keras_2_multi_head_attention_of_queries_that_see_no_key(robust: bool) -> None:
    case = Case(
        "MultiHeadAttention",
        {"num_heads": 2, "key_dim": 4, "softmax_robust_masking": robust},
        ATTENTION,
        (0, 1),
        spread=True,
    )
    # float32: in float64 rounding at the 1e9 that is added shows in the ninth digit, on both sides alike.
    both = pair(case, tf_keras.layers)
    got = call(case, both.ours, [torch.tensor(array) for array in both.arrays], both.masks)
    expected = call(case, both.theirs, [tf.constant(array) for array in both.arrays], both.masks)
    assert_close(got.detach(), expected.numpy(), "float32 elementwise")


@pytest.mark.parametrize("case", [case for case in CASES if "Attention" in case.class_name], ids=str)
def test_attention_scores(case: Case) -> None:
    both = pair(case)
    tensors = [torch.tensor(array) for array in both.arrays]
    outputs, scores = call(case, both.ours, tensors, both.masks, return_attention_scores=True)
    expected = call(case, both.theirs, [tf.constant(a) for a in both.arrays], both.masks, return_attention_scores=True)
    assert_close(outputs.detach(), expected[0].numpy(), "float64", "outputs")
    assert_close(scores.detach(), expected[1].numpy(), "float64", "scores")


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("case", CASES[::4], ids=str)
def test_lower_precision(case: Case, dtype: str) -> None:
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in case.shapes]
    outputs = call(
        case, case.make(layers, dtype).eval(), [torch.tensor(array) for array in arrays], [None] * len(arrays)
    )
    assert str(outputs.dtype) == f"torch.{dtype}"
    assert bool(torch.isfinite(outputs).all())
