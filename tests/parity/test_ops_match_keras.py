"""``ops`` against ``keras.ops`` 3.15 on TensorFlow: every name, results and their types, gradients, graphs."""

import importlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch
from keras.src.ops.operation import Operation

import torch_keras_lstm
from tests.parity.operation_draws import CONTROL, DRAWS, IMAGE_DRAWS, Arguments
from tests.tolerances import assert_close
from torch_keras_lstm import ops
from torch_keras_lstm.operations.table import MODULES, called_with

# Names of `keras.ops` that are not here, and what to write instead.
NOT_HERE = {
    "rearrange": "the pattern language of einops: `ops.reshape` and `ops.transpose`",
}
IMAGES_NOT_HERE = {"extract_patches_3d": "volumes"}
# Arguments of ours that Keras has not.
OWN_ARGUMENTS = {
    "amax": {"initial"},
    "amin": {"initial"},
    "count_nonzero": {"keepdims"},
    "layer_normalization": {"rms_scaling"},  # which Keras takes as `**kwargs`
    "matmul": {"transpose_a", "transpose_b"},
    "relu": {"negative_slope", "max_value", "threshold"},
}
# Compared by what they mean: the signs of vectors are free, or nothing is computed.
ELSEWHERE = {
    "eig",
    "eigh",
    "qr",
    "convert_to_numpy",
    "dtype",
    "is_tensor",
    "ndim",
    "shape",
    "jvp",
    "vectorize",
    "argpartition",
    *CONTROL,
}
SINGLE = {
    "ctc_loss",
    "ctc_decode",
    "resize",
    "affine_transform",
    "perspective_transform",
    "scale_and_translate",
}  # of which TensorFlow computes float32 alone
# Keras computes a part of it in single precision, whatever the type.
ROUNDED = {
    "gelu",
    "rad2deg",
    "deg2rad",
    "cbrt",
    "selu",
    "erfinv",
    "rgb_to_grayscale",
    "logaddexp2",
    "percentile",
    "nanpercentile",
    "nanquantile",
    "geomspace",
    "quantile",
}


def test_every_name_of_keras_is_here() -> None:
    theirs = {name for name in dir(keras.ops) if not name.startswith("_")}
    assert theirs - set(dir(ops)) == set(NOT_HERE)
    assert set(dir(ops)) - theirs == set()
    for name in ("linalg", "nn", "numpy"):
        theirs = {one for one in dir(getattr(keras.ops, name)) if not one.startswith("_")}
        assert theirs - set(NOT_HERE) <= set(dir(ops)), name
    theirs = {name for name in dir(keras.ops.image) if not name.startswith("_")}
    assert theirs - set(dir(ops.image)) == set(IMAGES_NOT_HERE)
    assert set(dir(ops.linalg)) == {name for name in dir(keras.ops.linalg) if not name.startswith("_")}


def test_every_operation_is_drawn() -> None:
    names = {name for name in dir(ops) if callable(getattr(ops, name))} - {"image", "linalg", "nn", "numpy"}
    assert {name for name, draws in DRAWS.items() if draws} | ELSEWHERE >= names
    assert IMAGE_DRAWS.keys() == set(dir(ops.image))


@pytest.mark.parametrize("name", sorted(set(dir(ops)) - {"image", "linalg", "nn", "numpy"}))
def test_arguments_have_the_names_order_and_defaults_of_keras(name: str) -> None:
    ours, theirs = (dict(inspect.signature(getattr(one, name)).parameters) for one in (ops, keras.ops))
    theirs.pop("kwargs", None)
    for own in OWN_ARGUMENTS.get(name, set()) | {"kwargs"}:
        ours.pop(own, None)
    assert [(one, value.default) for one, value in ours.items()] == [
        (one, value.default) for one, value in theirs.items()
    ]


