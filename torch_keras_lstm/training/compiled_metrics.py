"""The metrics of a model's outputs, and the names under which they are reported."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from torch_keras_lstm import metrics
from torch_keras_lstm.metrics import Metric
from torch_keras_lstm.training.outputs import AutomaticName, Output, check_names, names_of, pair


class _Entry(NamedTuple):
    place: int
    metric: Metric
    is_weighted: bool
    takes_mask: bool


class CompiledMetrics(Metric):
    """What ``compile`` was told to measure, as one metric whose result is a dictionary.

    Args:
        plain: metrics that see no sample weights: a list for a model of one output; for several a list with a metric,
            or a list of metrics, for each, or a dictionary of such by name.
        weighted: metrics that see them.
        output_names: of a model that knows them.

    Raises:
        ValueError: when one of the two is not a list, tuple or dictionary, or has a name that is no metric.
    """

    def __init__(self, plain: Any = None, weighted: Any = None, output_names: Sequence[str] | None = None) -> None:
        super().__init__(name="compile_metrics")
        self._output_names = output_names
        for argument, given in (("metrics", plain), ("weighted_metrics", weighted)):
            if given is not None and not isinstance(given, list | tuple | Mapping):
                raise ValueError(f"`{argument}` is a list of metrics, or a dictionary by output, got {given!r}.")
            for one in _flat(given):
                if not (isinstance(one, str) and one.lower() in _RESOLVED_BY_SHAPE):
                    metrics.get(one, argument)  # a wrong name is an error of `compile`, not of the first batch
        self._plain = plain
        self._weighted = weighted
        self._entries: list[_Entry] | None = None
        self._names: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._plain or self._weighted)

    @property
    def metrics(self) -> list[Metric]:
        """The metrics, in the order of their outputs; those without weights first; none before the first batch."""
        return [entry.metric for entry in self._entries or ()]

    @property
    def by_name(self) -> dict[str, Metric]:
        """The same by the names that logs have."""
        return dict(zip(self._names, self.metrics, strict=True))

    @property
    def variables(self) -> list[Tensor]:
        """The sums of all metrics so far."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def reset_state(self) -> None:
        """Begin anew with every metric."""
        for metric in self.metrics:
            metric.reset_state()

    def result(self) -> Any:
        """Each metric over all batches since the last :meth:`reset_state`, by the names that logs have."""
        return {name: metric.result() for name, metric in self.by_name.items()}

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None, mask: Any = None) -> None:
        """Add a batch, as a ``train_step`` written for Keras does: targets and weights in the structure of outputs."""
        if self:
            names = names_of(y_pred, self._output_names)
            self.update(pair(names, y_true, y_pred, sample_weight, mask, [True] * len(names)), names)

    def update(self, outputs: Sequence[Output], names: Sequence[str]) -> None:
        """Add a batch."""
        if self._entries is None:
            self._entries = [*self._resolve(outputs, names, self._plain, False)]
            self._entries += self._resolve(outputs, names, self._weighted, True)
            self._names = _log_names(self._entries, names if len(names) > 1 else None)
        for place, metric, is_weighted, takes_mask in self._entries:
            y_true, y_pred, weight, mask = outputs[place]
            given = {} if weight is None or not is_weighted else {"sample_weight": weight}
            if takes_mask and mask is not None:
                given["mask"] = mask
            metric.update_state(y_true, y_pred, **given)

    def _resolve(
        self, outputs: Sequence[Output], names: Sequence[str], given: Any, is_weighted: bool
    ) -> Iterator[_Entry]:
        argument = "weighted_metrics" if is_weighted else "metrics"
        for place, wanted in enumerate(_for_each_output(given, names, argument)):
            for identifier in _flat(wanted):
                output = outputs[place]
                if output.y_true is None:
                    raise ValueError(f"There is a metric for the output `{names[place]}`, but no target for it in `y`.")
                metric = metrics.resolve(identifier, output.y_true, output.y_pred)
                # one of a user's own may have the arguments of Keras alone, or none but the first two
                takes_mask = "mask" in inspect.signature(metric.update_state).parameters
                yield _Entry(place, metric, is_weighted, takes_mask)


_RESOLVED_BY_SHAPE = ("accuracy", "acc")


def _flat(given: Any) -> list[Any]:
    """Metrics in lists and dictionaries as one list; the configuration of one is a dictionary too."""
    if given is None:
        return []
    if isinstance(given, Mapping) and "class_name" in given:
        return [given]
    if isinstance(given, list | tuple | Mapping):
        return [one for item in (given.values() if isinstance(given, Mapping) else given) for one in _flat(item)]
    return [given]


def _for_each_output(given: Any, names: Sequence[str], argument: str) -> list[Any]:
    if len(names) == 1:
        if isinstance(given, Mapping) and "class_name" not in given:
            check_names(given, names, argument)
        return [given]
    if given is None:
        return [None] * len(names)
    if isinstance(given, Mapping):
        check_names(given, names, argument)
        return [given.get(name) for name in names]
    if len(given) != len(names):
        raise ValueError(
            f"The model has {len(names)} outputs ({', '.join(names)}), but `{argument}` has {len(given)} "
            f"{'entry' if len(given) == 1 else 'entries'}: give a list with the metrics of each, or a dictionary by "
            "name."
        )
    return list(given)


def _log_names(entries: Sequence[_Entry], outputs: Sequence[str] | None) -> list[str]:
    """Keras' names: with the output in front if there are several, and different where two would be the same."""
    taken: dict[str, int] = {}
    found = []
    for place, metric, is_weighted, _ in entries:
        prefix = f"{outputs[place]}_" if outputs and not isinstance(outputs[place], AutomaticName) else ""
        name = f"{prefix}{metric.name}"
        if name in taken and is_weighted:
            name = f"{prefix}weighted_{metric.name}"
        number = taken.get(name, 0)
        taken[name] = number + 1
        found.append(f"{name}_{number}" if number else name)
    return found
