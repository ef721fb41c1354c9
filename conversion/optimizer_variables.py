"""The arrays of optimizers that keep variables of whole weights, or others inside: Keras 3's, and tf.keras' Adafactor.

They stand in the order in which the variables were made, which is that of ``optimizer.variables`` here as in Keras.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from torch_keras_lstm.conversion.arrays import Array, SavedArray
from torch_keras_lstm.conversion.written_weights import as_array
from torch_keras_lstm.layers.naming import snake_case
from torch_keras_lstm.optimizers import LossScaleOptimizer, MultiOptimizer, Optimizer

# What is kept of squares, of absolute values and of largest ones, none of which training makes negative.
NEVER_NEGATIVE = frozenset(
    [
        *("accumulated_delta_var", "accumulated_grad", "accumulator", "norm", "velocity", "velocity_hat"),
        *("learning_rate", "u_product", "dynamic_scale"),
    ]
)


def keeps_variables(optimizer: Optimizer) -> bool:
    """Whether it is such a one."""
    return optimizer.by_weight or isinstance(optimizer, LossScaleOptimizer | MultiOptimizer)


def saved_variables(optimizer: Optimizer) -> list[tuple[str, Array]]:
    """The arrays that Keras 3 keeps of it, with names."""
    return [(variable.path, as_array(variable.detach())) for variable in optimizer.variables]


def inner_states(optimizer: Optimizer) -> dict[str, list[tuple[str, Array]]]:
    """What Keras 3 keeps of the optimizers inside once more, each by itself, by the path of its group."""
    if isinstance(optimizer, LossScaleOptimizer):
        return {"inner_optimizer": saved_variables(optimizer.inner_optimizer)}
    found: dict[str, list[tuple[str, Array]]] = {}
    for one in optimizer.optimizers if isinstance(optimizer, MultiOptimizer) else ():
        kind = snake_case(type(one).__name__)
        number = sum(re.fullmatch(rf"optimizers/{kind}(_\d+)?", path) is not None for path in found)
        found[f"optimizers/{kind}_{number}" if number else f"optimizers/{kind}"] = saved_variables(one)
    return found


def restore_variables(optimizer: Optimizer, arrays: Sequence[SavedArray], of_tf_keras: bool = False) -> bool:
    """Give it the state in ``arrays``; without a step made, there are numbers alone, and nothing to restore.

    Args:
        optimizer: to be changed.
        arrays: in the order of the file.
        of_tf_keras: whether tf.keras wrote them, which keeps no learning rate, and nothing where Keras 3's Adafactor
            has numbers that mean nothing.

    Returns:
        Whether there are as many arrays as variables; otherwise nothing is changed.

    Raises:
        ValueError: when one of them is not what it must be. Nothing is changed.
    """
    variables = optimizer.variables
    if of_tf_keras:
        variables = [one for one in variables if one.name != "learning_rate" and not _means_nothing(one)]
    if len(arrays) != len(variables):
        return all(array.shape == () for array in arrays)
    values = []
    for variable, array in zip(variables, arrays, strict=True):
        wanted = tuple(variable.shape)
        rule = type(optimizer).__name__
        what = f"The state of the optimizer does not fit the model's {rule}: `{variable.name}` needs"
        if array.shape != wanted:
            raise ValueError(f"{what} shape {wanted}, but `{array.path}` has {array.shape}.")
        kind = "float" if variable.is_floating_point() else "int"
        if kind not in array.dtype:
            raise ValueError(f"{what} numbers of type {kind}, but `{array.path}` holds {array.dtype}.")
        value = np.asarray(array.read(wanted))
        is_square = variable.name in NEVER_NEGATIVE or variable.name.endswith("_velocity")
        if (is_square or variable.name in ("iteration", "step_counter")) and value.size and float(value.min()) < 0:
            raise ValueError(f"{what} numbers that are not negative, but the file has {float(value.min()):.6g}.")
        values.append(value)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return True


def _means_nothing(variable: Any) -> bool:
    return variable.shape == () and not variable.is_floating_point() and variable.name != "iteration"
