"""What the figures must show, and whether they do."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks.cases import LOOPED, MASKED, SHAPES, threads_in_words
from benchmarks.ratios import ratio

Record = Mapping[str, Any]


class Target(NamedTuple):
    """A limit, and the figures that it is about, by where they were measured.

    Attributes:
        text: what is compared with what.
        limit: the largest figure that is good enough.
        figures: what was measured; empty when it was not run.
    """

    text: str
    limit: float
    figures: Mapping[str, float]

    @property
    def missed(self) -> list[str]:
        """Where the figure is larger than the limit."""
        return [where for where, figure in self.figures.items() if not figure <= self.limit]

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if not self.figures:
            return "not run"
        met = len(self.figures) - len(self.missed)
        return "met" if not self.missed else f"missed ({met} of {len(self.figures)} met)"

    @property
    def worst(self) -> str:
        """Where the figure is the largest."""
        return max(self.figures, key=self.figures.__getitem__)


class _OfSpeed(NamedTuple):
    text: str
    against: str
    limit: float
    applies: Callable[[Record], bool]


def _plain(record: Record) -> bool:
    return bool(record["configuration"] == "plain" and record["mode"] != "stream")


def _is(record: Record, shape: str, configuration: str, mode: str) -> bool:
    return bool((record["shape"], record["configuration"], record["mode"]) == (shape, configuration, mode))


def _masked(record: Record) -> bool:
    return record["configuration"] in MASKED


def _looped(record: Record) -> bool:
    return record["configuration"] in LOOPED


def _looped_training(record: Record) -> bool:
    return _looped(record) and bool(record["mode"] == "training")


def _of_cells(record: Record) -> bool:
    return str(record["configuration"]).startswith(("GRU", "SimpleRNN"))


_OF_SPEED = [
    _OfSpeed(
        "default layer / nn.LSTM, medium and above",
        "torch",
        1.03,
        lambda record: _plain(record) and record["shape"] in ("medium", "large"),
    ),
    _OfSpeed(
        "default layer / nn.LSTM, tiny", "torch", 1.15, lambda record: _plain(record) and record["shape"] == "tiny"
    ),
    _OfSpeed(
        "LSTM, training / nn.LSTM, medium",
        "torch",
        0.6,
        lambda record: _is(record, "medium", "plain", "training"),
    ),
    _OfSpeed("the same, small", "torch", 0.55, lambda record: _is(record, "small", "plain", "training")),
    _OfSpeed(
        "Bidirectional, forward / nn.LSTM(bidirectional=True), medium",
        "torch",
        0.75,
        lambda record: _is(record, "medium", "bidirectional", "forward"),
    ),
    _OfSpeed("the same, training", "torch", 0.6, lambda record: _is(record, "medium", "bidirectional", "training")),
    _OfSpeed("default layer / Keras on TensorFlow", "keras-tensorflow", 1.0, _plain),
    _OfSpeed("default layer / tf_keras", "tf_keras", 1.0, _plain),
    _OfSpeed("default layer / Keras on PyTorch", "keras-torch", 1 / 2, _plain),
    _OfSpeed("any mask / unmasked nn.LSTM", "torch", 1.15, _masked),
    _OfSpeed("any mask / packing", "packed", 1 / 3, _masked),
    _OfSpeed("any mask / Keras on PyTorch", "keras-torch", 1 / 5, _masked),
    _OfSpeed(
        "recurrent dropout, hard_sigmoid, relu: training step / nn.LSTM, 256 units and above",
        "torch",
        1.5,
        lambda record: _looped_training(record) and SHAPES[record["shape"]].units >= 256,
    ),
    _OfSpeed(
        "the same at 64 units",
        "torch",
        2.0,
        lambda record: _looped_training(record) and SHAPES[record["shape"]].units == 64,
    ),
    _OfSpeed(
        "GRU, forward / nn.GRU, medium",
        "torch",
        0.7,
        lambda record: _is(record, "medium", "GRU", "forward"),
    ),
    _OfSpeed(
        "GRU, training / nn.GRU, medium",
        "torch",
        0.55,
        lambda record: _is(record, "medium", "GRU", "training"),
    ),
    _OfSpeed(
        "masked GRU and SimpleRNN, forward / unmasked nn.GRU and nn.RNN, tiny and small",
        "torch",
        0.7,
        lambda record: (
            record["configuration"] in ("GRU random gaps", "SimpleRNN random gaps")
            and record["shape"] in ("tiny", "small")
            and record["mode"] == "forward"
        ),
    ),
    _OfSpeed(
        "GRU with the reset gate before, other activations, recurrent dropout, training / nn.GRU",
        "torch",
        0.8,
        lambda record: (
            record["configuration"] in ("GRU reset before", "GRU relu", "GRU recurrent dropout")
            and record["mode"] == "training"
        ),
    ),
    _OfSpeed("GRU and SimpleRNN / Keras on TensorFlow", "keras-tensorflow", 1.0, _of_cells),
    _OfSpeed("recurrent dropout, hard_sigmoid, relu / Keras on TensorFlow", "keras-tensorflow", 1.0, _looped),
    _OfSpeed("the same / tf_keras", "tf_keras", 1.0, _looped),
    _OfSpeed("the same / Keras on PyTorch", "keras-torch", 1.0, _looped),
    _OfSpeed("the same / Keras on JAX", "keras-jax", 1.1, _looped),
    _OfSpeed("one step of a stream / nn.LSTM", "torch", 0.12, lambda record: record["mode"] == "stream"),
    _OfSpeed("one step of a stream / onnxruntime", "onnxruntime", 1.0, lambda record: record["mode"] == "stream"),
    _OfSpeed(
        "tiny work / Keras on JAX",
        "keras-jax",
        0.8,
        lambda record: _plain(record) and record["shape"] in ("tiny", "single"),
    ),
]


def targets(results: Mapping[str, Any]) -> list[Target]:
    """Every target, with the figures of the sections that ``results`` has."""
    records = {part: section["records"] for part, section in results.items()}
    return [
        *of_speed(records.get("speed", [])),
        *of_memory(records.get("memory", [])),
        *of_lengths(records.get("lengths", [])),
        *of_training(records.get("training", [])),
        *of_streams(records.get("streams", [])),
    ]


def of_speed(records: Sequence[Record]) -> list[Target]:
    """Medians of ratios, with as many threads as were used at most; of streams, with any number."""
    threads = max((record["threads"] for record in records), default=0)
    found = []
    for text, against, limit, applies in _OF_SPEED:
        figures = {
            where(record): ratio(record["seconds"]["ours"], record["seconds"][against]).median
            for record in records
            if applies(record)
            and {"ours", against} <= record["seconds"].keys()
            and (record["threads"] == threads or record["mode"] == "stream")
        }
        found.append(Target(text, limit, figures))
    return found


def where(record: Record) -> str:
    """Which case a record is of."""
    if record["mode"] == "stream":
        return threads_in_words(record["threads"])
    return f"{record['shape']}, {record['configuration']}, {record['mode']}"


def of_memory(records: Sequence[Record]) -> list[Target]:
    """Peaks of a training step relative to that of nn.LSTM, and to what must be kept and returned."""
    both = {
        record["configuration"]: record["bytes"]["ours"] / record["bytes"]["torch"]
        for record in records
        if {"ours", "torch"} <= record["bytes"].keys()
    }
    fused = {name: figure for name, figure in both.items() if name not in LOOPED and name != "recompute"}
    looped = {
        record["configuration"]: record["bytes"]["ours"] / record["needed"]
        for record in records
        if record["configuration"] in LOOPED and "ours" in record["bytes"]
    }
    again = {name: figure for name, figure in both.items() if name == "recompute"}
    large = {record["configuration"] for record in records if record.get("shape") == "large"}
    default = {name: figure for name, figure in both.items() if name == "plain" and name not in large}
    default_large = {name: figure for name, figure in both.items() if name == "plain" and name in large}
    return [
        Target("peak memory of a training step / nn.LSTM's, fused path", 1.1, fused),
        Target("the same, default layer", 0.35, default),
        Target("the same, default layer, large", 0.6, default_large),
        Target("the same, `recompute=True`", 0.35, again),
        Target("the same / gates, states, outputs and the gradients returned, loop path", 1.0, looped),
    ]


def of_lengths(records: Sequence[Record]) -> list[Target]:
    """Powers of the length that the seconds follow, up to 10,000 steps; and the longest sequence."""
    exponents = {f"{record['configuration']}, {record['mode']}": record["exponent"] for record in records}
    unfinished = {f"{record['configuration']}, {record['mode']}": float(not record["finite"]) for record in records}
    return [
        Target("power of the length that the seconds follow, 100 to 10,000 steps", 1.05, exponents),
        Target("runs of 100,000 steps that failed", 0.0, unfinished),
    ]


def of_training(records: Sequence[Record]) -> list[Target]:
    """Medians of ratios of the epochs after the first one."""
    found = []
    for task, limit in (("script", 1.3), ("large", 1.03)):
        for against in ("loop", "fused loop"):
            figures = _fit_ratios(records, against, task)
            found.append(
                Target(f"fit / PyTorch loop{' with fused Adam' * (against != 'loop')}, {task}", limit, figures)
            )
    for against, label in (("keras-tensorflow", "TensorFlow"), ("keras-torch", "PyTorch"), ("keras-jax", "JAX")):
        found.append(Target(f"fit / Keras on {label}", 1.0, _fit_ratios(records, against)))
    found.append(Target("fit / Keras on JAX, script", 0.9, _fit_ratios(records, "keras-jax", "script")))
    return found


def of_streams(records: Sequence[Record]) -> list[Target]:
    """Medians of ratios of a word through a model to the same by hand."""
    figures = {
        threads_in_words(record["threads"]): ratio(record["seconds"]["ours"], record["seconds"]["by hand"]).median
        for record in records
    }
    return [Target("a word through a model that keeps its states / nn.LSTMCell by hand", 0.25, figures)]


def _fit_ratios(records: Sequence[Record], against: str, task: str | None = None) -> dict[str, float]:
    return {
        record["task"]: ratio(record["later"]["ours"], record["later"][against]).median
        for record in records
        if {"ours", against} <= record["later"].keys() and task in (None, record["task"])
    }
