"""The base of every optimizer: what ``keras.optimizers.Optimizer`` does around the rule by which a weight moves."""

import inspect
import itertools
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar, cast

import torch
from torch import Tensor

from torch_keras_lstm.arguments import check_number, positive_integer
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.optimizers import schedules
from torch_keras_lstm.optimizers.gradients import clip_by_global_norm, clip_by_norm, clip_by_value, densify
from torch_keras_lstm.optimizers.schedules import LearningRateSchedule
from torch_keras_lstm.registry import Config, Configured
from torch_keras_lstm.single_precision import to_single

Tensors = list[Tensor]
State = Mapping[str, Tensors]
NamedParameters = Iterable[Tensor | tuple[str, Tensor]]
Value = TypeVar("Value", float, Tensor)


class Optimizer(Configured):
    """Moves parameters against their gradients; to be derived from.

    It is made without parameters and gets them by :meth:`build`, since the model that it trains may not have them yet.
    Then ``zero_grad``, ``loss.backward()`` and ``step`` follow each other as with an optimizer of torch's.

    A subclass makes its state in :meth:`create_state` and moves the parameters in :meth:`update_step`.

    Args:
        learning_rate: a number, a :class:`~torch_keras_lstm.optimizers.schedules.LearningRateSchedule`, or a callable
            of the number of batches seen so far, or of nothing.
        weight_decay: before each step every parameter loses this share of itself, times the learning rate.
        clipnorm: the gradient of each of Keras' weights is scaled down to this norm.
        clipvalue: gradients are cut off at this absolute value.
        global_clipnorm: all gradients together are scaled down to this norm. Only one of the three may be given.
        use_ema: keep an exponential moving average of every parameter.
        ema_momentum: the share of the old average in the new one.
        ema_overwrite_frequency: every so many iterations the parameters become their averages; ``None`` leaves that to
            :meth:`finalize_variable_values`.
        loss_scale_factor: :meth:`scale_loss` multiplies by it, :meth:`step` divides the gradients by it.
        gradient_accumulation_steps: so many calls of :meth:`step` make one update, with the mean of their gradients.
        name: as in Keras; by default the class in snake case, numbered.

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
        _refuse(type(self).__name__, unknown)
        _check_clipping(clipnorm, clipvalue, global_clipnorm)
        _check_averaging(ema_momentum, ema_overwrite_frequency)
        if gradient_accumulation_steps and gradient_accumulation_steps < 2:
            raise ValueError(
                "`gradient_accumulation_steps` must be an integer of at least 2, or None, "
                f"got {gradient_accumulation_steps!r}."
            )
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
        self._rate = _as_rate(learning_rate)
        self._batches = 0
        self._undecayed_names: re.Pattern[str] | None = None
        self._undecayed: set[int] = set()
        self.built = False
        self.parameters: Tensors = []
        self.names: list[str] = []
        self.state: dict[str, Tensors] = {}
        self.state_groups: list[tuple[str, ...]] = []

    # -- the learning rate and the time --------------------------------------------------------------------------

    @property
    def learning_rate(self) -> float:
        """The rate of the next step. Setting it is an error while a schedule decides."""
        if isinstance(self._rate, LearningRateSchedule):
            return float(self._rate(self._batches))
        if callable(self._rate):
            return float(self._rate(self._batches) if inspect.signature(self._rate).parameters else self._rate())
        return cast(float, self._rate)

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        rate = _as_rate(value)
        if isinstance(self._rate, LearningRateSchedule) and not callable(rate):
            raise TypeError(
                f"The learning rate of `{self.name}` follows a schedule, {self._rate!r}, and cannot be set. "
                "Make the optimizer with a number to set it later."
            )
        self._rate = rate

    @property
    def iterations(self) -> int:
        """The number of updates so far: calls of :meth:`step`, divided by ``gradient_accumulation_steps``."""
        return self._batches // (self.gradient_accumulation_steps or 1)

    # -- parameters and state ------------------------------------------------------------------------------------

    def build(self, parameters: NamedParameters) -> None:
        """Bind the optimizer to ``parameters``; a second time with the same ones changes nothing.

        Args:
            parameters: those to train, in Keras' order, or pairs of a name and a parameter. Parameters of one name
                are parts of one weight in Keras, which ``clipnorm`` sees as a whole.

        Raises:
            ValueError: when it is bound to others already, or there are none.
        """
        pairs = [entry if isinstance(entry, tuple) else (str(index), entry) for index, entry in enumerate(parameters)]
        names, tensors = [name for name, _ in pairs], [tensor for _, tensor in pairs]
        if self.built:
            if [id(tensor) for tensor in tensors] != [id(tensor) for tensor in self.parameters]:
                raise ValueError(
                    f"Optimizer `{self.name}` belongs to other parameters already: make a new one for these, for "
                    f"example by {type(self).__name__}.from_config(optimizer.get_config())."
                )
            return
        if not tensors:
            raise ValueError(f"Optimizer `{self.name}` has nothing to train: expected parameters, got none.")
        self.names, self.parameters = names, tensors
        if self.use_ema:
            self.add_state(average=0.0)
        if self.gradient_accumulation_steps:
            self.add_state(gradient_accumulator=0.0)
        self.create_state()
        self.built = True

    def create_state(self) -> None:
        """Make the tensors that the rule keeps from step to step, by :meth:`add_state`."""

    def add_state(self, **initial_values: float) -> None:
        """Keep a tensor of each name for each parameter, of its shape and type, filled with the value given.

        Names that are added together lie together in Keras' files: first all of the first weight, then the next.
        """
        for name, value in initial_values.items():
            self.state[name] = [torch.full_like(one, value, requires_grad=False) for one in self.parameters]
        self.state_groups.append(tuple(initial_values))

    def exclude_from_weight_decay(self, var_list: Iterable[Tensor] = (), var_names: Sequence[str] = ()) -> None:
        """Spare parameters from weight decay; before :meth:`build`.

        Args:
            var_list: the parameters.
            var_names: parts of names, such as "bias"; every parameter whose name holds one of them is spared.

        Raises:
            ValueError: when the optimizer is built.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` comes too late: call it before the optimizer is built.")
        self._undecayed = {id(parameter) for parameter in var_list or ()}
        self._undecayed_names = re.compile("|".join(var_names)) if var_names else None

    # -- a step --------------------------------------------------------------------------------------------------

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def scale_loss(self, loss: Value) -> Value:
        """The loss times ``loss_scale_factor``: what ``backward`` is called on."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter by its ``.grad``; those without one stay, with a warning.

        Raises:
            ValueError: when the optimizer is not built, or no parameter has a gradient.
        """
        chosen = self._with_gradients()
        parameters = [self.parameters[index] for index in chosen]
        gradients = [cast(Tensor, parameter.grad) for parameter in parameters]
        if self.loss_scale_factor is not None:
            gradients = [gradient / self.loss_scale_factor for gradient in gradients]
        state = (
            self.state
            if len(chosen) == len(self.parameters)
            else {name: [tensors[index] for index in chosen] for name, tensors in self.state.items()}
        )
        names = [self.names[index] for index in chosen]
        if self.gradient_accumulation_steps:
            self._accumulate(names, parameters, gradients, state)
        else:
            self._update(names, parameters, gradients, state)
        if self.use_ema:
            self._average()
        self._batches += 1

    def update_step(self, parameters: Tensors, gradients: Tensors, state: State, learning_rate: float) -> None:
        """Move ``parameters`` in place by this optimizer's rule.

        Args:
            parameters: some of those that the optimizer was built with.
            gradients: one for each; either all or none of them are sparse.
            state: for each name of :meth:`add_state` one tensor for each parameter.
            learning_rate: of this step.
        """
        raise NotImplementedError(f"{type(self).__name__} must define `update_step`.")

    def begin_update(self) -> None:
        """Called once before the parameters of an update are moved, for a rule that keeps something of its own."""

    def finalize_variable_values(self) -> None:
        """With ``use_ema`` the parameters become their averages, as Keras does at the end of ``fit``."""
        if self.use_ema:
            with torch.no_grad():
                torch._foreach_copy_(self.parameters, self.state["average"])

    def _with_gradients(self) -> list[int]:
        if not self.built:
            raise ValueError(f"Optimizer `{self.name}` is not built: call `build(parameters)` before `step()`.")
        chosen = [index for index, parameter in enumerate(self.parameters) if parameter.grad is not None]
        if not chosen:
            raise ValueError("No gradients provided for any variable: call `loss.backward()` before `step()`.")
        if len(chosen) < len(self.parameters):
            missing = [name for index, name in enumerate(self.names) if index not in chosen]
            warnings.warn(
                f"Gradients do not exist for variables {missing} when minimizing the loss. Does the loss depend on them?",
                stacklevel=3,
            )
        return chosen

    def _accumulate(self, names: list[str], parameters: Tensors, gradients: Tensors, state: State) -> None:
        steps = cast(int, self.gradient_accumulation_steps)
        sums = state["gradient_accumulator"]
        torch._foreach_add_(sums, densify(gradients))
        if (self._batches + 1) % steps == 0:
            self._update(names, parameters, list(torch._foreach_div(sums, steps)), state)
            torch._foreach_zero_(self.state["gradient_accumulator"])

    def _update(self, names: list[str], parameters: Tensors, gradients: Tensors, state: State) -> None:
        rate = self.learning_rate
        gradients = self._clip(names, gradients)
        self._decay(names, parameters, rate)
        self.begin_update()
        sparse = [index for index, gradient in enumerate(gradients) if gradient.is_sparse]
        if not sparse:
            self.update_step(parameters, gradients, state, rate)
            return
        dense = [index for index in range(len(gradients)) if index not in sparse]
        for chosen in filter(None, (dense, sparse)):
            of_chosen = {name: [tensors[index] for index in chosen] for name, tensors in state.items()}
            self.update_step(
                [parameters[index] for index in chosen], [gradients[index] for index in chosen], of_chosen, rate
            )

    def _clip(self, names: list[str], gradients: Tensors) -> Tensors:
        if self.clipnorm:
            return clip_by_norm(gradients, names, self.clipnorm)
        if self.global_clipnorm:
            return clip_by_global_norm(gradients, self.global_clipnorm)
        if self.clipvalue:
            return clip_by_value(gradients, self.clipvalue)
        return gradients

    def _decay(self, names: list[str], parameters: Tensors, rate: float) -> None:
        if self.weight_decay is None:
            return
        spared = self._undecayed_names
        decayed = [
            parameter
            for name, parameter in zip(names, parameters, strict=True)
            if id(parameter) not in self._undecayed and not (spared and spared.search(name))
        ]
        # TensorFlow makes a float32 of the decay, whatever the type of the weights.
        torch._foreach_add_(decayed, torch._foreach_mul(decayed, to_single(self.weight_decay)), alpha=-rate)

    def _average(self) -> None:
        averages = self.state["average"]
        momentum = self.ema_momentum if self.iterations else 0.0
        torch._foreach_mul_(averages, momentum)
        torch._foreach_add_(averages, self.parameters, alpha=1 - momentum)
        if self.ema_overwrite_frequency and (self.iterations + 1) % self.ema_overwrite_frequency == 0:
            torch._foreach_copy_(self.parameters, averages)

    # -- configuration and state ---------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The constructor's arguments, in a form that JSON holds and that Keras 3 accepts."""
        rate = schedules.serialize(self._rate) if callable(self._rate) else self._rate
        others = [name for name in self._arguments() if name != "learning_rate"]
        return {"learning_rate": rate, **{name: getattr(self, name) for name in others}}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The optimizer that :meth:`get_config` described, without state.

        Raises:
            ValueError: for a key that is no argument of the constructor, or a value that the constructor refuses.
        """
        arguments = {name: value for name, value in config.items() if name not in cls.void_keys}
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = schedules.deserialize(arguments["learning_rate"], custom_objects)
        return cls(**arguments)

    @classmethod
    def _arguments(cls) -> dict[str, None]:
        """The names of the constructor's arguments, those that all optimizers share at the end."""
        signatures = (inspect.signature(one).parameters.values() for one in (cls, Optimizer))
        return {one.name: None for one in itertools.chain(*signatures) if one.kind is not one.VAR_KEYWORD}

    def state_dict(self) -> dict[str, Any]:
        """The state: ``iterations`` (of batches), ``learning_rate`` unless a schedule decides, and the tensors."""
        state: dict[str, Any] = {"batches": self._batches, "state": {name: list(t) for name, t in self.state.items()}}
        return state if callable(self._rate) else {**state, "learning_rate": self._rate}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the state of an optimizer of the same kind, built with parameters of the same shapes.

        Raises:
            ValueError: when the optimizer is not built, or the state is that of another.
        """
        saved = state_dict["state"]
        shapes = {name: [tuple(one.shape) for one in tensors] for name, tensors in self.state.items()}
        given = {name: [tuple(one.shape) for one in tensors] for name, tensors in saved.items()}
        if not self.built or shapes != given:
            raise ValueError(
                f"The state does not fit optimizer `{self.name}`: expected tensors of shapes {shapes}, got {given}."
            )
        for name, tensors in self.state.items():
            torch._foreach_copy_(tensors, [one.to(mine.device) for one, mine in zip(saved[name], tensors, strict=True)])
        self._batches = state_dict["batches"]
        if "learning_rate" in state_dict:
            self.learning_rate = state_dict["learning_rate"]


def _as_rate(rate: object) -> float | Callable[..., Any]:
    """The learning rate as it is kept: a number, a schedule or a callable."""
    if isinstance(rate, Mapping):
        return schedules.deserialize(rate)
    if callable(rate):
        return rate
    if isinstance(rate, Tensor):
        rate = rate.item()
    check_number("learning_rate", rate)
    return float(cast(float, rate))


def _refuse(class_name: str, unknown: Mapping[str, object]) -> None:
    """Raise for arguments that no optimizer takes, with the remedy for those that Keras 2 had."""
    if "lr" in unknown:
        raise ValueError(
            f"{class_name}: `lr` is Keras 2's name of `learning_rate`; write `learning_rate={unknown['lr']}`."
        )
    if "decay" in unknown:
        raise ValueError(
            f"{class_name}: `decay` left with Keras 2. Pass `learning_rate=schedules.InverseTimeDecay(learning_rate, "
            f"decay_steps=1, decay_rate={unknown['decay']})`, the same rule, or `weight_decay=` if that was meant."
        )
    if unknown:
        raise ValueError(f"{class_name} has no argument {', '.join(f'`{name}`' for name in sorted(unknown))}.")


def _check_clipping(clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> None:
    given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        raise ValueError(f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set, got {given}.")
    for name, value in given.items():
        check_number(name, value)


def _check_averaging(momentum: float, frequency: int | None) -> None:
    check_number("ema_momentum", momentum)
    if not 0 <= momentum <= 1:
        raise ValueError(f"`ema_momentum` must be a number from 0 to 1, got {momentum!r}.")
    if frequency is not None:
        positive_integer("ema_overwrite_frequency", frequency)
