"""The rules of Keras 1, Keras 2 and ``tf.keras.optimizers.legacy`` that differ from those of Keras 3.

Models that those trained go on by them. A name of Keras' means Keras 3's rule everywhere else.
"""

import math
from collections.abc import Mapping
from typing import Any, Unpack

import torch

from torch_keras_lstm.optimizers.adagrad import Adagrad
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.nadam import Nadam
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.optimizers.rmsprop import RMSprop
from torch_keras_lstm.registry import Config
from torch_keras_lstm.single_precision import to_single


class LegacyRMSprop(RMSprop):
    """``weight -= learning_rate * gradient / (sqrt(velocity) + epsilon)``; with ``momentum`` as in Keras 3."""

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        if self.momentum > 0:
            super().update_step(parameters, gradients, state, learning_rate)
            return
        velocities, dense = state["velocity"], densify(gradients)
        torch._foreach_lerp_(velocities, squares(gradients), 1 - self.rho)
        if self.centered:
            means = state["average_gradient"]
            torch._foreach_lerp_(means, dense, 1 - self.rho)
            roots = torch._foreach_addcmul(velocities, means, means, -1)
            torch._foreach_sqrt_(roots)
        else:
            roots = torch._foreach_sqrt(velocities)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(parameters, dense, roots, -learning_rate)


class LegacyAdagrad(Adagrad):
    """``weight -= learning_rate * gradient / (sqrt(accumulator) + epsilon)``."""

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        torch._foreach_add_(state["accumulator"], squares(gradients))
        roots = torch._foreach_sqrt(state["accumulator"])
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(parameters, densify(gradients), roots, -learning_rate)


class LegacyNadam(Nadam):
    """Nadam whose ``beta_1`` grows slowly: at step t it is ``beta_1 * (1 - 0.5 * 0.96**(schedule_decay * t))``.

    Args:
        schedule_decay: how fast; 1 in Keras 3.
        common: as in :class:`Optimizer`, and the other arguments as in :class:`Nadam`.
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        schedule_decay: float = 0.004,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **common)
        self.schedule_decay = schedule_decay

    def _share(self, step: int) -> float:
        return to_single(self.beta_1) * (1 - 0.5 * math.pow(to_single(0.96), self.schedule_decay * step))

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        step, product = self.updates + 1, self.scalars["u_product"]
        beta_1, beta_2 = to_single(self.beta_1), to_single(self.beta_2)
        share, next_share = self._share(step), self._share(step + 1)
        momentums, velocities, dense = state["momentum"], state["velocity"], densify(gradients)
        torch._foreach_lerp_(momentums, dense, 1 - beta_1)
        torch._foreach_lerp_(velocities, squares(gradients), 1 - beta_2)
        ahead = torch._foreach_mul(momentums, next_share / (1 - product * next_share))
        torch._foreach_add_(ahead, dense, alpha=(1 - share) / (1 - product))
        roots = torch._foreach_div(velocities, 1 - beta_2**step)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(parameters, ahead, roots, -learning_rate)


LEGACY: tuple[type[Optimizer], ...] = (LegacyAdagrad, LegacyNadam, LegacyRMSprop)


def by_the_legacy_rule(entry: Mapping[str, Any]) -> Config:
    """An optimizer's configuration, as those Kerases wrote it, with the name of the class here that has its rule."""
    name, config = entry.get("class_name"), entry.get("config")
    known = {cls.__name__.removeprefix("Legacy").lower(): cls.__name__ for cls in LEGACY}
    if not isinstance(name, str) or not isinstance(config, Mapping) or name.lower() not in known:
        return dict(entry)
    arguments = dict(config)
    if name.lower() == "nadam" and "decay" in arguments:
        arguments["schedule_decay"] = arguments.pop("decay")  # its name in tf.keras, where it is no decay of the rate
    if name.lower() == "adagrad":
        arguments.setdefault("initial_accumulator_value", 0.0)  # Keras 1 and 2 had no argument for it
    return {**entry, "class_name": known[name.lower()], "config": arguments}
