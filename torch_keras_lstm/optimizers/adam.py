"""Adam, with Keras' place of epsilon, on torch's fused kernel."""

import math
from functools import partial
from typing import Unpack

import torch
from torch.optim.adam import adam

from torch_keras_lstm import torch_internals
from torch_keras_lstm.docstrings import with_arguments_of
from torch_keras_lstm.optimizers.gradients import densify, squares
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.optimizers.optimizer_arguments import OptimizerArguments
from torch_keras_lstm.optimizers.optimizer_step import State, Tensors
from torch_keras_lstm.optimizers.two_betas import TwoBetas
from torch_keras_lstm.single_precision import to_single

# where torch has a fused kernel
_FUSED = frozenset({"cpu", "cuda", "mps", "xpu"})


@with_arguments_of(Optimizer)
class Adam(TwoBetas):
    """A step against the mean of the past gradients, over the root of the mean of their squares.

    With both means at step t, ``weight -= learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * momentum /
    (sqrt(velocity) + epsilon)``: epsilon is added before the correction of ``velocity``, in torch.optim.Adam after it.

    Args:
        beta_1: the share of the old mean of gradients in the new one.
        beta_2: the same for the mean of squares.
        epsilon: added to the root, lest it is 0.
        amsgrad: divide by the root of the largest velocity so far.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = Adam(learning_rate=0.1)
        >>> optimizer.apply([torch.tensor([0.5, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.9000, 2.1000])
        >>> model = Sequential([Input((3,)), layers.Dense(1)])
        >>> model.compile(Adam(learning_rate=0.1, clipnorm=1.0), "mse")
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[OptimizerArguments],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **common)
        self.amsgrad = amsgrad

    def create_state(self) -> None:
        """The means of gradients and of squares, and the largest of the latter."""
        self.add_state(momentum=0.0, velocity=0.0)
        if self.amsgrad:
            self.add_state(velocity_hat=0.0)

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters``; see :meth:`Optimizer.update_step`."""
        step = self.updates + 1
        # Keras raises float32's beta to this power, whatever the type of the weights.
        corrections = 1 - to_single(self.beta_1) ** step, 1 - to_single(self.beta_2) ** step
        rate = learning_rate * math.sqrt(corrections[1]) / corrections[0]
        if gradients[0].is_sparse or parameters[0].device.type not in _FUSED:
            self._by_single_operations(parameters, gradients, state, rate)
        else:
            self._by_fused_kernel(parameters, gradients, state, rate)

    def _by_fused_kernel(self, parameters: Tensors, gradients: Tensors, state: State, rate: float) -> None:
        # `rate` is corrected already. At a step count of infinity torch corrects nothing, for beta ** inf is 0.
        # The kernel goes through all of them in the order of the parameters' memory, whatever strides the others have.
        gradients = [
            given if given.stride() == one.stride() else torch.empty_like(one).copy_(given)
            for one, given in zip(parameters, gradients, strict=True)
        ]
        first = parameters[0]
        are_alike = all(one.dtype is first.dtype and one.device == first.device for one in parameters)
        steps = [torch.full((), math.inf, device=first.device)] * len(parameters)
        (torch_internals.fused_adam if are_alike else partial(adam, fused=True))(
            parameters,
            gradients,
            state["momentum"],
            state["velocity"],
            state.get("velocity_hat", []),
            steps,
            amsgrad=self.amsgrad,
            beta1=self.beta_1,
            beta2=self.beta_2,
            lr=rate,
            weight_decay=0.0,
            eps=self.epsilon,
            maximize=False,
        )

    def _by_single_operations(self, parameters: Tensors, gradients: Tensors, state: State, rate: float) -> None:
        velocities = state["velocity"]
        torch._foreach_lerp_(state["momentum"], densify(gradients), 1 - self.beta_1)
        torch._foreach_lerp_(velocities, squares(gradients), 1 - self.beta_2)
        if self.amsgrad:
            torch._foreach_maximum_(state["velocity_hat"], velocities)
            velocities = state["velocity_hat"]
        roots = torch._foreach_sqrt(velocities)
        torch._foreach_add_(roots, self.epsilon)
        torch._foreach_addcdiv_(parameters, state["momentum"], roots, -rate)
