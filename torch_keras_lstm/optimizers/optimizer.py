"""The base of every optimizer: what ``keras.optimizers.Optimizer`` does around the rule by which a weight moves."""

import inspect
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self, TypeVar

import torch
from torch import Tensor

from torch_keras_lstm.array_arguments import as_tensor
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.optimizers import schedules
from torch_keras_lstm.optimizers.learning_rate import as_learning_rate
from torch_keras_lstm.optimizers.optimizer_arguments import check_accumulation, check_averaging, check_clipping, refuse
from torch_keras_lstm.optimizers.optimizer_step import Step, Tensors
from torch_keras_lstm.optimizers.schedules import LearningRateSchedule
from torch_keras_lstm.optimizers.trained_weight import TrainedWeight, as_weights
from torch_keras_lstm.registry import Config
from torch_keras_lstm.state_variable import StateVariable

Loss = TypeVar("Loss", float, Tensor)


class Optimizer(Step):
    """Moves parameters against their gradients; to be derived from.

    It is made without parameters and gets them by :meth:`build`, since the model that it trains may not have them yet.
    From then on ``zero_grad``, ``loss.backward()`` and ``step`` follow each other as with an optimizer of torch's, or
    :meth:`apply` takes gradients as with one of Keras'.

    A subclass is written in one of two ways. For all parameters at once it makes its state in :meth:`create_state` and
    moves them in :meth:`update_step`. As in Keras it makes variables in ``build(self, variables)``, after
    ``super().build(variables)``, and moves one weight after the other in ``update_step(self, gradient, variable,
    learning_rate)``, by ``self.assign``, ``self.assign_add`` and ``self.assign_sub``.

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

    Example:
        >>> class Signs(Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * torch.sign(gradient))
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> Signs(learning_rate=0.5).apply([torch.tensor([0.1, -3.0])], [weight])
        >>> weight.detach()
        tensor([0.5000, 2.5000])
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
        self.weights: list[TrainedWeight] = []
        self.kept: list[StateVariable] = []
        self._rate = as_learning_rate(learning_rate)
        self._batches = 0
        self._spared: tuple[list[Tensor], list[str]] = [], []
        self._decay_rates: list[float | None] = []
        self._indices: dict[int, int] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        arguments = [*inspect.signature(cls.update_step).parameters]
        cls.by_weight = len(arguments) == len(("self", "gradient", "variable", "learning_rate"))

    # -- the learning rate and the time --------------------------------------------------------------------------

    @property
    def learning_rate(self) -> Tensor:
        """That of the next step: a variable, or a tensor where a schedule or a function decides.

        It can be set to a number unless a schedule decides, and to another schedule.
        """
        if callable(self._rate):
            return torch.tensor(self.rate, dtype=torch.get_default_dtype())
        return self._rate_as_variable()

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        rate = as_learning_rate(value)
        if isinstance(self._rate, LearningRateSchedule) and not callable(rate):
            raise TypeError(
                f"The learning rate of optimizer `{self.name}` follows {self._rate!r}, so it cannot be set. Make the "
                "optimizer with a number as its `learning_rate` to set it later."
            )
        self._rate = rate
        if self._rate_variable is not None and not callable(rate):
            self._rate_variable.copy_(torch.tensor(rate))

    # -- parameters and state ------------------------------------------------------------------------------------

    def build(self, variables: Iterable[Any]) -> None:
        """Bind the optimizer to parameters; a second time with the same ones changes nothing.

        Args:
            variables: those to train, in Keras' order: parameters, pairs of a name and a parameter, or variables of a
                model. Parameters that share a name are parts of one weight of Keras', which ``clipnorm`` sees as a
                whole.

        Raises:
            ValueError: when it is bound to others already, or there are none.
        """
        given = [*variables]
        weights = as_weights(given)
        pairs = [(weight.name, parameter) for weight in weights for parameter in weight.parameters]
        if self.built:
            if [id(parameter) for _, parameter in pairs] != [id(parameter) for parameter in self.parameters]:
                raise ValueError(
                    f"Optimizer `{self.name}` trains other parameters already: make a new one for these, such as "
                    f"{type(self).__name__}.from_config(optimizer.get_config())."
                )
            return
        if not pairs:
            raise ValueError(f"Optimizer `{self.name}` has nothing to train: expected parameters, got none.")
        self.weights = weights
        self._indices = {id(one): index for index, one in enumerate(weights)}
        if len(given) == len(weights):
            self._indices |= {id(one): index for index, one in enumerate(given) if not isinstance(one, tuple)}
        self._given = given  # whose ids are kept
        self.names, self.parameters = [name for name, _ in pairs], [parameter for _, parameter in pairs]
        self._weight_indices = [index for index, weight in enumerate(weights) for _ in weight.parameters]
        self._decay_rates = [
            self.decay_of(weight) if self._decays(weight.name, parameter) else None
            for weight in weights
            for parameter in weight.parameters
        ]
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
        return not spared

    def decay_of(self, weight: TrainedWeight) -> float | None:
        """The share of itself that a weight loses before each step, times the learning rate."""
        return self.weight_decay

    # -- a step --------------------------------------------------------------------------------------------------

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def scale_loss(self, loss: Loss) -> Loss:
        """The loss times ``loss_scale_factor``: what ``backward`` is called on."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def step(self) -> None:
        """Move every parameter by its ``grad``; those without one stay, with a warning.

        Raises:
            ValueError: when the optimizer is not built, or no parameter has a gradient.
        """
        self.apply_to_parameters([parameter.grad for parameter in self.parameters])

    def apply(self, grads: Iterable[Any], trainable_variables: Iterable[Any] | None = None) -> None:
        """Move the weights by gradients, as Keras does; then those with a constraint are put within it.

        Args:
            grads: one for each weight, in Keras' layout; ``None`` leaves it where it is, with a warning.
            trainable_variables: the weights, some or all of those that it is built with; it is built with them if it
                is not yet. By default all.

        Raises:
            ValueError: when it is not built and there are no weights, when there are more or fewer gradients than
                weights, when it was not built with one of them, or when there is no gradient at all.
        """
        gradients = [*grads]
        if not gradients:
            return
        variables = None if trainable_variables is None else [*trainable_variables]
        weights = self._weights_of(variables)
        if len(weights) != len(gradients):
            raise ValueError(f"There are {len(gradients)} gradients for the {len(weights)} weights to be trained.")
        by_parameter: dict[int, Tensor] = {}
        for weight, gradient in zip(weights, gradients, strict=True):
            if gradient is not None:
                parts = [gradient] if len(weight.parameters) == 1 and _is_sparse(gradient) else _split(weight, gradient)
                by_parameter |= {id(one): part for one, part in zip(weight.parameters, parts, strict=True)}
        self.apply_to_parameters([by_parameter.get(id(parameter)) for parameter in self.parameters])
        with torch.no_grad():
            for variable in variables or self._given:
                constraint = getattr(variable, "constraint", None)
                if constraint is not None:
                    variable.assign(constraint(variable.value))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]], name: str | None = None) -> Tensor:
        """:meth:`apply` with pairs of a gradient and a weight.

        Returns:
            The number of batches so far.
        """
        pairs = [*grads_and_vars]
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self._iteration()

    def stateless_apply(
        self, optimizer_variables: Sequence[Any], grads: Sequence[Any], trainable_variables: Sequence[Any]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """What the weights and :attr:`variables` become by a step from the values given; they themselves stay.

        Raises:
            ValueError: when the optimizer is not built, or the values are more or fewer than there are.
        """
        self._check_built("stateless_apply(...)")
        kept, weights = self.variables, [weight.value for weight in self.weights]
        if len(optimizer_variables) != len(kept) or len(trainable_variables) != len(weights):
            raise ValueError(
                f"Optimizer `{self.name}` keeps {len(kept)} variables of {len(weights)} weights, got "
                f"{len(optimizer_variables)} and {len(trainable_variables)} values."
            )
        before = [variable.numpy() for variable in kept], [weight.clone() for weight in weights]
        self._put(optimizer_variables, trainable_variables)
        try:
            self.apply(grads)
            return [weight.value.clone() for weight in self.weights], [one.detach().clone() for one in self.variables]
        finally:
            self._put(*before)

    def _put(self, kept: Sequence[Any], weights: Sequence[Any]) -> None:
        for variable, value in zip(self.variables, kept, strict=True):
            variable.assign(value)
        for weight, value in zip(self.weights, weights, strict=True):
            weight.assign(as_tensor(value))

    def _weights_of(self, variables: Sequence[Any] | None) -> list[TrainedWeight]:
        if variables is None:
            self._check_built("apply(grads)")
            return self.weights
        if not self.built:
            self.build(variables)
        return [self.weights[self._get_variable_index(variable)] for variable in variables]

    def _get_variable_index(self, variable: Any) -> int:
        """The place, among those that the optimizer was built with, of a weight."""
        index = getattr(variable, "_trained_index", self._indices.get(id(variable)))
        if index is None:  # the parameter, or another view of it
            held = tuple(map(id, getattr(variable, "parameters", (variable,))))
            places = (place for place, one in enumerate(self.weights) if tuple(map(id, one.parameters)) == held)
            index = next(places, None)
        if index is None:
            raise ValueError(
                f"Optimizer `{self.name}` was not built with {getattr(variable, 'name', None) or variable!r}: make a "
                "new one for other weights."
            )
        return int(index)

    # -- configuration and state ---------------------------------------------------------------------------------

    def get_config(self) -> Config:
        """The constructor's arguments, in a form that JSON holds and that Keras 3 accepts."""
        # a class of a user's own may keep an argument under another name, and tells of it by itself
        names = [name for name in self._arguments() if name != "learning_rate" and hasattr(self, name)]
        config = {name: getattr(self, name) for name in names}
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
        kept = {"kept": [variable.detach() for variable in self.kept]} if self.kept else {}
        return {"batches": self._batches, **rate, "state": state, "scalars": dict(self.scalars), **kept}

    @torch.no_grad()
    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take the state of an optimizer of the same class, built with parameters of the same shapes.

        Raises:
            ValueError: when the optimizer is not built, or the state is that of another.
        """
        if not self.built:
            raise ValueError(f"Optimizer `{self.name}` is not built: call `build(parameters)` before loading a state.")
        expected = _shapes({**self.state, "kept": self.kept})
        given = _shapes({**state_dict["state"], "kept": state_dict.get("kept", [])})
        if expected != given or self.scalars.keys() != state_dict["scalars"].keys():
            raise ValueError(f"The state does not fit optimizer `{self.name}`: expected {expected}, got {given}.")
        for name, tensors in self.state.items():
            for mine, saved in zip(tensors, state_dict["state"][name], strict=True):
                mine.copy_(saved)
        for variable, saved in zip(self.kept, state_dict.get("kept", []), strict=True):
            variable.assign(saved)
        self.scalars = dict(state_dict["scalars"])
        self._iteration().assign(state_dict["batches"])
        if "learning_rate" in state_dict:
            self.learning_rate = state_dict["learning_rate"]


def _is_sparse(gradient: Any) -> bool:
    return isinstance(gradient, Tensor) and gradient.is_sparse


def _split(weight: TrainedWeight, gradient: Any) -> list[Tensor]:
    """A gradient in Keras' layout as those of the parameters."""
    first = weight.parameters[0]
    return [*weight.to_torch(as_tensor(gradient, first.dtype, first.device).detach().expand(weight.shape))]


def _shapes(state: Mapping[str, Sequence[Tensor]]) -> dict[str, list[tuple[int, ...]]]:
    return {name: [tuple(tensor.shape) for tensor in tensors] for name, tensors in state.items()}
