"""docs/performance.md: tables made of the figures of a run."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import SHAPES, threads_in_words
from benchmarks.fits import FITS
from benchmarks.lengths import BATCH, FEATURES, UNITS
from benchmarks.peers import BASELINE, PEERS
from benchmarks.ratios import ratio
from benchmarks.streams import UNITS as UNITS_OF_STREAM
from benchmarks.streams import WAYS, WIDTH, WORDS
from benchmarks.targets import Target, targets
from benchmarks.tasks import TASKS

HEAD = """\
# Performance

What this package costs beside its peers. `python -m benchmarks --output docs` measures everything anew and writes this
page, its picture and its figures (`performance.json`); it takes about a quarter of an hour on two cores, and `--full`
measures more. `--quick` is over in a few minutes; `--shapes small --peers ours,torch speed` selects; `--help` names the
rest. It needs `pip install -c constraints.txt -e ".[benchmarks]"`.

How it is measured: each peer runs in a process of its own, on the same weights and inputs, and has as many processors
as it is given threads. Before anything is timed, outputs and gradients are compared with a recurrence written out in
float64; a peer that gives anything else ends the run. Then the peers take turns, round by round, and every ratio is
the median of the ratios within a round, so that a machine that drifts drifts for all. `forward` is inference,
`training` a forward pass and the gradients of weights and inputs, `stream` one step of a layer that keeps its state.
This package is measured as it is installed, with its steps in C where there was a compiler; "here, without C" is the
same with `TORCH_KERAS_LSTM_COMPILED=0`, as it is installed where there is none (`CC=false`): torch runs the steps then.

torch.nn.LSTM stands in with its plain case where it cannot compute a configuration: masks, recurrent dropout,
hard_sigmoid, relu. Packed sequences (`pack_padded_sequence`, in and out) are padded on the right whatever the mask,
with as many steps that count. In the rows of GRU and SimpleRNN the plain torch.nn.GRU and torch.nn.RNN stand in its
place. TensorFlow runs in `tf.function`, JAX under `jit`, onnxruntime an ONNX LSTM operator.
"""

TARGETS = """\
Medians of ratios on a CPU, with the most threads that were run; of streams, with any number of them. "The largest" is
the worst of the cases that a target is about, and all that miss it are listed.
"""


PLAN = Path(__file__).with_name("plan_for_threads.md")


def page(results: Mapping[str, Any]) -> str:
    """The whole page, of the sections that ``results`` has."""
    blocks = [HEAD]
    blocks += ["## Targets", TARGETS, targets_table(targets(results))]
    parts = (speed, memory, lengths, training, streams)
    for part, tables in ((one.__name__, one) for one in parts):
        if part in results:
            blocks += tables(results[part]["records"], results[part])
            blocks.append(measured_on(results[part]["environment"]))
    return "\n\n".join(block.strip("\n") for block in blocks) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In Markdown; the first column is text, the others are figures."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def targets_table(found: Sequence[Target]) -> str:
    """A row for each target, and beneath it what is missed where."""
    rows = []
    missed = []
    for target in found:
        worst = f"{target.figures[target.worst]:.2f} ({target.worst})" if target.figures else ""
        rows.append([target.text, f"{target.limit:.2f}", worst, target.verdict])
        missed += [
            f"- {target.text}: {target.figures[place]:.2f} at {place}; the limit is {target.limit:.2f}"
            for place in target.missed
        ]
    text = table(["what is divided by what", "at most", "the largest that was measured", ""], rows)
    return text + ("\n\nMissed:\n\n" + "\n".join(missed) if missed else "")


def measured_on(environment: Mapping[str, Any]) -> str:
    """The environment in a sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return (
        f"Measured on {environment['date']}: {environment['processor']}, {environment['processors']} processors, "
        f"{environment['memory']}, {environment['system']}, load {environment['load']} at the start; "
        f"Python {environment['python']}, {versions}; our steps run by {environment.get('steps', 'torch')}."
    )


def milliseconds(seconds: Sequence[float]) -> str:
    """The median, with three digits."""
    return digits(statistics.median(seconds) * 1e3)


