"""What a model gave for a batch, and what belongs to it."""

from collections.abc import Sequence
from typing import Any

from torch_keras_lstm.training.compiled_loss import CompiledLoss
from torch_keras_lstm.training.outputs import Output, names_of, pair


class Answers:
    """What a model gave for a batch, with the targets; the loss and the metrics share the pairing of the two.

    Args:
        x: the inputs.
        y: the targets.
        y_pred: what the model gave.
        sample_weight: weights, or ``None``.
        mask: that of the outputs, or ``None``.
        output_names: of a model that knows them.
        loss: tells which of the outputs are trained.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        y_pred: Any,
        sample_weight: Any,
        mask: Any,
        output_names: Sequence[str] | None,
        loss: CompiledLoss | None,
    ) -> None:
        self.x = x
        self.y = y
        self.y_pred = y_pred
        self.sample_weight = sample_weight
        self.mask = mask
        self._output_names = output_names
        self._loss = loss
        self._paired: tuple[list[str], list[Output]] | None = None

    @property
    def names(self) -> list[str]:
        """The names of the outputs."""
        return self._pairs()[0]

    @property
    def outputs(self) -> list[Output]:
        """Each output with its target, weight and mask.

        Raises:
            ValueError: when they do not fit together.
        """
        return self._pairs()[1]

    def _pairs(self) -> tuple[list[str], list[Output]]:
        if self._paired is None:
            names = names_of(self.y_pred, self._output_names)
            loss = self._loss if len(names) > 1 else None
            trained = [True] * len(names) if loss is None else loss.is_trained(self.y_pred, names)
            self._paired = names, pair(names, self.y, self.y_pred, self.sample_weight, self.mask, trained)
        return self._paired
