"""Every optimizer and argument against Keras 3 on TensorFlow, run live: a hundred steps along the same gradients."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.precision import float64
from tests.tolerances import FLOAT32_ERROR_FLOOR, FLOAT32_ERROR_RATIO, assert_close, largest_error
from torch_keras_lstm import optimizers
from torch_keras_lstm.layers import Embedding
from torch_keras_lstm.optimizers import schedules

STEPS = 100
SHAPES = [(5, 3), (4,), (2, 3, 4)]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.8, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.97, "epsilon": 1e-3, "amsgrad": True}),
    ("AdamW", {"weight_decay": 0.3, "learning_rate": 0.02}),
    ("Adamax", {}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-2}),
    ("RMSprop", {"centered": True}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adagrad", {"initial_accumulator_value": 0.3, "epsilon": 1e-2, "learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-2, "learning_rate": 0.5}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.3, "initial_accumulator_value": 0.4, "beta": 0.2,
              "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2,
              "l2_shrinkage_regularization_strength": 0.3}),
    ("Lion", {"beta_1": 0.7, "beta_2": 0.8}),
    ("Adafactor", {}),
    ("Adafactor", {"beta_2_decay": -0.6, "epsilon_1": 1e-3, "epsilon_2": 0.7, "clip_threshold": 0.5,
                   "learning_rate": 0.3, "relative_step": False}),
    ("Lamb", {}),
    ("Lamb", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1, "clipnorm": 0.7}),
    ("Muon", {}),
    ("Muon", {"adam_beta_1": 0.8, "adam_beta_2": 0.9, "adam_weight_decay": 0.2, "weight_decay": 0.1, "nesterov": False,
              "momentum": 0.7, "ns_steps": 3, "rms_rate": None, "adam_lr_ratio": 0.3, "muon_a": 3.1}),
    ("Muon", {"exclude_layers": ["v[02]"], "weight_decay": None}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2, "warmup_steps": 7, "weight_decay": 0.1}),
    ("SGD", {"weight_decay": 0.3}),
    ("SGD", {"clipnorm": 0.7}),
    ("Adam", {"clipvalue": 0.4}),
    ("SGD", {"global_clipnorm": 1.3}),
    ("Adam", {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 7, "loss_scale_factor": 4.0}),
    ("Adam", {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2, "weight_decay": 0.1,
              "clipnorm": 0.7}),
    ("Nadam", {"gradient_accumulation_steps": 3}),
]  # fmt: skip
IDS = ["-".join([name, *(f"{key}={value}" for key, value in arguments.items())]) for name, arguments in CASES]


def drawn() -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    """First values, and the gradients of each step, whose size varies as gradients' sizes do."""
    rng = np.random.default_rng(11)
    values = [rng.normal(size=shape) for shape in SHAPES]
    return values, [[rng.normal(scale=rng.uniform(0.01, 2), size=shape) for shape in SHAPES] for _ in range(STEPS)]


def keras_run(optimizer: Any, values: Sequence[Any], gradients: Any, dtype: str = "float64") -> list[np.ndarray]:
    variables = [keras.Variable(value, dtype=dtype, name=f"v{index}") for index, value in enumerate(values)]
    optimizer.build(variables)
    apply = tf.function(lambda *step: optimizer.apply(step, variables))  # the graph that `fit` runs
    for step in gradients:
        apply(*(tf.constant(one, dtype) for one in step))
    if optimizer.use_ema:
        optimizer.finalize_variable_values(variables)
    return [variable.numpy() for variable in variables]


def our_run(optimizer: Any, values: Sequence[Any], gradients: Any, dtype: str = "float64") -> list[np.ndarray]:
    parameters = [torch.nn.Parameter(torch.tensor(value, dtype=getattr(torch, dtype))) for value in values]
    optimizer.build([(f"v{index}", parameter) for index, parameter in enumerate(parameters)])
    for step in gradients:
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = torch.tensor(gradient, dtype=parameter.dtype)
        optimizer.step()
    optimizer.finalize_variable_values()
    return [parameter.detach().numpy() for parameter in parameters]


@pytest.mark.parametrize(("name", "arguments"), CASES, ids=IDS)
def test_a_hundred_steps_in_float64(name: str, arguments: dict[str, Any]) -> None:
    values, gradients = drawn()
    with float64(keras):
        expected = keras_run(getattr(keras.optimizers, name)(**arguments), values, gradients)
    got = our_run(getattr(optimizers, name)(**arguments), values, gradients)
    for index, (mine, theirs) in enumerate(zip(got, expected, strict=True)):
        assert largest_error(mine, values[index]) > 1e-4, "the weights must move, or nothing is proved"
        assert_close(mine, theirs, "float64", f"weight {index}")


