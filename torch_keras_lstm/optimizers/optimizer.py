"""The base of every optimizer: what ``keras.optimizers.Optimizer`` does around the rule by which a weight moves."""

import inspect
import itertools
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor

from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.optimizers import schedules
from torch_keras_lstm.optimizers.arguments import check_accumulation, check_averaging, check_clipping, refuse
from torch_keras_lstm.optimizers.gradients import (
    clip_by_global_norm,
    clip_by_norm,
    clip_by_value,
    densify,
    values,
    with_values,
)
from torch_keras_lstm.optimizers.learning_rate import as_learning_rate, rate_at
from torch_keras_lstm.optimizers.schedules import LearningRateSchedule
from torch_keras_lstm.registry import Config, Configured
from torch_keras_lstm.single_precision import to_single

Tensors = list[Tensor]
State = Mapping[str, Tensors]
Loss = TypeVar("Loss", float, Tensor)


class Optimizer(Configured):
    """Moves parameters against their gradients; to be derived from.

    It is made without parameters and gets them by :meth:`build`, since the model that it trains may not have them yet.
    From then on ``zero_grad``, ``loss.backward()`` and ``step`` follow each other as with an optimizer of torch's.

    A subclass makes its state in :meth:`create_state` and moves the parameters in :meth:`update_step`.

    Args:
        learning_rate: a number, a :class:`~torch_keras_lstm.optimizers.schedules.LearningRateSchedule`, or a callable
            of the number of batches so far, or of nothing.
        weight_decay: the share of itself that every parameter loses before each step, times the learning rate.
        clipnorm: the gradient of each of Keras' weights is scaled down to this norm.
        clipvalue: gradients are cut off at this absolute value.
        global_clipnorm: all gradients together are scaled down to this norm.
        use_ema: keep an exponential moving average of every parameter.
        ema_momentum: the share of the old average in the new one, from 0 to 1.
        ema_overwrite_frequency: every so many iterations the parameters become their averages; ``None`` leaves that to
            :meth:`finalize_variable_values`.
        loss_scale_factor: :meth:`scale_loss` multiplies by it, :meth:`step` divides the gradients by it.
        gradient_accumulation_steps: so many calls of :meth:`step` make one update, with the mean of their gradients.
        name: as in Keras; by default the class in snake case, numbered.

    Attributes:
        parameters: those that :meth:`build` was given.
        names: the name of each.
        state: for each name of :meth:`add_state` one tensor for each parameter.
        state_groups: the names that each :meth:`add_state` has added.
        scalars: the numbers that a rule keeps beside.

    Raises:
        ValueError: for an argument out of its range, or more than one kind of clipping.
    """

    def __init__(
        self,
        learning_rate: object = 0.001,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **unknown: object,
    ) -> None:
        refuse(type(self).__name__, unknown)
        check_clipping(clipnorm=clipnorm, clipvalue=clipvalue, global_clipnorm=global_clipnorm)
        check_averaging(ema_momentum, ema_overwrite_frequency)
        check_accumulation(gradient_accumulation_steps)
        self.name = unique_name(type(self).__name__) if name is None else name
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.parameters: Tensors = []
        self.names: list[str] = []
        self.state: dict[str, Tensors] = {}
        self.state_groups: list[tuple[str, ...]] = []
        self.scalars: dict[str, float] = {}
        self._rate = as_learning_rate(learning_rate)
        self._batches = 0
        self._spared: tuple[list[Tensor], list[str]] = [], []
        self._is_decayed: list[bool] = []

    # -- the learning rate and the time --------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """That of the next step. It can be set to a number unless a schedule decides, and to another schedule."""
        return rate_at(self._rate, self._batches)

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        rate = as_learning_rate(value)
        if isinstance(self._rate, LearningRateSchedule) and not callable(rate):
            raise TypeError(
                f"The learning rate of optimizer `{self.name}` follows {self._rate!r}, so it cannot be set. Make the "
                "optimizer with a number as its `learning_rate` to set it later."
            )
        self._rate = rate

    @property
    def iterations(self) -> int:
        """The number of updates so far: of calls of :meth:`step`, over ``gradient_accumulation_steps``."""
        return self._batches // (self.gradient_accumulation_steps or 1)

    # -- parameters and state ------------------------------------------------------------------------------------

    @property
    def built(self) -> bool:
        """Whether there are parameters to move."""
        return bool(self.parameters)

    def build(self, parameters: Iterable[Tensor | tuple[str, Tensor]]) -> None:
        """Bind the optimizer to ``parameters``; a second time with the same ones changes nothing.

        Args:
            parameters: those to train, in Keras' order, or pairs of a name and a parameter. Parameters that share a
                name are parts of one weight of Keras', which ``clipnorm`` sees as a whole.

        Raises:
            ValueError: when it is bound to others already, or there are none.
        """
        pairs = [entry if isinstance(entry, tuple) else (str(index), entry) for index, entry in enumerate(parameters)]
        if self.built:
            if [id(parameter) for _, parameter in pairs] != [id(parameter) for parameter in self.parameters]:
                raise ValueError(
                    f"Optimizer `{self.name}` trains other parameters already: make a new one for these, such as "
                    f"{type(self).__name__}.from_config(optimizer.get_config())."
                )
            return
        if not pairs:
            raise ValueError(f"Optimizer `{self.name}` has nothing to train: expected parameters, got none.")
        self.names, self.parameters = [name for name, _ in pairs], [parameter for _, parameter in pairs]
        self._is_decayed = [self._decays(name, parameter) for name, parameter in pairs]
        if self.use_ema:
            self.add_state(average=0.0)
        if self.gradient_accumulation_steps:
            self.add_state(gradient_accumulator=0.0)
        self.create_state()

    def create_state(self) -> None:
        """Make the tensors that the rule keeps from step to step, by :meth:`add_state`."""

    def add_state(self, **initial_values: float) -> None:
        """Keep a tensor of each name for each parameter, of its shape and type, full of the value given.

        What is added by one call stands together in Keras' files: all of the first weight, then all of the second.
        """
        self.state_groups.append(tuple(initial_values))
        for name, value in initial_values.items():
            self.state[name] = [torch.full_like(one, value, requires_grad=False) for one in self.parameters]

    def exclude_from_weight_decay(
        self, var_list: Iterable[Tensor] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Spare parameters from weight decay.

        Args:
            var_list: the parameters.
            var_names: regular expressions, such as "bias"; a parameter in whose name one is found is spared.

        Raises:
            ValueError: when the optimizer is built already.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` comes too late: call it before the optimizer is built.")
        self._spared = list(var_list or ()), list(var_names or ())

    def _decays(self, name: str, parameter: Tensor) -> bool:
        parameters, patterns = self._spared
        spared = any(parameter is one for one in parameters) or any(re.search(pattern, name) for pattern in patterns)
        return self.weight_decay is not None and not spared

    # -- a step --------------------------------------------------------------------------------------------------

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def scale_loss(self, loss: Loss) -> Loss:
        """The loss times ``loss_scale_factor``: what ``backward`` is called on."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter by its ``grad``; those without one stay, with a warning.

        Raises:
            ValueError: when the optimizer is not built, or no parameter has a gradient.
        """
        chosen = self._with_gradient()
        gradients = [cast(Tensor, self.parameters[index].grad) for index in chosen]
        if self.loss_scale_factor is not None:
            gradients = [with_values(one, values(one) / self.loss_scale_factor) for one in gradients]
        if self.gradient_accumulation_steps:
            self._accumulate(chosen, gradients, self.gradient_accumulation_steps)
        else:
            self._update(chosen, gradients)
        if self.use_ema:
            self._average()
        self._batches += 1

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

    def finalize_variable_values(self) -> None:
        """With ``use_ema`` the parameters become their averages, as at the end of ``fit`` in Keras."""
        if self.use_ema:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, self.state["average"])

    def _with_gradient(self) -> list[int]:
        """The indices of the parameters that have one."""
        if not self.built:
            raise ValueError(f"Optimizer `{self.name}` is not built: call `build(parameters)` before `step()`.")
        chosen = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        if not chosen:
            raise ValueError("No parameter has a gradient: call `backward()` on the loss before `step()`.")
        if len(chosen) < len(self.parameters):
            missing = ", ".join(name for index, name in enumerate(self.names) if index not in chosen)
            warnings.warn(f"Gradients do not exist for {missing}. Does the loss depend on them?", stacklevel=4)
        return chosen

    def _accumulate(self, chosen: list[int], gradients: Tensors, steps: int) -> None:
        sums = [self.state["gradient_accumulator"][index] for index in chosen]
        torch._foreach_add_(sums, densify(gradients))
        if (self._batches + 1) % steps == 0:
            self._update(chosen, list(torch._foreach_div(sums, steps)))
            torch._foreach_zero_(self.state["gradient_accumulator"])

    def _update(self, chosen: list[int], gradients: Tensors) -> None:
        rate = self.learning_rate
        gradients = self._clip(chosen, gradients)
        self._decay(chosen, rate)
        self.begin_update()
        for is_sparse in (False, True):
            some = [place for place, gradient in enumerate(gradients) if gradient.is_sparse is is_sparse]
            if some:
                indices = [chosen[place] for place in some]
                parameters = [self.parameters[index] for index in indices]
                state = {name: [tensors[index] for index in indices] for name, tensors in self.state.items()}
                self.update_step(parameters, [gradients[place] for place in some], state, rate)

    def _clip(self, chosen: list[int], gradients: Tensors) -> Tensors:
        if self.clipnorm:
            return clip_by_norm(gradients, self.clipnorm, [self.names[index] for index in chosen])
        if self.global_clipnorm:
            return clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue:
            return clip_by_value(gradients, self.clipvalue)
        return gradients

    def _decay(self, chosen: list[int], rate: float) -> None:
        decayed = [self.parameters[index] for index in chosen if self._is_decayed[index]]
        if decayed and self.weight_decay is not None:
            # TensorFlow makes a float32 of the decay, whatever the type of the weights.
            torch._foreach_add_(decayed, torch._foreach_mul(decayed, to_single(self.weight_decay)), alpha=-rate)

    def _average(self) -> None:
        averages = self.state["average"]
        torch._foreach_lerp_(averages, self.parameters, 1 - self.ema_momentum if self.iterations else 1.0)
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            torch._foreach_copy_(self.parameters, averages)

    # -- configuration and state ---------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The constructor's arguments, in a form that JSON holds and that Keras 3 accepts."""
        config = {name: getattr(self, name) for name in self._arguments() if name != "learning_rate"}
        return {**config, "learning_rate": schedules.serialize(self._rate) if callable(self._rate) else self._rate}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The optimizer that :meth:`get_config` described, without its state.

        Raises:
            ValueError: for a key that is no argument of the constructor, or a value that the constructor refuses.
        """
        arguments = dict(config)
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = schedules.deserialize(arguments["learning_rate"], custom_objects)
        return cls(**arguments)

    @classmethod
    def _arguments(cls) -> list[str]:
        """The names of the constructor's arguments, those that all optimizers share among them."""
        parameters = itertools.chain(*(inspect.signature(one).parameters.values() for one in (cls, Optimizer)))
        return list(dict.fromkeys(one.name for one in parameters if one.kind is not one.VAR_KEYWORD))

    def state_dict(self) -> dict[str, Any]:
        """The number of batches, the learning rate unless a schedule decides, and the state: tensors and numbers."""
        rate = {} if callable(self._rate) else {"learning_rate": self._rate}
        state = {name: list(tensors) for name, tensors in self.state.items()}
        return {"batches": self._batches, **rate, "state": state, "scalars": dict(self.scalars)}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the state of an optimizer of the same class, built with parameters of the same shapes.

        Raises:
            ValueError: when the optimizer is not built, or the state is that of another.
        """
        if not self.built:
            raise ValueError(f"Optimizer `{self.name}` is not built: call `build(parameters)` before loading a state.")
        expected, given = _shapes(self.state), _shapes(state_dict["state"])
        if expected != given or self.scalars.keys() != state_dict["scalars"].keys():
            raise ValueError(f"The state does not fit optimizer `{self.name}`: expected {expected}, got {given}.")
        for name, tensors in self.state.items():
            for mine, saved in zip(tensors, state_dict["state"][name], strict=True):
                mine.copy_(saved)
        self.scalars = dict(state_dict["scalars"])
        self._batches = state_dict["batches"]
        if "learning_rate" in state_dict:
            self.learning_rate = state_dict["learning_rate"]


def _shapes(state: State) -> dict[str, list[tuple[int, ...]]]:
    return {name: [tuple(tensor.shape) for tensor in tensors] for name, tensors in state.items()}