def digits(value: float) -> str:
    """Three of them, but all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def speed(records: Sequence[Mapping[str, Any]], section: Mapping[str, Any]) -> list[str]:
    """A table for each shape, mode and number of threads; one for the cases that are run plain alone."""
    blocks = [
        "## Speed",
        "![Time of each peer relative to torch.nn.LSTM, by configuration](performance.png)",
        "Milliseconds, and time relative to nn.LSTM.",
    ]
    groups: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for record in records:
        threads = threads_in_words(record["threads"])
        alone = sum(all(record[key] == other[key] for key in ("shape", "mode", "threads")) for other in records) == 1
        title = "plain" if alone else f"{record['shape']}, {record['mode']}, {threads}"
        row = f"{record['shape']}, {record['mode']}, {threads}" if alone else record["configuration"]
        groups.setdefault(title, []).append((row, record))
    for title, rows in sorted(groups.items(), key=lambda group: group[0] == "plain"):
        peers = [peer for peer in PEERS if peer != BASELINE and any(peer in record["ratios"] for _, record in rows)]
        header = [
            "",
            f"{PEERS[BASELINE].label}, ms",
            f"{PEERS['ours'].label}, ms",
            *(PEERS[peer].label for peer in peers),
        ]
        lines = []
        for row, record in rows:
            times = [
                milliseconds(record["seconds"][peer]) if peer in record["seconds"] else ""
                for peer in (BASELINE, "ours")
            ]
            ratios = [f"{record['ratios'][peer][0]:.2f}" if peer in record["ratios"] else "" for peer in peers]
            lines.append([row, *times, *ratios])
        shape = "" if title == "plain" else f" (batch, time, features, units: {SHAPES[rows[0][1]['shape']]})"
        blocks += [f"### {title[0].upper()}{title[1:]}{shape}", table(header, lines)]
    shapes = dict.fromkeys(record["shape"] for record in records)
    blocks.append(
        "Shapes, batch, time, features, units: " + "; ".join(f"{name} {SHAPES[name]}" for name in shapes) + "."
    )
    return [*blocks, *fractions(records, section["matrix products"]), *scaling(records)]


def fractions(records: Sequence[Mapping[str, Any]], rates: Mapping[str, float]) -> list[str]:
    """How much of the rate of a large matrix product each peer reaches."""
    plain = [record for record in records if record["configuration"] == "plain"]
    peers = [peer for peer in PEERS if any(peer in record["seconds"] for record in plain)]
    lines = []
    for record in plain:
        rate = rates[str(record["threads"])]
        reached = [
            f"{record['flops'] / statistics.median(record['seconds'][peer]) / rate:.0%}"
            if peer in record["seconds"]
            else ""
            for peer in peers
        ]
        lines.append([f"{record['shape']}, {record['mode']}, {record['threads']}", *reached])
    told = ", ".join(f"{rate / 1e9:.0f} GFLOP/s with {threads}" for threads, rate in rates.items())
    return [
        "### Fraction of the machine's own rate",
        "The floating-point operations of the case's matrix products, divided by the time and by the rate of a float32 "
        f"product of 1024 by 1024 matrices in torch ({told}). The last number of a row is its threads.",
        table(["plain", *(PEERS[peer].label for peer in peers)], lines),
    ]


def scaling(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many times as quick each plain case is with the most threads as with one, and what follows for more."""
    times = {
        (record["shape"], record["mode"], record["threads"]): record["seconds"]
        for record in records
        if record["configuration"] == "plain"
    }
    most = max((threads for _, _, threads in times), default=1)
    peers = [BASELINE, "ours"]
    lines = [
        [
            f"{shape}, {mode}",
            *(
                f"{statistics.median(seconds[peer]) / statistics.median(times[shape, mode, most][peer]):.2f}"
                if peer in seconds and peer in times[shape, mode, most]
                else ""
                for peer in peers
            ),
        ]
        for (shape, mode, threads), seconds in times.items()
        if threads == 1 < most and (shape, mode, most) in times
    ]
    header = ["time with one thread / with " + threads_in_words(most), *(PEERS[peer].label for peer in peers)]
    return ["## Threads", *([table(header, lines)] if lines else []), PLAN.read_text("utf-8")]