SPARSE = [
    ("SGD", {"momentum": 0.9}),
    ("Adam", {"amsgrad": True}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Lion", {}),
    ("Adam", {"clipnorm": 0.7}),
    ("Adam", {"clipvalue": 0.4}),
]


@pytest.mark.parametrize(("name", "arguments"), SPARSE, ids=str)
def test_slices_of_one_row_are_squared_one_by_one(name: str, arguments: dict[str, Any]) -> None:
    rng = np.random.default_rng(12)
    table, rows = rng.normal(size=(5, 3)), rng.integers(4, size=(8, 6))
    slices = rng.normal(size=(8, 6, 3))
    with float64(keras):
        theirs, variable = getattr(keras.optimizers, name)(**arguments), keras.Variable(table, dtype="float64")
        for indices, values in zip(rows, slices, strict=True):
            gradient = tf.IndexedSlices(tf.constant(values), tf.constant(indices), tf.constant(table.shape))
            theirs.apply([gradient], [variable])
    ours, parameter = getattr(optimizers, name)(**arguments), torch.nn.Parameter(torch.tensor(table))
    ours.build([parameter])
    for indices, values in zip(rows, slices, strict=True):
        places = torch.tensor(indices[None])
        parameter.grad = torch.sparse_coo_tensor(places, torch.tensor(values), table.shape, check_invariants=True)
        ours.step()
    assert_close(parameter.detach(), variable.numpy(), "float64")


@pytest.mark.parametrize("clipping", [{}, {"clipnorm": 0.1}, {"global_clipnorm": 0.1}], ids=str)
def test_an_embedding_that_looks_rows_up_repeatedly(clipping: dict[str, Any]) -> None:
    rng = np.random.default_rng(13)
    tokens, table, kernel = rng.integers(4, size=(7, 3)), rng.normal(size=(4, 2)), rng.normal(size=(2, 5))
    with float64(keras):
        theirs, weights = keras.layers.Embedding(4, 2, weights=[table]), keras.Variable(kernel, dtype="float64")
        their_optimizer = keras.optimizers.Adam(0.1, **clipping)
        for _ in range(10):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.tanh(theirs(tokens) @ weights.value))
            variables = [theirs.trainable_variables[0], weights]
            their_optimizer.apply(tape.gradient(loss, [one.value for one in variables]), variables)
    ours, parameter = Embedding(4, 2, weights=table, dtype="float64"), torch.nn.Parameter(torch.tensor(kernel))
    ours.sparse_gradients = True
    optimizer = optimizers.Adam(0.1, **clipping)
    optimizer.build([*ours.parameters(), parameter])
    for _ in range(10):
        optimizer.zero_grad()
        torch.tanh(ours(tokens) @ parameter).sum().backward()
        optimizer.step()
    assert_close(parameter.detach(), weights.numpy(), "float64", "kernel")
    assert_close(ours.weight.detach(), theirs.get_weights()[0], "float64", "table")


@pytest.mark.parametrize("name", ["SGD", "Adam", "Nadam", "RMSprop", "Ftrl"])
def test_float32_is_as_close_to_the_truth_as_keras(name: str) -> None:
    values, gradients = drawn()
    with float64(keras):
        truth = keras_run(getattr(keras.optimizers, name)(), values, gradients)
    expected = keras_run(getattr(keras.optimizers, name)(), values, gradients, "float32")
    got = our_run(getattr(optimizers, name)(), values, gradients, "float32")
    for mine, theirs, true in zip(got, expected, truth, strict=True):
        allowed = max(FLOAT32_ERROR_RATIO * largest_error(theirs, true), FLOAT32_ERROR_FLOOR)
        assert largest_error(mine, true) <= allowed


SCHEDULES: list[tuple[str, dict[str, Any]]] = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.9, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 11], "values": [0.3, 0.2, 0.1]}),
]
ROUNDED: list[tuple[str, dict[str, Any]]] = [
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "power": 1.7}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "end_learning_rate": 0.03, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "alpha": 0.2}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 13, "warmup_target": 0.4, "warmup_steps": 5}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0.8, "alpha": 0.1}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.8}),
]


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=str)
def test_schedules_to_the_last_bit_of_single_precision(name: str, arguments: dict[str, Any]) -> None:
    theirs, ours = getattr(keras.optimizers.schedules, name)(**arguments), getattr(schedules, name)(**arguments)
    in_a_graph = tf.function(theirs)  # as in `fit`, where TensorFlow rearranges divisions
    for step in range(40):
        assert ours(step) == float(in_a_graph(tf.constant(step, tf.int64))), step


@pytest.mark.parametrize(("name", "arguments"), ROUNDED, ids=str)
def test_other_schedules(name: str, arguments: dict[str, Any]) -> None:
    """Cosines and divisions that TensorFlow rearranges are off by a unit in the last place now and then."""
    theirs, ours = getattr(keras.optimizers.schedules, name)(**arguments), getattr(schedules, name)(**arguments)
    expected = [float(theirs(tf.constant(step, tf.int64))) for step in range(40)]
    assert_close([ours(step) for step in range(40)], expected, "float32 elementwise")


def test_a_schedule_counts_batches_and_not_updates() -> None:
    values, gradients = drawn()
    arguments = SCHEDULES[0][1]
    with float64(keras):
        schedule = keras.optimizers.schedules.ExponentialDecay(**arguments)
        expected = keras_run(keras.optimizers.SGD(schedule, gradient_accumulation_steps=3), values, gradients)
    schedule = schedules.ExponentialDecay(**arguments)
    got = our_run(optimizers.SGD(schedule, gradient_accumulation_steps=3), values, gradients)
    for mine, theirs in zip(got, expected, strict=True):
        assert_close(mine, theirs, "float64")


def test_configurations_go_there_and_back() -> None:
    """Keras reads what is written here, and what it writes of that is read here."""
    schedule = schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3)
    for optimizer in (optimizers.Adam(schedule, amsgrad=True, clipnorm=1.0), optimizers.Ftrl(beta=0.5, name="mine")):
        theirs = keras.optimizers.deserialize(optimizers.serialize(optimizer))
        again = optimizers.deserialize(keras.optimizers.serialize(theirs))
        assert type(again) is type(optimizer)
        for name, value in optimizer.get_config().items():
            if name == "learning_rate" and isinstance(value, float):
                assert_close(again.learning_rate, value, "float32 elementwise")  # a float32 variable in Keras
            else:
                assert again.get_config()[name] == value