@pytest.mark.parametrize("operation", sorted(MODULES))
def test_a_node_is_called_with_what_keras_calls_it_with(operation: str) -> None:
    """So that a file has the same arguments in the same place."""
    theirs = getattr(importlib.import_module(f"keras.src.ops.{MODULES[operation]}"), operation)
    assert issubclass(theirs, Operation)
    wanted = {name for name in inspect.signature(theirs.call).parameters if name not in ("self", "kwargs")}
    assert called_with(operation) == wanted


CASES = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name, draws in {**DRAWS, **IMAGE_DRAWS}.items()
    for number in range(len(draws))
]


def drawn(name: str, number: int) -> tuple[Any, Any, Arguments]:
    ours, theirs = (ops.image, keras.ops.image) if name in IMAGE_DRAWS else (ops, keras.ops)
    return getattr(ours, name), getattr(theirs, name), {**DRAWS, **IMAGE_DRAWS}[name][number]


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    else:
        yield value


def tolerance(name: str, expected: Any) -> str:
    single = "32" in str(expected.dtype) or name in SINGLE | ROUNDED
    return "float32 recurrence" if single else "float64"


def compare(name: str, got: Any, expected: Any) -> None:
    results, wanted = list(leaves(got)), list(leaves(expected))
    assert len(results) == len(wanted)
    for result, one in zip(results, wanted, strict=True):
        array = np.asarray(one)
        mine = result.detach().resolve_conj().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)
        if isinstance(result, torch.Tensor):
            assert str(mine.dtype) == str(array.dtype), name
        assert mine.shape == array.shape
        assert (np.isnan(mine) == np.isnan(array)).all() if np.issubdtype(array.dtype, np.inexact) else True
        for part in (np.real, np.imag) if np.iscomplexobj(array) else (np.asarray,):
            mine_known, known = (
                np.nan_to_num(np.asarray(part(one), np.float64), nan=7.0, posinf=3e3, neginf=-3e3)
                for one in (mine, array)
            )
            assert_close(mine_known, known, tolerance(name, array), name)


@pytest.mark.parametrize(("name", "number"), CASES)
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_results_and_their_types(name: str, number: int) -> None:
    ours, theirs, (args, kwargs) = drawn(name, number)
    expected = theirs(*converted(args, tf.constant), **converted(kwargs, tf.constant))
    compare(name, ours(*converted(args, torch.tensor), **converted(kwargs, torch.tensor)), expected)