def memory(records: Sequence[Mapping[str, Any]], section: Mapping[str, Any]) -> list[str]:
    """Megabytes of each configuration and peer."""
    peers = [peer for peer in PEERS if any(peer in record["bytes"] for record in records)]
    lines = [
        [
            record["configuration"],
            f"{record['needed'] / 1e6:.0f}",
            *(f"{record['bytes'][peer] / 1e6:.0f}" if peer in record["bytes"] else "" for peer in peers),
        ]
        for record in records
    ]
    shape = records[0]["shape"]
    return [
        "## Peak memory of a training step",
        f"MB beyond weights and inputs at {SHAPES[shape]}: how far the resident memory of a fresh process rises during "
        "the third step, with an allocator that gives back what is freed. `needed` is the size of the four gates, the "
        "cell states and the outputs of all steps and of the gradients returned.",
        "The kernels in C keep gates, outputs and an eighth of the cell states: at medium 26, 7 and 1 MB, beside 5 of "
        "gradients, 2 of sums of these for each thread, 2 of kernels in the order in which they are read, and 2 of "
        "working memory. Less than 38, a third of the memory of nn.LSTM, it can only be where something is computed "
        "once more. With `recompute=True` the gates are, 8 steps at a time: a third more of the products.",
        table(["", "needed", *(PEERS[peer].label for peer in peers)], lines),
    ]


def lengths(records: Sequence[Mapping[str, Any]], section: Mapping[str, Any]) -> list[str]:
    """Microseconds a step of each length."""
    header = ["", *(f"{length:,} steps" for length in (*records[0]["lengths"], records[0]["longest"])), "exponent"]
    lines = [
        [
            f"{record['configuration']}, {record['mode']}",
            *(
                digits(seconds / length * 1e6)
                for length, seconds in zip(record["lengths"], record["seconds"], strict=True)
            ),
            digits(record["longest seconds"] / record["longest"] * 1e6),
            f"{record['exponent']:.2f}",
        ]
        for record in records
    ]
    return [
        "## Growth with the number of steps",
        f"Microseconds a time step of this package's layer: batch {BATCH}, features {FEATURES}, units {UNITS}. The "
        "exponent is that of the power of the length that the time follows up to 10,000 steps; the longest sequence is "
        "run once.",
        table(header, lines),
    ]


def streams(records: Sequence[Mapping[str, Any]], section: Mapping[str, Any]) -> list[str]:
    """Microseconds of a word, by number of threads."""
    lines = [
        [
            threads_in_words(record["threads"]),
            *(digits(statistics.median(record["seconds"][way]) * 1e6) for way in WAYS),
            f"{ratio(record['seconds']['ours'], record['seconds']['by hand']).median:.2f}",
        ]
        for record in records
    ]
    return [
        "## A word through a model that keeps its states",
        f"`Sequential` of `Embedding({WORDS}, {WIDTH})`, two `LSTM({UNITS_OF_STREAM}, stateful=True)` and "
        f"`Dense({WORDS})` with softmax, batch 1, one index a call; and the same by hand with `nn.Embedding`, "
        "`nn.LSTMCell` and `nn.Linear`. "
        "Microseconds; the ratio is that of the first to the last.",
        table(["", *WAYS.values(), "ratio"], lines),
    ]


def training(records: Sequence[Mapping[str, Any]], section: Mapping[str, Any]) -> list[str]:
    """Seconds an epoch, the first and later ones."""
    blocks = [
        "## Training",
        "`fit` with Adam and the binary crossentropy on random data, and a hand-written PyTorch loop that computes the "
        "same loss and accuracy. The samples keep their order, so that the losses of all epochs can be compared, and "
        "are. The libraries take turns epoch by epoch. Milliseconds; ratios are those of the later epochs to the "
        "loop's.",
    ]
    for record in records:
        task = TASKS[record["task"]]
        lines = [
            [
                FITS[library].label,
                digits(record["first"][library] * 1e3),
                milliseconds(record["later"][library]),
                digits(statistics.median(record["later"][library]) * 1e3 / record["steps"]),
                f"{record['ratios'][library][0]:.2f}" if library in record["ratios"] else "",
            ]
            for library in record["later"]
        ]
        units = " and ".join(str(units) for units in task.units)
        sizes = f"{task.samples} samples, batch {task.batch}, time {task.time}, features {task.features}, units {units}"
        header = ["", "first epoch", "a later epoch", "a step of it", "ratio"]
        blocks += [f"### {record['task'].capitalize()}: {sizes}", table(header, lines)]
    return blocks
