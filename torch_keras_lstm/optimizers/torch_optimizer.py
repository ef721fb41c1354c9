"""An optimizer of torch's with the face of those of Keras."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import torch
from torch import Tensor

from torch_keras_lstm.optimizers.trained_weight import as_weights
from torch_keras_lstm.registry import Config


class TorchOptimizer:
    """What trains a model when a ``torch.optim.Optimizer`` is passed to ``compile``.

    Args:
        source: the optimizer, made with parameters already, or its class or a ``functools.partial`` of it, which gets
            them at :meth:`build`.

    Example:
        >>> model = Sequential([Input((3,)), layers.Dense(1)])
        >>> model.compile(torch.optim.NAdam, "mse")  # a class, made with the model's parameters
        >>> type(model.optimizer).__name__
        'TorchOptimizer'
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self.optimizer: torch.optim.Optimizer | None = source if isinstance(source, torch.optim.Optimizer) else None
        self.iterations = 0

    @property
    def name(self) -> str:
        """The class of torch's optimizer."""
        source = self.optimizer if self.optimizer is not None else getattr(self._source, "func", self._source)
        return source.__name__ if isinstance(source, type) else type(source).__name__

    @property
    def built(self) -> bool:
        """Whether torch's optimizer exists."""
        return self.optimizer is not None

    def build(self, parameters: Iterable[Any]) -> None:
        """Make torch's optimizer for ``parameters``, if it is not made yet.

        Raises:
            ValueError: when it is made and trains none of them.
        """
        tensors = [parameter for weight in as_weights(parameters) for parameter in weight.parameters]
        if self.optimizer is None:
            self.optimizer = cast(Callable[..., torch.optim.Optimizer], self._source)(tensors)
        elif not {id(tensor) for tensor in tensors} & {id(tensor) for tensor in self.parameters}:
            raise ValueError(
                f"The {self.name} was made with other parameters than this model's: pass `model.parameters()` of the "
                f"built model, or the class, or `functools.partial(torch.optim.{self.name}, lr=...)`."
            )

    @property
    def parameters(self) -> list[Tensor]:
        """Those that torch's optimizer trains."""
        return [tensor for group in self._built().param_groups for tensor in group["params"]]

    @property
    def learning_rate(self) -> float:
        """That of the first group; setting it sets that of all groups."""
        return float(self._built().param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        for group in self._built().param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(value)
            else:
                group["lr"] = float(value)

    @property
    def rate(self) -> float:
        """The learning rate."""
        return self.learning_rate

    def zero_grad(self) -> None:
        """Forget the gradients."""
        self._built().zero_grad()

    def scale_loss(self, loss: Tensor) -> Tensor:
        """The loss as it is."""
        return loss

    def step(self) -> None:
        """Let torch's optimizer make a step."""
        self._built().step()
        self.iterations += 1

    def finalize_variable_values(self) -> None:
        """Nothing: torch's optimizers keep no averages."""

    def get_config(self) -> Config:
        """The learning rate, for a summary: no configuration makes an optimizer of torch's."""
        return {"name": self.name, "learning_rate": self.learning_rate}

    def state_dict(self) -> dict[str, Any]:
        """The number of steps and torch's own ``state_dict``."""
        return {"batches": self.iterations, "optimizer": self._built().state_dict()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take a state that :meth:`state_dict` gave."""
        self._built().load_state_dict(state_dict["optimizer"])
        self.iterations = state_dict["batches"]

    def _built(self) -> torch.optim.Optimizer:
        if self.optimizer is None:
            raise ValueError(f"torch's {self.name} is not made yet: call `build(parameters)` first.")
        return self.optimizer
