"""The chart of a run: each peer's time relative to ``torch.nn.LSTM``, by configuration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.cases import CONFIGURATIONS, SHAPES, threads_in_words
from benchmarks.peers import BASELINE, PEERS

# Colours that stay apart for colour-blind eyes, and a shape each.
STYLES = {
    "ours": ("#d62728", "D"),
    "without-c": ("#f2a6a6", "d"),
    "packed": ("#8c6d31", "v"),
    "keras-torch": ("#e69f00", "s"),
    "keras-tensorflow": ("#0072b2", "^"),
    "tf_keras": ("#56b4e9", "<"),
    "keras-jax": ("#009e73", "o"),
    "onnxruntime": ("#999999", "P"),
}
OUTER_TITLE = "small work, plain"
OUTER = ("step", "tiny", "single")


def save_picture(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the records of the most threads: a panel for each mode and large shape, and one for the rest."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    threads = max(record["threads"] for record in records)
    panels: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for record in records:
        if record["threads"] != threads or BASELINE not in record["seconds"]:
            continue
        if record["shape"] in OUTER:
            title, row = OUTER_TITLE, f"{record['shape']} {record['mode']}"
        else:
            title, row = f"{record['shape']} ({SHAPES[record['shape']]}), {record['mode']}", record["configuration"]
        panels.setdefault(title, []).append((row, record))
    if OUTER_TITLE in panels:
        panels[OUTER_TITLE] = panels.pop(OUTER_TITLE)  # last, so that forward and training stand side by side
    columns = 2 if len(panels) > 1 else 1
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(6.5 * columns, 1 + 3.6 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    for index, (title, rows) in enumerate(panels.items()):
        axes = figure.add_subplot(lines, columns, index + 1, sharex=figure.axes[0] if figure.axes else None)
        rows.sort(key=lambda row: (*_place(row[1]), row[0]))
        axes.axvline(1.0, color="black", linewidth=1.2, zorder=1)
        for peer, (colour, marker) in STYLES.items():
            taking_part = [height for height, (_, record) in enumerate(rows) if peer in record["ratios"]]
            if not taking_part:
                continue
            medians = [rows[height][1]["ratios"][peer][0] for height in taking_part]
            size, layer = (46, 4) if peer == "ours" else (30, 3)
            axes.scatter(medians, taking_part, s=size, c=colour, marker=marker, zorder=layer, label=PEERS[peer].label)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(range(len(rows)), [row for row, _ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(axis="both", color="#dddddd", linewidth=0.6, zorder=0)
        axes.set_axisbelow(True)
        axes.set_title(title, fontsize=10)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    handles = {
        label: handle for axes in figure.axes for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=4, frameon=False)
    figure.supxlabel(
        f"time relative to torch.nn.LSTM (the line at 1), {threads_in_words(threads)}; left is faster", fontsize=10
    )
    figure.savefig(path, dpi=110)


def _place(record: Mapping[str, Any]) -> tuple[int, int]:
    return list(SHAPES).index(record["shape"]), list(CONFIGURATIONS).index(record["configuration"])
