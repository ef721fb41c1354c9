"""Steps with orthogonal matrices for weights that are matrices, AdamW for the others (Jordan et al., 2024)."""

import math
import re
from collections.abc import Sequence
from typing import Any, Unpack

import torch
from torch import Tensor

from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import CommonArguments
from torch_keras_lstm.optimizers.trained_weight import TrainedWeight
from torch_keras_lstm.single_precision import to_single
from torch_keras_lstm.state_variable import StateVariable

_LEAST_NORM = 1e-7


@with_arguments_of(Optimizer)
class Muon(Optimizer):
    """A matrix moves by the nearest orthogonal one to its momentum, found by a few steps of Newton and Schulz.

    Args:
        adam_beta_1: the share of the old mean of gradients in the new one, of weights that AdamW moves.
        adam_beta_2: the same for the mean of squares.
        adam_weight_decay: the decay of these weights.
        epsilon: added to the root of their mean of squares.
        weight_decay: the decay of the others.
        exclude_layers: regular expressions; AdamW moves a weight in whose path one is found.
        exclude_embeddings: AdamW moves those that have "embedding" in their path.
        muon_a, muon_b, muon_c: the coefficients of a step of Newton and Schulz, ``a x + b x**3 + c x**5``.
        adam_lr_ratio: what the learning rate is multiplied by for AdamW.
        momentum: the share of the sum of gradients that goes on.
        ns_steps: how many steps of Newton and Schulz.
        nesterov: look one step ahead.
        rms_rate: a step is multiplied by this and the root of the longer side of the matrix; ``None`` for 1.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(2, 2))
        >>> optimizer = Muon(learning_rate=0.1, rms_rate=None)
        >>> optimizer.apply([torch.tensor([[5.0, 0.0], [0.0, 2.0]])], [weight])
        >>> weight.detach().diag().round(decimals=2)  # about 0.1 each, however large the gradient
        tensor([-0.0700, -0.1000])
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.7750,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **common: Unpack[CommonArguments],
    ) -> None:
        super().__init__(learning_rate, weight_decay=weight_decay, **common)
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def create_state(self) -> None:
        """The momentum of each weight, and the mean of squares of those that AdamW moves."""
        self._momentums: list[StateVariable] = []
        self._velocities: dict[int, StateVariable] = {}
        for index, weight in enumerate(self.weights):
            self._momentums.append(self.add_variable_from_reference(weight, "momentum"))
            if self._is_for_adam(weight):
                self._velocities[index] = self.add_variable_from_reference(weight, "velocity")

    def _is_for_adam(self, weight: TrainedWeight) -> bool:
        is_embedding = self.exclude_embeddings and "embedding" in weight.path.lower()
        excluded = any(re.search(pattern, weight.path) for pattern in self.exclude_layers)
        return len(weight.shape) != 2 or is_embedding or excluded

    def decay_of(self, weight: TrainedWeight) -> float | None:
        """The share of itself that a weight loses before each step, times the learning rate."""
        return self.adam_weight_decay if self._is_for_adam(weight) else self.weight_decay

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: float) -> None:  # type: ignore[override]
        """Move one weight, in Keras' layout; see :class:`Optimizer`."""
        index = self._get_variable_index(variable)
        momentum, velocity = self._momentums[index], self._velocities.get(index)
        if velocity is not None:
            self._as_adam(gradient, variable, learning_rate * self.adam_lr_ratio, momentum, velocity)
            return
        momentum.copy_(momentum + (gradient + momentum * (self.momentum - 1)))
        ahead = gradient + self.momentum * momentum if self.nesterov else momentum
        step = learning_rate * self.zeropower_via_newtonschulz5(ahead, self.ns_steps)
        self.assign_sub(variable, self.lr_adjust(step))

    def _as_adam(
        self, gradient: Tensor, variable: StateVariable, rate: float, momentum: Tensor, velocity: Tensor
    ) -> None:
        step = self.updates + 1
        corrections = 1 - to_single(self.adam_beta_1) ** step, 1 - to_single(self.adam_beta_2) ** step
        momentum.lerp_(gradient, 1 - self.adam_beta_1)
        velocity.lerp_(gradient.square(), 1 - self.adam_beta_2)
        scale = rate * math.sqrt(corrections[1]) / corrections[0]
        self.assign_sub(variable, momentum * scale / (torch.sqrt(velocity) + self.epsilon))

    def lr_adjust(self, x: Tensor) -> Tensor:
        """``x`` times ``rms_rate`` and the root of its longer side."""
        return x if self.rms_rate is None else x * (math.sqrt(max(x.shape)) * self.rms_rate)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """Nearly the orthogonal matrix nearest to ``x``, by a number of steps of Newton and Schulz."""
        is_high = x.shape[-2] > x.shape[-1]
        x = x.mT if is_high else x
        x = x / (torch.linalg.matrix_norm(x, keepdim=True) + _LEAST_NORM)
        for _ in range(steps):
            products = x @ x.mT
            x = self.muon_a * x + (self.muon_b * products + self.muon_c * products @ products) @ x
        return x.mT if is_high else x
