"""A step of an optimizer, once the gradients are there: scaled, gathered, clipped, and then the rule that moves."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from torch_keras_lstm.optimizers.gradients import (
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    densify,
    values,
    with_values,
)
from torch_keras_lstm.optimizers.variables import KeptVariables
from torch_keras_lstm.single_precision import to_single
from torch_keras_lstm.state_variable import StateVariable

Tensors = list[Tensor]
State = Mapping[str, Tensors]


class Step(KeptVariables):
    """What is done around the rule by which parameters move; :class:`Optimizer` explains the attributes."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    parameters: Tensors
    names: list[str]
    _decay_rates: list[float | None]
    _weight_indices: list[int]

    #: whether the rule moves one weight after the other, as Keras' do, or all parameters at once
    by_weight: ClassVar[bool] = False

    @property
    def built(self) -> bool:
        """Whether there are parameters to move."""
        return bool(self.parameters)

    def _check_built(self, call: str) -> None:
        if not self.built:
            raise ValueError(f"Optimizer `{self.name}` is not built: call `build(parameters)` before `{call}`.")

    @torch.no_grad()
    def apply_to_parameters(self, given: Sequence[Tensor | None]) -> None:
        """Make a step by the gradient of each of :attr:`parameters`; see :meth:`step`."""
        chosen = self._with_gradient(given)
        gradients = [cast(Tensor, given[index]) for index in chosen]
        if self.loss_scale_factor is not None:
            gradients = [with_values(one, values(one) / self.loss_scale_factor) for one in gradients]
        if self.gradient_accumulation_steps:
            self._accumulate(chosen, gradients, self.gradient_accumulation_steps)
        else:
            self._update(chosen, gradients)
        if self.use_ema:
            self._average()
        self._count_batch()

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters`` in place by this optimizer's rule.

        Args:
            parameters: some of those that the optimizer was built with.
            gradients: one for each; either all or none of them are sparse.
            state: for each name of :meth:`add_state` one tensor for each of ``parameters``, to be changed in place.
            learning_rate: of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `update_step`.")

    def begin_update(self) -> None:
        """Called once before the parameters are moved, for a rule that keeps ``scalars``."""

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """With ``use_ema`` the parameters become their averages, as at the end of ``fit`` in Keras.

        Args:
            var_list: taken for Keras' sake: all parameters do.
        """
        if self.use_ema and self.built:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, self.state["average"])

    def _with_gradient(self, given: Sequence[Tensor | None]) -> list[int]:
        """The indices of the parameters that have one."""
        self._check_built("step()")
        chosen = [index for index, gradient in enumerate(given) if gradient is not None]
        if not chosen:
            raise ValueError("No parameter has a gradient: call `backward()` on the loss before `step()`.")
        if len(chosen) < len(self.parameters):
            missing = ", ".join(name for index, name in enumerate(self.names) if index not in chosen)
            warnings.warn(f"Gradients do not exist for {missing}. Does the loss depend on them?", stacklevel=5)
        return chosen

    def _accumulate(self, chosen: list[int], gradients: Tensors, steps: int) -> None:
        sums = [self.state["gradient_accumulator"][index] for index in chosen]
        torch._foreach_add_(sums, densify(gradients))
        if (self._batches + 1) % steps == 0:
            self._update(chosen, list(torch._foreach_div(sums, steps)))
            torch._foreach_zero_(self.state["gradient_accumulator"])

    def _update(self, chosen: list[int], gradients: Tensors) -> None:
        rate = self.rate
        gradients = self._clip(chosen, gradients)
        self._decay(chosen, rate)
        self.begin_update()
        if self.by_weight:
            self._update_weights(chosen, gradients, rate)
            return
        for is_sparse in (False, True):
            some = [place for place, gradient in enumerate(gradients) if gradient.is_sparse is is_sparse]
            if some:
                indices = [chosen[place] for place in some]
                parameters = [self.parameters[index] for index in indices]
                state = {name: [tensors[index] for index in indices] for name, tensors in self.state.items()}
                self.update_step(parameters, [gradients[place] for place in some], state, rate)

    def _update_weights(self, chosen: list[int], gradients: Tensors, rate: float) -> None:
        """Move one of Keras' weights after the other."""
        found = dict(zip(chosen, densify(gradients), strict=True))
        start = 0
        for index, weight in enumerate(self.weights):
            places = range(start, start + len(weight.parameters))
            start = places.stop
            if all(place in found for place in places):
                owner, _, name = weight.path.rpartition("/")
                variable: Any = StateVariable(weight.value, name, owner, weight.assign)
                variable._trained_index = index
                gradient = weight.to_keras(*(found[place] for place in places)).to(weight.dtype)
                cast(Any, self.update_step)(gradient, variable, rate)

    def _clip(self, chosen: list[int], gradients: Tensors) -> Tensors:
        if self.clipnorm:
            return clip_by_norm(gradients, self.clipnorm, [self._weight_indices[index] for index in chosen])
        if self.global_clipnorm:
            return clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue:
            return clip_by_value(gradients, self.clipvalue)
        return gradients

    def _decay(self, chosen: list[int], rate: float) -> None:
        for decay in {self._decay_rates[index] for index in chosen} - {None}:
            decayed = [self.parameters[index] for index in chosen if self._decay_rates[index] == decay]
            # TensorFlow makes a float32 of the decay, whatever the type of the weights.
            torch._foreach_add_(decayed, torch._foreach_mul(decayed, to_single(cast(float, decay))), alpha=-rate)

    def _average(self) -> None:
        averages = self.state["average"]
        torch._foreach_lerp_(averages, self.parameters, 1 - self.ema_momentum if self.updates else 1.0)
        if self.ema_overwrite_frequency and (self.updates + 1) % self.ema_overwrite_frequency == 0:
            torch._foreach_copy_(self.parameters, averages)
