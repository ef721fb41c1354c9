"""The base of all metrics: sums that grow batch by batch, and the number that they make."""

from typing import Any

import torch
from torch import Tensor

from torch_keras_lstm.layers import dtypes
from torch_keras_lstm.layers.naming import unique_name
from torch_keras_lstm.registry import Config, Configured


class Metric(Configured):
    """Base of all metrics. A subclass defines :meth:`update_state` and :meth:`result`.

    The state is a handful of sums, which :meth:`add` makes grow. They move to the device of what is added, and nothing
    here waits for that device.

    Args:
        name: by default the class in snake case, numbered.
        dtype: what the metric is computed in. ``None`` is the type of the predictions, and float32 for predictions of
            half precision or whole numbers, as Keras does it by default.

    Raises:
        ValueError: for another dtype.
    """

    def __init__(self, name: str | None = None, dtype: object = None) -> None:
        self.name = unique_name(type(self).__name__) if name is None else name
        self._dtype = None if dtype is None else dtypes.get(dtype)
        self._variables: dict[str, Tensor] = {}

    @property
    def dtype(self) -> torch.dtype | None:
        """What the metric is computed in; ``None`` for the type of the predictions."""
        return self._dtype

    @property
    def variables(self) -> list[Tensor]:
        """The sums so far; where several processes add up theirs in place, each has the state of all their data."""
        return list(self._variables.values())

    def add_variable(self, shape: tuple[int, ...], name: str) -> None:
        """Start a sum at 0, to be read as the attribute ``name``."""
        self._variables[name] = torch.zeros(shape, dtype=self._dtype)

    def add(self, name: str, amount: Tensor) -> None:
        """Add ``amount`` to the sum called ``name``, of its shape; a sum that is not there yet starts with it."""
        so_far = self._variables.get(name)
        amount = amount.detach()
        self._variables[name] = amount if so_far is None else so_far.to(amount.device) + amount

    def __getattr__(self, name: str) -> Tensor:
        variables: dict[str, Tensor] = vars(self).get("_variables", {})
        if name not in variables:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return variables[name]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Add a batch: ``y_true, y_pred, sample_weight=None, mask=None`` for metrics of predictions."""
        raise NotImplementedError(f"{type(self).__name__} has no `update_state(y_true, y_pred, ...)`: define it.")

    def result(self) -> Tensor:
        """The metric over all batches since the last :meth:`reset_state`."""
        raise NotImplementedError(f"{type(self).__name__} has no `result()`: define it.")

    def reset_state(self) -> None:
        """Begin anew: every sum is 0 again."""
        self._variables = {name: torch.zeros_like(value) for name, value in self._variables.items()}

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """:meth:`update_state`, then :meth:`result`."""
        self.update_state(*args, **kwargs)
        return self.result()

    def floating(self, values: Any) -> Tensor:
        """``values`` as a tensor of the metric's type; the tensor itself where that is its own."""
        tensor = torch.as_tensor(values)
        single_or_double = tensor.dtype if tensor.dtype is torch.float64 else torch.float32
        return tensor.to(single_or_double if self._dtype is None else self._dtype)

    def get_config(self) -> Config:
        """The constructor's arguments under Keras 3's names."""
        return {**super().get_config(), "dtype": self._dtype_name}

    @property
    def _dtype_name(self) -> str | None:
        return None if self._dtype is None else dtypes.name(self._dtype)
