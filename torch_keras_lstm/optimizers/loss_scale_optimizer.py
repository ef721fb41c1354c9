"""Losses in half precision, scaled as far up as the gradients bear."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from torch_keras_lstm.optimizers.gradients import values, with_values
from torch_keras_lstm.optimizers.known_optimizers import deserialize, serialize
from torch_keras_lstm.optimizers.optimizer import Loss, Optimizer
from torch_keras_lstm.registry import Config
from torch_keras_lstm.state_variable import StateVariable

# what Keras wrote of every optimizer beside, and what the inner one now has
_OF_THE_INNER: Mapping[str, object] = {
    "weight_decay": None,
    "clipnorm": None,
    "global_clipnorm": None,
    "clipvalue": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
}


class LossScaleOptimizer(Optimizer):
    """Another optimizer whose loss is multiplied by a scale that finds itself.

    A step whose gradients are not all finite is left out and halves the scale; so many steps that are, one after the
    other, double it.

    Args:
        inner_optimizer: what moves the weights, by gradients that are divided by the scale again.
        initial_scale: the first scale.
        dynamic_growth_steps: after so many steps the scale is doubled.
        name: by default the class in snake case, numbered.
        inner: what Keras wrote into files of the inner optimizer, with the values that say nothing.

    Raises:
        ValueError: for an argument that belongs to the inner optimizer, or that there is not.

    Example:
        >>> weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        >>> optimizer = LossScaleOptimizer(SGD(0.1), initial_scale=8.0)
        >>> optimizer.build([weight])
        >>> optimizer.scale_loss(weight.sum()).backward()
        >>> optimizer.step()
        >>> weight.detach()
        tensor([0.9000, 1.9000])
    """

    def __init__(
        self,
        inner_optimizer: Optimizer,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
        **inner: object,
    ) -> None:
        if not inner.pop("dynamic", True):
            raise ValueError(
                "LossScaleOptimizer has no `dynamic=False`: give the inner optimizer a `loss_scale_factor` instead."
            )
        for argument, default in _OF_THE_INNER.items():
            if inner.pop(argument, default) != default:
                raise ValueError(f"LossScaleOptimizer takes no `{argument}`: give it to the inner optimizer.")
        if inner:
            raise ValueError(f"LossScaleOptimizer has no argument {', '.join(f'`{one}`' for one in sorted(inner))}.")
        super().__init__(learning_rate=0.0, name=name)
        self.inner_optimizer = inner_optimizer
        self.initial_scale = initial_scale
        self.dynamic_growth_steps = dynamic_growth_steps
        self.inner_optimizer.loss_scale_factor = None

    def create_state(self) -> None:
        """The steps since the scale was changed, and the scale."""
        self.step_counter = self.add_variable((), dtype="int64", name="step_counter")
        self.dynamic_scale = self.add_variable((), "ones", dtype="float32", name="dynamic_scale")
        self.dynamic_scale.assign(self.initial_scale)
        self.inner_optimizer.build(self.weights)

    @property
    def variables(self) -> list[StateVariable]:
        """Its own, then those of the inner optimizer."""
        return [*super().variables, *self.inner_optimizer.variables]

    @property
    def rate(self) -> float:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.rate

    @property
    def learning_rate(self) -> Tensor:
        """The learning rate of the inner optimizer."""
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Tensor:
        """The number of updates of the inner optimizer."""
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Loss) -> Loss:
        """The loss times the scale."""
        scale = self.dynamic_scale if self.built else self.initial_scale
        return loss * scale  # type: ignore[return-value]  # a number times a tensor is a tensor

    def apply_to_parameters(self, given: Sequence[Tensor | None]) -> None:
        """Let the inner optimizer make a step, unless a gradient is not finite."""
        self._check_built("step()")
        gradients = [values(gradient) for gradient in given if gradient is not None]
        with torch.no_grad():
            if not all(bool(gradient.isfinite().all()) for gradient in gradients):
                self.step_counter.zero_()
                self.dynamic_scale.mul_(0.5)
                return
            scale = self.dynamic_scale.detach()
            unscaled = [None if one is None else with_values(one, values(one) / scale.to(one.dtype)) for one in given]
            self.inner_optimizer.apply_to_parameters(unscaled)
            if int(self.step_counter) == self.dynamic_growth_steps - 1:
                self.step_counter.zero_()
                self.dynamic_scale.mul_(2.0)
            else:
                self.step_counter.add_(1)

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """As of the inner optimizer."""
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> Config:
        """The constructor's arguments, the inner optimizer by its configuration."""
        return {
            "name": self.name,
            "inner_optimizer": serialize(self.inner_optimizer),
            "initial_scale": self.initial_scale,
            "dynamic_growth_steps": self.dynamic_growth_steps,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The optimizer that :meth:`get_config` described, without its state; errors as the constructor."""
        arguments = dict(config)
        inner = arguments.pop("inner_optimizer", None)
        if not isinstance(inner, str | Mapping):
            raise ValueError(f"`inner_optimizer` of a LossScaleOptimizer must be a configuration, got {inner!r:.200}.")
        arguments.pop("learning_rate", None)  # Keras 3.0 wrote that of the inner one beside
        return cls(deserialize(inner, custom_objects), **arguments)

    def state_dict(self) -> dict[str, Any]:
        """The state, and that of the inner optimizer."""
        return {**super().state_dict(), "inner": self.inner_optimizer.state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take a state that :meth:`state_dict` gave; errors as of :meth:`Optimizer.load_state_dict`."""
        own = {name: value for name, value in state_dict.items() if name != "learning_rate"}
        super().load_state_dict(own)
        self.inner_optimizer.load_state_dict(state_dict["inner"])
