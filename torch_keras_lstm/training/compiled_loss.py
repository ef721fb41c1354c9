"""The losses of a model's outputs as one."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from torch_keras_lstm import losses
from torch_keras_lstm.losses import Loss
from torch_keras_lstm.structure import flatten, map_structure, numbered
from torch_keras_lstm.training.loss_mean import LossMean
from torch_keras_lstm.training.loss_structure import Placed, placed, single_losses
from torch_keras_lstm.training.outputs import AutomaticName, Output
from torch_keras_lstm.training.strategy import SingleProcess


class _Term(NamedTuple):
    places: Any
    name: str
    loss: Loss
    weight: float | None
    mean: LossMean | None


class CompiledLoss:
    """The weighted sum of a loss for each output.

    Args:
        loss: what ``compile`` takes: one for all outputs, or a list or dictionary by name, ``None`` in it for an output
            without a loss; or lists, tuples and dictionaries in the structure of the outputs. In place of a loss may
            stand a list of several, which add up, and for several outputs a function of them all.
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
        for one in single_losses(loss):
            if one is not None and not (isinstance(one, str) and one.lower() in ("crossentropy", "ce")):
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

    def is_trained(self, y_pred: Any, names: Sequence[str]) -> list[bool]:
        """Whether there is a loss for each of the outputs."""
        trained = {place for one in self._placed(y_pred, names) for place in flatten(one.places)}
        return [place in trained for place in range(len(names))]

    def __call__(
        self, outputs: Sequence[Output], names: Sequence[str], strategy: SingleProcess, y_pred: Any = None
    ) -> Tensor | None:
        """The loss of a batch: a scalar; ``None`` when no output has one.

        Args:
            outputs: of the batch.
            names: theirs.
            strategy: how the model is called.
            y_pred: what the model gave, for its structure; that of a list by default.
        """
        if self._terms is None:
            self._terms = self._resolve(outputs, names, list(range(len(names))) if y_pred is None else y_pred)
        total: Tensor | None = None
        for term in self._terms:
            y_true, prediction, weight, mask = _taken(term.places, outputs)
            if y_true is None:
                raise _no_target(term.name)
            loss = term.loss if isinstance(term.places, int) else term.loss.of_several
            value = strategy.weigh(loss(y_true, prediction, weight, mask), term.loss.reduction, weight, mask)
            if term.mean is not None:
                term.mean.update_state(value)
            if term.weight is not None:
                value = value * term.weight
            total = value if total is None else total + value
        return total

    def _resolve(self, outputs: Sequence[Output], names: Sequence[str], y_pred: Any) -> list[_Term]:
        found = []
        for places, loss, weight, name in self._placed(y_pred, names):
            for place in flatten(places):
                if outputs[place].y_true is None:
                    raise _no_target(names[place])
            y_true, prediction, *_ = _taken(places, outputs)
            found.append((places, losses.resolve(loss, y_true, prediction), weight, name, loss))
        several = len(found) > 1
        return [
            _Term(places, name, loss, weight, LossMean(f"{_logged(name, given)}_loss") if several else None)
            for places, loss, weight, name, given in found
            if loss is not None
        ]

    def _placed(self, y_pred: Any, names: Sequence[str]) -> list[Placed]:
        return placed(self._loss, self._weights, numbered(y_pred), names)


def _taken(places: Any, outputs: Sequence[Output]) -> Output:
    """The output, or several as one whose parts are in the structure of ``places``; these share the first's weight."""
    if isinstance(places, int):
        return outputs[places]
    first = outputs[flatten(places)[0]]
    y_true = map_structure(lambda place: outputs[place].y_true, places)
    return Output(y_true, map_structure(lambda place: outputs[place].y_pred, places), first.sample_weight, None)


def _logged(name: str, loss: Any) -> str:
    """The name in logs of what an output adds to the loss: its own, or else that of its loss as given."""
    if not isinstance(name, AutomaticName):
        return name
    return loss if isinstance(loss, str) else str(getattr(loss, "name", getattr(loss, "__name__", name)))


def _no_target(name: str) -> ValueError:
    return ValueError(f"There is a loss for the output `{name}`, but no target for it in `y`.")
