"""Several optimizers for one model, each for some of its weights."""

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Self

from torch import Tensor

from torch_keras_lstm.optimizers.known_optimizers import deserialize, serialize
from torch_keras_lstm.optimizers.loss_scale_optimizer import LossScaleOptimizer
from torch_keras_lstm.optimizers.optimizer import Optimizer
from torch_keras_lstm.registry import Config
from torch_keras_lstm.state_variable import StateVariable


class OptimizerMap(MutableMapping[str, Optimizer]):
    """An optimizer for each weight, by its path: that of the pattern which matches the whole path, or the default.

    Args:
        default_optimizer: for weights whose path nothing matches.
        optimizer_map: optimizers by regular expression.

    Raises:
        TypeError: for a default that is no optimizer, or a map that is no dictionary.

    Example:
        >>> by_path = OptimizerMap(Adam(), {".*embeddings": SGD()})
        >>> type(by_path[".*embeddings"]).__name__, type(by_path.default_optimizer).__name__
        ('SGD', 'Adam')
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None) -> None:
        if not isinstance(default_optimizer, Optimizer):
            raise TypeError(f"`default_optimizer` must be an optimizer, got {default_optimizer!r:.200}.")
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            raise TypeError(f"`optimizer_map` must be a dictionary of optimizers, got {optimizer_map!r:.200}.")
        self._default = default_optimizer
        self._by_pattern = optimizer_map or {}

    @property
    def default_optimizer(self) -> Optimizer:
        """That of weights whose path nothing matches."""
        return self._default

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._by_pattern:
            return self._by_pattern[key]
        matching = [pattern for pattern in self._by_pattern if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Several patterns match the weight `{key}`: {', '.join(matching)}.")
        return self._by_pattern[matching[0]] if matching else self._default

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if key in self._by_pattern:
            raise ValueError(f"There is an optimizer for {key!r} already: {self._by_pattern[key]!r}.")
        if not isinstance(key, str):
            raise ValueError(f"The key of an optimizer must be a pattern of paths, got {key!r:.200}.")
        _check(optimizer)
        self._by_pattern[key] = optimizer

    def __delitem__(self, key: str) -> None:
        del self._by_pattern[key]

    def __len__(self) -> int:
        return len(self._by_pattern)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_pattern)

    def __call__(self, variable: Any) -> Optimizer:
        """The optimizer of a weight."""
        return self[variable.path]

    def get_config(self) -> Config:
        """The optimizers by their configurations."""
        by_pattern = {pattern: serialize(optimizer) for pattern, optimizer in self._by_pattern.items()}
        return {"default_optimizer": serialize(self._default), "optimizer_map": by_pattern}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The map that :meth:`get_config` described.

        Raises:
            ValueError: for a name that Keras does not know, or a configuration that does not fit its optimizer.
        """
        by_pattern = {name: deserialize(one, custom_objects) for name, one in config["optimizer_map"].items()}
        return cls(deserialize(config["default_optimizer"], custom_objects), by_pattern)


class MultiOptimizer(Optimizer):
    """Moves each weight by the optimizer that a map, or a function of the weight, names for it.

    Args:
        optimizer_map: an :class:`OptimizerMap`, or a function of a weight.
        loss_scale_factor: given to all optimizers.
        name: by default the class in snake case, numbered.

    Example:
        >>> model = Sequential([Input((4,), dtype="int32"), layers.Embedding(10, 3), layers.LSTM(2)])
        >>> model.compile(MultiOptimizer(OptimizerMap(Adam(), {".*embeddings": SGD()})), "mse")
        >>> history = model.fit(np.ones((8, 4)), np.zeros((8, 2)), epochs=2, verbose=0)
        >>> history.history["loss"][1] < history.history["loss"][0]
        True
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._take(optimizer)

    def _take(self, optimizer: Optimizer) -> None:
        if not any(optimizer is one for one in self.optimizers):
            optimizer.loss_scale_factor = self.loss_scale_factor
            self.optimizers.append(optimizer)

    def create_state(self) -> None:
        """Build each optimizer with its weights."""
        chosen = [self.optimizer_map(weight) for weight in self.weights]
        for optimizer in chosen:
            _check(optimizer)
            self._take(optimizer)
        self._places: list[list[int]] = []
        for optimizer in self.optimizers:
            own = [index for index, one in enumerate(chosen) if one is optimizer]
            if own:
                optimizer.build([self.weights[index] for index in own])
            members = set(own)
            self._places.append([place for place, index in enumerate(self._weight_indices) if index in members])

    @property
    def variables(self) -> list[StateVariable]:
        """Its own, then those of each optimizer."""
        return [*super().variables, *(variable for optimizer in self.optimizers for variable in optimizer.variables)]

    @property
    def learning_rate(self) -> Tensor:
        """There is none.

        Raises:
            AttributeError: in any case.
        """
        raise AttributeError("A MultiOptimizer has no learning rate: those of its `optimizers` have.")

    @learning_rate.setter
    def learning_rate(self, value: object) -> None:
        raise AttributeError("A MultiOptimizer has no learning rate to set: those of its `optimizers` have.")

    def apply_to_parameters(self, given: Sequence[Tensor | None]) -> None:
        """Let each optimizer make a step with the gradients of its weights."""
        self._check_built("step()")
        for optimizer, places in zip(self.optimizers, self._places, strict=True):
            if places:
                optimizer.apply_to_parameters([given[place] for place in places])
        self._count_batch()

    def finalize_variable_values(self, var_list: Any = None) -> None:
        """As of each optimizer."""
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values()

    def get_config(self) -> Config:
        """The constructor's arguments.

        Raises:
            ValueError: when the map is a function, of which no file can tell.
        """
        if not isinstance(self.optimizer_map, OptimizerMap):
            raise ValueError(f"`{self.name}` chooses its optimizers by a function, which no configuration can hold.")
        entry = {
            "module": "keras.optimizers",
            "class_name": "OptimizerMap",
            "config": self.optimizer_map.get_config(),
            "registered_name": None,
        }
        return {"optimizer_map": entry, "loss_scale_factor": self.loss_scale_factor, "name": self.name}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """The optimizer that :meth:`get_config` described, without its state; errors as :class:`OptimizerMap`."""
        entry = config.get("optimizer_map")
        told = entry.get("config") if isinstance(entry, Mapping) else None
        if not isinstance(told, Mapping):
            raise ValueError(f"`optimizer_map` of a MultiOptimizer must be a configuration, got {entry!r:.200}.")
        made = OptimizerMap.from_config(told, custom_objects)
        return cls(**{**config, "optimizer_map": made})

    def state_dict(self) -> dict[str, Any]:
        """The state, and that of each optimizer."""
        inner = [optimizer.state_dict() if optimizer.built else None for optimizer in self.optimizers]
        return {**super().state_dict(), "inner": inner}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take a state that :meth:`state_dict` gave; errors as of :meth:`Optimizer.load_state_dict`."""
        super().load_state_dict({name: value for name, value in state_dict.items() if name != "learning_rate"})
        for optimizer, saved in zip(self.optimizers, state_dict["inner"], strict=True):
            if saved is not None:
                optimizer.load_state_dict(saved)


def _check(optimizer: object) -> None:
    """Raise a ``ValueError`` unless ``optimizer`` may be one of several."""
    if not isinstance(optimizer, Optimizer):
        raise ValueError(
            f"An optimizer of a weight must be one of torch_keras_lstm.optimizers, got {optimizer!r:.200}."
        )
    if isinstance(optimizer, LossScaleOptimizer | MultiOptimizer):
        raise ValueError(f"A {type(optimizer).__name__} cannot be one of several optimizers.")
