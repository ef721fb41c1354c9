"""What an optimizer keeps, as ``keras.Variable`` has it: asked by name, read as arrays, assigned to."""

import warnings
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from torch_keras_lstm import initializers
from torch_keras_lstm.array_arguments import as_tensor, dtype_of
from torch_keras_lstm.optimizers.learning_rate import LearningRate, rate_at
from torch_keras_lstm.optimizers.trained_weight import TrainedWeight
from torch_keras_lstm.registry import Configured
from torch_keras_lstm.state_variable import StateVariable


class KeptVariables(Configured):
    """The variables of an optimizer; :class:`~torch_keras_lstm.optimizers.Optimizer` makes and uses them.

    Attributes:
        weights: what is trained, one for each of Keras' weights.
        state: for each name one tensor for each parameter.
        state_groups: the names in ``state`` that were added together.
        scalars: the numbers that a rule keeps beside.
        kept: the variables that a rule keeps of whole weights, in the order in which they were made.
    """

    name: str
    weights: list[TrainedWeight]
    state: dict[str, list[Tensor]]
    state_groups: list[tuple[str, ...]]
    scalars: dict[str, float]
    kept: list[StateVariable]
    gradient_accumulation_steps: int | None
    _rate: LearningRate
    _batches: int
    _rate_variable: StateVariable | None = None
    _batches_variable: StateVariable | None = None

    @property
    def built(self) -> bool:
        """Whether there are parameters to move."""
        raise NotImplementedError

    # -- numbers -------------------------------------------------------------------------------------------------

    @property
    def rate(self) -> float:
        """The learning rate of the next step, with all its digits."""
        return rate_at(self._rate, self._batches)

    @property
    def updates(self) -> int:
        """The number of updates so far: of calls of :meth:`step`, over ``gradient_accumulation_steps``."""
        return self._batches // (self.gradient_accumulation_steps or 1)

    @property
    def iterations(self) -> Tensor:
        """:attr:`updates` as a variable, or where gradients are accumulated as a tensor."""
        return torch.tensor(self.updates) if self.gradient_accumulation_steps else self._iteration()

    def _iteration(self) -> StateVariable:
        if self._batches_variable is None:
            value = torch.tensor(self._batches)
            self._batches_variable = StateVariable(value, "iteration", self.name, self._set_batches)
        return self._batches_variable

    def _set_batches(self, value: Tensor) -> None:
        self._batches = int(value)

    def _count_batch(self) -> None:
        self._batches += 1
        if self._batches_variable is not None:  # somebody looks at it
            self._batches_variable.copy_(torch.tensor(self._batches))

    def _rate_as_variable(self) -> StateVariable:
        if self._rate_variable is None:
            value = torch.tensor(self._rate, dtype=torch.get_default_dtype())
            self._rate_variable = StateVariable(value, "learning_rate", self.name, self._set_rate)
        return self._rate_variable

    def _set_rate(self, value: Tensor) -> None:
        self._rate = float(value)

    # -- variables -----------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[StateVariable]:
        """All that it keeps, in Keras' order and layouts: the number of batches, the learning rate unless a schedule or
        a function decides, and then what it keeps of each weight."""
        numbers = [self._iteration()]
        if not callable(self._rate):
            numbers.append(self._rate_as_variable())
        slots = [self._slot(name, weight) for group in self.state_groups for weight in self.weights for name in group]
        scalars = [self._scalar(name) for name in self.scalars]
        return [*numbers, *slots, *self.kept, *scalars]

    def _slot(self, name: str, weight: TrainedWeight) -> StateVariable:
        """What is kept of a weight under a name, in Keras' layout."""
        parts = self.parts(name, weight)
        values = weight.to_keras(*parts)

        def write(array: Tensor) -> None:
            for part, tensor in zip(parts, weight.to_torch(array), strict=True):
                part.copy_(tensor)

        return StateVariable(values, f"{weight.path.replace('/', '_')}_{name}", self.name, write)

    def parts(self, name: str, weight: TrainedWeight) -> list[Tensor]:
        """What is kept under a name of each parameter of a weight."""
        start = 0
        for one in self.weights:
            if one is weight:
                return self.state[name][start : start + len(weight.parameters)]
            start += len(one.parameters)
        raise KeyError(weight.name)

    def _scalar(self, name: str) -> StateVariable:
        def write(value: Tensor) -> None:
            self.scalars[name] = float(value)

        dtype = self.weights[0].dtype if self.weights else torch.get_default_dtype()
        return StateVariable(torch.tensor(self.scalars[name], dtype=dtype), name, self.name, write)

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: object = "zeros",
        dtype: object = None,
        aggregation: str | None = "none",
        layout: object = None,
        name: str | None = None,
    ) -> StateVariable:
        """Keep a variable.

        Args:
            shape: of the variable.
            initializer: Keras' name, configuration or object.
            dtype: by default torch's default type.
            aggregation, layout: taken for Keras' sake.
            name: by default "variable".
        """
        device = self.weights[0].parameters[0].device if self.weights else None
        draw = initializers.get(initializer, "initializer")
        values = as_tensor(draw(tuple(shape), dtype=dtype_of(dtype)), device=device)
        self.kept.append(StateVariable(values, name or "variable", self.name))
        return self.kept[-1]

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: object = "zeros"
    ) -> StateVariable:
        """Keep a variable of the shape and type of a weight; arguments as those of :meth:`add_variable`."""
        reference = getattr(reference_variable, "path", None) or getattr(reference_variable, "name", None) or "variable"
        full = f"{str(reference).replace('/', '_')}_{name or 'var'}"
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=full)

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Any], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """Keep a variable of each weight, or one of each name.

        Returns:
            A list for one name, a tuple of lists for several.

        Raises:
            ValueError: when there are more or fewer initializers than names.
        """
        names = [name] if isinstance(name, str) else [*name]
        several = isinstance(initializer, list | tuple)
        drawn = [*initializer] if several else [initializer] * len(names)
        if len(drawn) != len(names):
            raise ValueError(f"There are {len(names)} names of variables, {names}, but {len(drawn)} initializers.")
        kept: tuple[list[StateVariable], ...] = tuple([] for _ in names)
        for variable in trainable_variables:
            for place, (one, draw) in enumerate(zip(names, drawn, strict=True)):
                kept[place].append(self.add_variable_from_reference(variable, one, draw))
        return kept[0] if isinstance(name, str) else kept

    # -- values --------------------------------------------------------------------------------------------------

    @staticmethod
    def assign(variable: Any, value: Any) -> None:
        """Give a variable another value."""
        variable.assign(value)

    @staticmethod
    def assign_add(variable: Any, value: Any) -> None:
        """Add to a variable."""
        variable.assign_add(value)

    @staticmethod
    def assign_sub(variable: Any, value: Any) -> None:
        """Subtract from a variable."""
        variable.assign_sub(value)

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Copies of the values of :attr:`variables`."""
        return [variable.numpy() for variable in self.variables]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Give :attr:`variables` the values ``weights``, in their order.

        Raises:
            ValueError: when the optimizer is not built, or a shape does not fit.
        """
        if not self.built:
            raise ValueError(
                f"Optimizer `{self.name}` has no weights to set yet: call `build(trainable_variables)` before "
                "`set_weights()`."
            )
        for variable, value in zip(self.variables, weights, strict=False):
            variable.assign(value)

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put the values into ``store`` under "0", "1" and so on."""
        for index, variable in enumerate(self.variables):
            store[str(index)] = variable.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take the values that :meth:`save_own_variables` left; when there are more or fewer, none and a warning."""
        variables = self.variables
        if len(store.keys()) != len(variables):
            warnings.warn(
                f"The state of optimizer `{self.name}` is not loaded: it has {len(variables)} variables, and what was "
                f"saved has {len(store.keys())}.",
                stacklevel=2,
            )
            return
        for index, variable in enumerate(variables):
            variable.assign(np.asarray(store[str(index)]))
