"""What a callback may touch of the model that is trained."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from torch import nn


class TrainedModel(Protocol):
    """A model as the callbacks of this package know it: what it is called, what it holds, and how its training goes.

    Callbacks of one's own find all else that a model has there too.

    Attributes:
        stop_training: setting it ends ``fit`` after the batch.
        stop_evaluating, stop_predicting: the same of ``evaluate``, also that of a validation, and ``predict``.
        history: the ``History`` of the last ``fit``.
    """

    name: str
    stop_training: bool
    stop_evaluating: bool
    stop_predicting: bool
    history: Any

    _initial_epoch: int | None

    @property
    def built(self) -> bool:
        """Whether the weights have their shapes."""
        ...

    @property
    def optimizer(self) -> Any:
        """The optimizer of ``compile``."""
        ...

    @property
    def metrics_by_name(self) -> dict[str, Any]:
        """The compiled metrics by the names that logs have."""
        ...

    def get_weights(self) -> list[Any]:
        """The weights as arrays, in Keras' order."""
        ...

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set them."""
        ...

    def save(self, path: str | Path) -> None:
        """Write the whole model into a file."""
        ...

    def save_weights(self, path: str | Path) -> None:
        """Write the weights into a file."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """The parameters and buffers, as torch has them."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """Take them back."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The parameters."""
        ...

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The modules inside, by their paths."""
        ...

    def __getattr__(self, name: str) -> Any:
        """All else that a model has."""
        ...

    def __setattr__(self, name: str, value: Any, /) -> None:
        """A callback may keep something of its own there."""
        ...