def converted(value: Any, make: Any) -> Any:
    """Arrays as tensors, but for the very small ones, which stay what they are."""
    if isinstance(value, dict):
        return {name: converted(one, make) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(converted(item, make) for item in value)
    return make(value) if isinstance(value, np.ndarray) and value.size > 3 else value


def differentiable(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype in (np.float64, np.float32)


# TensorFlow has no gradient of the first two; its gradients of the others are of a symmetric matrix, and estimates.
NO_GRADIENT = {"lu_factor", "slice_update", "cholesky_inverse", "affine_transform", "perspective_transform"}


@pytest.mark.parametrize(("name", "number"), CASES)
@pytest.mark.filterwarnings("ignore")
def test_gradients(name: str, number: int) -> None:
    ours, theirs, (args, kwargs) = drawn(name, number)
    flat = [value for value in leaves([*args]) if differentiable(value)]
    if name in NO_GRADIENT or not flat or any(np.isnan(value).any() for value in flat):
        return
    variables = [tf.constant(value) for value in flat]
    tensors = [torch.tensor(value, requires_grad=True) for value in flat]

    def put(value: Any, items: Iterator[Any]) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(put(item, items) for item in value)
        return next(items) if differentiable(value) else value

    with tf.GradientTape() as tape:
        tape.watch(variables)
        expected = [
            one
            for one in leaves(theirs(*put(args, iter(variables)), **kwargs))
            if tf.is_tensor(one) and one.dtype.is_floating
        ]
        loss = sum(
            (tf.reduce_sum(tf.cast(one, "float64") * weights(one.shape)) for one in expected),
            tf.constant(0.0, "float64"),
        )
    got = [
        one
        for one in leaves(ours(*put(args, iter(tensors)), **kwargs))
        if isinstance(one, torch.Tensor) and one.is_floating_point()
    ]
    own = sum((one.double() * torch.tensor(weights(one.shape))).sum() for one in got)
    wanted = tape.gradient(loss, variables)
    if all(one is None for one in wanted):
        return
    gradients = torch.autograd.grad(own, tensors, allow_unused=True)  # type: ignore[arg-type]
    for mine, one, value in zip(gradients, wanted, flat, strict=True):
        theirs_dense = np.zeros_like(value) if one is None else tf.convert_to_tensor(one).numpy()
        dense = np.zeros_like(value) if mine is None else mine.numpy()
        if np.abs(theirs_dense).max(initial=0) > 0 or np.abs(dense).max(initial=0) > 0:
            assert_close(dense, theirs_dense, tolerance(name, theirs_dense), name)


def weights(shape: Sequence[int]) -> Any:
    return np.random.default_rng(3).uniform(0.5, 1.5, tuple(shape))


@pytest.mark.parametrize("name", sorted(CONTROL))
def test_functions_of_functions(name: str) -> None:
    x = np.random.default_rng(1).normal(size=(3, 3))
    variable, tensor = tf.Variable(x), torch.tensor(x, requires_grad=True)
    with tf.GradientTape() as tape:
        expected = CONTROL[name](keras.ops, tf.convert_to_tensor(variable))
        loss = sum(tf.reduce_sum(one) for one in leaves(expected) if one.dtype == tf.float64)
    got = CONTROL[name](ops, tensor)
    compare(name, got, expected)
    (gradient,) = torch.autograd.grad(sum(one.sum() for one in leaves(got) if one.dtype is torch.float64), tensor)
    assert_close(gradient, tape.gradient(loss, variable).numpy(), "float64")


def test_decompositions_give_their_matrix_back() -> None:
    matrix = torch.tensor(np.random.default_rng(1).normal(size=(4, 4)))
    q, r = ops.qr(matrix)
    assert_close(q @ r, matrix, "float64")
    symmetric = matrix + matrix.T
    values, vectors = ops.eigh(symmetric)
    assert_close(vectors @ torch.diag(values) @ vectors.T, symmetric, "float64")
    values, vectors = ops.eig(matrix)
    assert_close((vectors @ torch.diag(values) @ torch.linalg.inv(vectors)).real, matrix, "float64")
    u, s, vh = ops.svd(matrix)
    assert_close(u @ torch.diag(s) @ vh, matrix, "float64")
    value, slope = ops.jvp(ops.sin, (matrix,), (torch.ones_like(matrix),))
    assert_close(value.detach(), matrix.sin(), "float64")
    # Keras on TensorFlow rounds to integers first.
    entries = np.random.default_rng(1).normal(size=9)
    order = ops.argpartition(entries, 3)
    ranked = entries[ops.convert_to_numpy(order)]
    assert sorted(order.tolist()) == list(range(9))
    assert ranked[:3].max() < ranked[3] < ranked[4:].min()
    assert ops.vectorize(lambda one, other: one + other)(torch.ones(2, 1), torch.ones(3)).tolist() == [[2.0] * 3] * 2
    assert_close(slope.detach(), matrix.cos(), "float64")


def test_questions_about_tensors() -> None:
    for value in (np.ones((2, 3)), np.ones(2, "float32"), [1, 2], 3, 0.5, True):
        assert ops.shape(value) == tuple(keras.ops.shape(value))
        assert ops.ndim(value) == keras.ops.ndim(value)
        converted = keras.ops.convert_to_tensor(value)
        assert ops.dtype(value) == keras.ops.dtype(converted)
        assert ops.convert_to_numpy(value).dtype == keras.ops.convert_to_numpy(converted).dtype
        assert ops.is_tensor(ops.convert_to_tensor(value))
        assert not ops.is_tensor(value)
    assert ops.is_tensor(torch.ones(2))


# -- graphs -----------------------------------------------------------------------------------------------------------

# Whose shape follows from the numbers; and a loss that torch computes of numbers alone.
NO_GRAPH = {"bincount", "nonzero", "unique", "ctc_loss"}


@pytest.mark.parametrize("name", sorted(name for name in {**DRAWS, **IMAGE_DRAWS} if name not in NO_GRAPH))
@pytest.mark.filterwarnings("ignore")
def test_a_node_of_a_model_computes_the_same_and_comes_back_from_a_file(name: str, tmp_path: Any) -> None:
    for number in range(len({**DRAWS, **IMAGE_DRAWS}[name])):
        ours, _, (args, kwargs) = drawn(name, number)
        first = next((value for value in leaves([*args]) if isinstance(value, np.ndarray) and value.ndim), None)
        if first is None or first.dtype.kind not in "fi":
            continue
        entry = torch_keras_lstm.Input(batch_shape=first.shape, dtype=str(first.dtype))
        model = torch_keras_lstm.Model(entry, list(leaves(ours(*replaced(args, first, entry), **kwargs))))
        expected = list(leaves(ours(*args, **kwargs)))
        for made in (model, saved(model, tmp_path / "model.keras")):
            got = made(torch.tensor(first))
            for mine, one in zip(leaves(got), expected, strict=True):
                assert mine.dtype == one.dtype
                assert torch.equal(torch.nan_to_num(mine), torch.nan_to_num(one)), name
        return


@pytest.mark.parametrize("name", sorted({**DRAWS, **IMAGE_DRAWS}))
@pytest.mark.filterwarnings("ignore")
def test_a_graph_that_keras_saved_computes_the_same(name: str, tmp_path: Any) -> None:
    """Each draw that Keras takes with its arrays as inputs, all of them or the first alone; the first in a file."""
    load = torch_keras_lstm.models.model_from_json
    for number, (args, kwargs) in enumerate({**DRAWS, **IMAGE_DRAWS}[name]):
        built = in_a_graph_of_keras(name, args, kwargs)
        if built is None:
            continue
        model, inputs, expected = built
        free = any(None in tuple(output.shape) for output in model.outputs)
        if free or (name == "where" and len(args) == 1):  # whose shape Keras has wrong
            with pytest.raises(ValueError, match="how large its result is follows from numbers"):
                load(model.to_json())
            continue
        if number == 0:
            model.save(tmp_path / "model.keras")
            ours = torch_keras_lstm.models.load_model(tmp_path / "model.keras", compile=False)
        else:
            ours = load(model.to_json())
        compare(name, ours([*map(torch.tensor, inputs)] if len(inputs) > 1 else torch.tensor(inputs[0])), expected)


def in_a_graph_of_keras(name: str, args: Any, kwargs: Any) -> tuple[Any, list[Any], Any] | None:
    """A functional model of one operation, what goes into it and what comes out; ``None`` where Keras makes none."""
    arrays = [value for value in leaves([*args, *kwargs.values()]) if isinstance(value, np.ndarray) and value.ndim]
    arrays = [value for number, value in enumerate(arrays) if not any(value is one for one in arrays[:number])]
    for chosen in (arrays, arrays[:1]):
        if any(value.dtype.kind == "c" for value in chosen):
            continue
        entries = [keras.Input(batch_shape=value.shape, dtype=str(value.dtype)) for value in chosen]
        given = [args, [*kwargs.values()]]
        for array, entry in zip(chosen, entries, strict=True):
            given = replaced(given, array, entry)
        try:
            outputs = [*leaves(drawn(name, 0)[1](*given[0], **dict(zip(kwargs, given[1], strict=True))))]
            model = keras.Model(entries, outputs)
            keras.models.model_from_json(model.to_json())  # some Keras cannot read again
            return model, chosen, model([*map(tf.constant, chosen)] if len(chosen) > 1 else tf.constant(chosen[0]))
        except Exception:
            continue
    return None


def replaced(value: Any, old: Any, new: Any) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(replaced(item, old, new) for item in value)
    return new if value is old else value


def saved(model: Any, path: Any) -> Any:
    model.save(path)
    return torch_keras_lstm.models.load_model(path)
