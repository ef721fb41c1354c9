"""The base of all metrics: sums that grow batch by batch, and the number that they make."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor

from torch_keras_lstm import initializers
from torch_keras_lstm.array_arguments import as_tensor, dtype_name, dtype_of, in_floatx
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.registry import Config, Configured
from torch_keras_lstm.state_variable import StateVariable


class Metric(Configured):
    """Base of all metrics. A subclass defines :meth:`update_state` and :meth:`result`.

    The state is a handful of variables, which :meth:`add_weight` makes, as in Keras, or :meth:`add`. They move to the
    device of what is added, and nothing here waits for that device.

    Args:
        dtype: what the metric is computed in: a type, its name or a policy, whose compute type counts. ``None`` is
            torch's default type, Keras' ``floatx``, and float64 for predictions that are a tensor of it.
        name: by default the class in snake case, numbered.

    Raises:
        ValueError: for another dtype.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name="largest"):
        ...         super().__init__(name=name)
        ...         self.error = self.add_weight(name="error", initializer="zeros")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.error.assign(torch.maximum(self.error, (y_true - y_pred).abs().max()))
        ...     def result(self):
        ...         return self.error
        >>> metric = Largest()
        >>> metric.update_state(torch.tensor([1.0, 2.0]), torch.tensor([1.5, 4.0]))
        >>> float(metric.result())
        2.0
    """

    def __init__(self, dtype: object = None, name: str | None = None) -> None:
        self.name = unique_name(type(self).__name__) if name is None else name
        self._computed_in = None if dtype is None else dtype_of(dtype)
        self._dtype = dtype_name(dtype_of(dtype))
        self._added: list[StateVariable] = []
        self._sums: dict[str, Tensor] = {}

    @property
    def dtype(self) -> str:
        """The name of what the metric is computed in."""
        return self._dtype

    @property
    def variables(self) -> list[Any]:
        """The state: the variables of its own, then those of the metrics that it keeps in attributes."""
        kept = [*_leaves(vars(self))]
        sums = [StateVariable(value, name, self.name) for name, value in self._sums.items()]
        own = {id(one): one for one in (*sums, *self._added, *kept) if not isinstance(one, Metric)}
        return [*own.values(), *(variable for one in kept if isinstance(one, Metric) for variable in one.variables)]

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: object = None,
        dtype: object = None,
        aggregation: str | None = "sum",
        name: str | None = None,
    ) -> StateVariable:
        """A variable that :meth:`update_state` changes and :meth:`reset_state` sets to 0.

        Args:
            shape: of the variable.
            initializer: Keras' name, configuration or object; zeros by default.
            dtype: by default torch's default type.
            aggregation: taken for Keras' sake; several processes add theirs up.
            name: by default "variable".

        Raises:
            RuntimeError: before ``super().__init__()``.
        """
        if "_added" not in vars(self):
            raise RuntimeError(
                f"Call `super().__init__()` in `{type(self).__name__}.__init__` before the first variable is made."
            )
        draw = initializers.get("zeros" if initializer is None else initializer, "initializer")
        initial = as_tensor(draw(tuple(shape), dtype=dtype_of(dtype)))
        variable = StateVariable(initial, name or "variable", self.name)
        self._added.append(variable)
        return variable

    def add_weight(
        self, shape: Sequence[int] = (), initializer: object = None, dtype: object = None, name: str | None = None
    ) -> StateVariable:
        """Keras' older name of :meth:`add_variable`; arguments and errors as there."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def add_sum(self, shape: tuple[int, ...], name: str, dtype: torch.dtype | None = None) -> None:
        """Start a sum at 0, to be read as the attribute ``name``, in the metric's type by default."""
        self._sums[name] = torch.zeros(shape, dtype=self._computed_in if dtype is None else dtype)

    def add(self, name: str, amount: Tensor) -> None:
        """Add ``amount`` to the sum called ``name``, of its shape; a sum that is not there yet starts with it."""
        amount = amount.detach()
        in_its_place = vars(self).get(name)
        if in_its_place is not None:  # a variable that a user has put there
            in_its_place.assign_add(amount)
            return
        so_far = self._sums.get(name)
        self._sums[name] = amount if so_far is None else so_far.to(amount.device) + amount

    def __getattr__(self, name: str) -> Tensor:
        sums: dict[str, Tensor] = vars(self).get("_sums", {})
        if name not in sums:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return sums[name]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch: ``y_true, y_pred, sample_weight=None, mask=None`` for metrics of predictions."""
        raise NotImplementedError(f"{type(self).__name__} has no `update_state(y_true, y_pred, ...)`: define it.")

    def result(self) -> Tensor:
        """The metric over all batches since the last :meth:`reset_state`."""
        raise NotImplementedError(f"{type(self).__name__} has no `result()`: define it.")

    def reset_state(self) -> None:
        """Begin anew: every variable is 0 again."""
        self._sums = {name: torch.zeros_like(value) for name, value in self._sums.items()}
        for variable in self.variables[len(self._sums) :]:
            variable.assign(torch.zeros_like(variable))

    def reset_states(self) -> None:
        """Keras 2's name of :meth:`reset_state`."""
        self.reset_state()

    def stateless_update_state(self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any) -> list[Tensor]:
        """What :attr:`variables` with the values ``metric_variables`` become by :meth:`update_state`; they stay.

        Raises:
            ValueError: when there are more or fewer values than variables.
        """
        other = self._with(metric_variables)
        other.update_state(*args, **kwargs)
        return [one.detach() for one in other.variables]

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """The :meth:`result` for the values ``metric_variables``; errors as of :meth:`stateless_update_state`."""
        return self._with(metric_variables).result()

    def stateless_reset_state(self) -> list[Tensor]:
        """The values that :meth:`reset_state` would give the variables; they stay what they are."""
        other = copy.deepcopy(self)
        other.reset_state()
        return [one.detach() for one in other.variables]

    def _with(self, values: Sequence[Any]) -> Self:
        """A metric whose variables have other values."""
        other = copy.deepcopy(self)
        if len(values) != len(other.variables):
            raise ValueError(
                f"`{self.name}` has {len(other.variables)} variables, but {len(values)} values were given for them."
            )
        for variable, value in zip(other.variables, values, strict=True):
            variable.assign(value)
        return other

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """:meth:`update_state`, then :meth:`result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def floating(self, values: Any, like: Any = None) -> Tensor:
        """``values``, computed of ``like``, as a tensor of the metric's type; one of that type as it is."""
        return in_floatx(values, self._computed_in, like)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {"name": self.name, **super().get_config(), "dtype": self._dtype_name}

    @property
    def _dtype_name(self) -> str | None:
        return None if self._computed_in is None else dtype_name(self._computed_in)


def _leaves(kept: Any) -> Iterator[Any]:
    """The variables and metrics in ``kept``, however deep in lists and dictionaries."""
    if isinstance(kept, Metric) or (hasattr(kept, "assign") and hasattr(kept, "value")):
        yield kept
    elif isinstance(kept, Mapping | list | tuple):
        for one in kept.values() if isinstance(kept, Mapping) else kept:
            yield from _leaves(one)
