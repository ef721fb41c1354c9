"""The losses of a model's outputs as one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from torch_keras_lstm import losses
from torch_keras_lstm.losses import Loss
from torch_keras_lstm.training.loss_mean import LossMean
from torch_keras_lstm.training.outputs import Output, per_output
from torch_keras_lstm.training.strategy import SingleProcess


class _Term(NamedTuple):
    place: int
    loss: Loss
    weight: float | None
    mean: LossMean | None


class CompiledLoss:
    """The weighted sum of a loss for each output.

    Args:
        loss: what ``compile`` takes: one for all outputs, or a list or dictionary by name, ``None`` in it for an output
            without a loss.
        loss_weights: numbers, in a list or dictionary likewise; 1 without.

    Raises:
        ValueError: for a name or a configuration that is no loss.
        TypeError: when ``loss_weights`` are no numbers.
    """

    def __init__(self, loss: Any, loss_weights: Any = None) -> None:
        if loss_weights is not None and not isinstance(loss_weights, list | tuple | Mapping | float | int):
            raise TypeError(
                "`loss_weights` is a number for each output, in a list or a dictionary by the outputs' names, got "
                f"{loss_weights!r}."
            )
        for one in _flat(loss):
            if not (isinstance(one, str) and one.lower() in ("crossentropy", "ce")):
                losses.get(one)  # a wrong name is an error of `compile`, not of the first batch
        self._loss = loss
        self._weights = loss_weights
        self._terms: list[_Term] | None = None

    @property
    def means(self) -> list[LossMean]:
        """The mean loss of each output, when there are several.

        Every batch counts as one, whatever its size, unlike in the loss of the model: Keras means to count samples, but
        in TensorFlow's graph it does not know how many there are.
        """
        return [term.mean for term in self._terms or () if term.mean is not None]

    def is_trained(self, names: Sequence[str]) -> list[bool]:
        """Whether there is a loss for each of the outputs."""
        return [one is not None for one in self._per_output(names)]

    def __call__(self, outputs: Sequence[Output], names: Sequence[str], strategy: SingleProcess) -> Tensor | None:
        """The loss of a batch: a scalar; ``None`` when no output has one."""
        if self._terms is None:
            self._terms = self._resolve(outputs, names)
        total: Tensor | None = None
        for term in self._terms:
            y_true, y_pred, weight, mask = outputs[term.place]
            if y_true is None:
                raise _no_target(names[term.place])
            value = strategy.weigh(term.loss(y_true, y_pred, weight, mask), term.loss.reduction, weight, mask)
            if term.mean is not None:
                term.mean.update_state(value)
            if term.weight is not None:
                value = value * term.weight
            total = value if total is None else total + value
        return total

    def _resolve(self, outputs: Sequence[Output], names: Sequence[str]) -> list[_Term]:
        weights = per_output(self._weights, names, "loss_weights")
        found = []
        for place, (one, name) in enumerate(zip(self._per_output(names), names, strict=True)):
            if one is None:
                continue
            if outputs[place].y_true is None:
                raise _no_target(name)
            found.append((place, losses.resolve(one, outputs[place].y_true, outputs[place].y_pred), name))
        several = len(found) > 1
        return [
            _Term(place, loss, weights[place], LossMean(f"{name}_loss") if several else None)
            for place, loss, name in found
            if loss is not None
        ]

    def _per_output(self, names: Sequence[str]) -> list[Any]:
        if _is_one(self._loss):
            return [self._loss] * len(names)
        return per_output(self._loss, names, "loss")


def _no_target(name: str) -> ValueError:
    return ValueError(f"There is a loss for the output `{name}`, but no target for it in `y`.")


def _is_one(loss: Any) -> bool:
    """Whether it is one loss for all outputs; a configuration of one is a dictionary too."""
    return not isinstance(loss, list | tuple | Mapping) or (isinstance(loss, Mapping) and "class_name" in loss)


def _flat(loss: Any) -> list[Any]:
    if _is_one(loss):
        return [loss]
    return list(loss.values() if isinstance(loss, Mapping) else loss)
