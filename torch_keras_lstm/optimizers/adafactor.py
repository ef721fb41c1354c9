"""Adam's second moment, as one number for each row and for each column of a matrix (Shazeer and Stern, 2018)."""

from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.single_precision import to_single
from torch_keras_lstm.state_variable import StateVariable


@with_arguments_of(Optimizer)
class Adafactor(Optimizer):
    """``weight -= max(epsilon_2, rms(weight)) * rate * update``, where the update's root mean square is at most
    ``clip_threshold``.

    The update is the gradient over the root of the mean of its squares, which for a weight of two axes and more is the
    product of the means along its last axis and along the one before. The share of the old means is
    ``1 - step**beta_2_decay``, the rate at most ``1 / sqrt(step)``.

    Args:
        beta_2_decay: how fast the share of the old means grows.
        epsilon_1: added to the squares of gradients.
        epsilon_2: what the root mean square of the weight is at least taken for.
        clip_threshold: how large the root mean square of an update may be.
        relative_step: taken for Keras' sake: a rate that is a number is at most ``1 / sqrt(step)`` in any case.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Adafactor(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.8419, 2.1581])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_2_decay: float = -0.8,
        epsilon_1: float = 1e-30,
        epsilon_2: float = 1e-3,
        clip_threshold: float = 1.0,
        relative_step: bool = True,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def create_state(self) -> None:
        """The mean of squares of each weight, and the means along its last two axes where it has them."""
        self._factors: dict[int, tuple[StateVariable, StateVariable]] = {}
        self._means: list[StateVariable] = []
        for index, weight in enumerate(self.weights):
            shape, name = weight.shape, weight.path.rpartition("/")[2]
            if len(shape) >= 2:
                rows = self.add_variable(shape[:-1], dtype=weight.dtype, name=name)
                columns = self.add_variable((*shape[:-2], shape[-1]), dtype=weight.dtype, name=name)
                self._factors[index] = rows, columns
            else:  # Keras keeps two numbers that mean nothing in their place
                self.add_variable((), dtype="int32", name=name)
                self.add_variable((), dtype="int32", name=name)
            self._means.append(self.add_variable_from_reference(weight, "velocity"))

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: float) -> None:  # type: ignore[override]
        """Move one weight, in Keras' layout; see :class:`Optimizer`."""
        index, step = self._get_variable_index(variable), self.updates + 1
        rate = min(learning_rate, step**-0.5)
        share = 1 - step**self.beta_2_decay
        scale = _rms(variable).clamp(min=to_single(self.epsilon_2)) * rate
        squares, mean = gradient.square() + self.epsilon_1, self._means[index]
        if index in self._factors:
            rows, columns = self._factors[index]
            rows.lerp_(squares.mean(-1), 1 - share)
            columns.lerp_(squares.mean(-2), 1 - share)
            mean.copy_((rows / rows.mean(-1, keepdim=True)).unsqueeze(-1) * columns.unsqueeze(-2))
        else:
            mean.lerp_(squares, 1 - share)
        update = gradient / torch.sqrt(mean)
        self.assign_sub(variable, scale * (update / (_rms(update) / self.clip_threshold).clamp(min=1.0)))


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt()
