"""torch's own losses in the place of Keras': they take the predictions first."""

from collections.abc import Callable
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from torch_keras_lstm.losses.loss import Loss
from torch_keras_lstm.losses.reported_name import name_of


def is_torch_loss(item: object) -> TypeGuard[Callable[..., Tensor]]:
    """Whether ``item`` takes (input, target): a torch module, or a function of ``torch.nn.functional``."""
    function = getattr(item, "func", item)  # what functools.partial holds
    return isinstance(item, nn.Module) or getattr(function, "__module__", None) == torch.nn.functional.__name__


class TorchLoss(Loss):
    """A torch loss, called as ``criterion(y_pred, y_true)``, with the reduction that it was made with.

    Targets in the shape of the predictions get their type. Others that are whole numbers are taken for the numbers of
    classes: they become ``torch.int64``, without a last axis of size 1.

    Args:
        criterion: a module such as ``torch.nn.MSELoss()`` or a function of ``torch.nn.functional``. Weights and masks
            need the loss of each sample, which ``reduction="none"`` gives: over the last axis, where the criterion has
            left it, it is then averaged.
        name: by default its class or function in snake case.

    Example:
        >>> loss = TorchLoss(torch.nn.CrossEntropyLoss(reduction="none"))
        >>> loss([0, 2], torch.zeros(2, 3), sample_weight=[1.0, 0.0])
        tensor(0.5493)
    """

    def __init__(self, criterion: Callable[..., Tensor], name: str | None = None) -> None:
        super().__init__(name_of(criterion) if name is None else name)
        self.criterion = criterion

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The loss of each sample, or one for all of them."""
        values = self.criterion(y_pred, y_true)
        return values.mean(-1) if values.dim() == y_pred.dim() > 1 else values

    def _reduce(self, values: Tensor, sample_weight: Any, mask: Tensor | None) -> Tensor:
        if values.dim() == 0 and (sample_weight is not None or mask is not None):
            raise ValueError(
                f"`{self.name}` gives one number for the whole batch, to which no `sample_weight`, `class_weight` or "
                'mask applies. Make the torch loss with reduction="none".'
            )
        return super()._reduce(values, sample_weight, mask)

    def _targets(self, y_true: Any, y_pred: Tensor) -> Tensor:
        targets = torch.as_tensor(y_true, device=y_pred.device)
        if targets.dim() == y_pred.dim() - 1 and y_pred.shape[-1] == 1:
            targets = targets.unsqueeze(-1)
        if targets.shape == y_pred.shape or targets.is_floating_point():
            return targets.to(y_pred.dtype)
        one_each = targets.dim() == y_pred.dim() and targets.shape[-1] == 1
        return targets.squeeze(-1).long() if one_each else targets.long()
