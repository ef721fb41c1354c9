"""Every optimizer and argument against Keras 3 on TensorFlow, run live: a hundred steps along the same gradients."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import torch

from tests.parity.precision import float64
from tests.tolerances import assert_close, largest_error
from torch_keras_lstm import optimizers

STEPS = 100
SHAPES = [(5, 3), (4,), (2, 3, 4)]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.8, "nesterov": True}),
    ("Adam", {}),
    ("Adam", {"beta_1": 0.8, "beta_2": 0.97, "epsilon": 1e-3, "amsgrad": True}),
    ("AdamW", {}),
    ("AdamW", {"weight_decay": 0.3, "learning_rate": 0.02}),
    ("Adamax", {}),
    ("Adamax", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("Nadam", {}),
    ("Nadam", {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2}),
    ("RMSprop", {}),
    ("RMSprop", {"rho": 0.8, "momentum": 0.7, "epsilon": 1e-2}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("Adagrad", {"initial_accumulator_value": 0.3, "epsilon": 1e-2, "learning_rate": 0.1}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adadelta", {"rho": 0.8, "epsilon": 1e-2, "learning_rate": 0.5}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.3, "initial_accumulator_value": 0.4, "beta": 0.2,
              "l1_regularization_strength": 0.1, "l2_regularization_strength": 0.2,
              "l2_shrinkage_regularization_strength": 0.3}),
    ("Lion", {}),
    ("Lion", {"beta_1": 0.7, "beta_2": 0.8}),
    *((name, common) for name in ("SGD", "Adam") for common in (
        {"weight_decay": 0.3},
        {"clipnorm": 0.7},
        {"clipvalue": 0.4},
        {"global_clipnorm": 1.3},
        {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 7},
        {"gradient_accumulation_steps": 3},
        {"gradient_accumulation_steps": 3, "use_ema": True, "ema_overwrite_frequency": 2, "weight_decay": 0.1,
         "clipnorm": 0.7},
        {"loss_scale_factor": 4.0},
    )),
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
